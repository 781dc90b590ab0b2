"""``extproc mask`` for protocol buffers: one message, or a gRPC body; what changed is shown field by field."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from extproc.codecs.descriptors import Messages, read_type
from extproc.codecs.grpc_frames import Frame, FrameReader, message_of
from extproc.codecs.json_units import Path as Place
from extproc.codecs.protobuf_messages import show_message
from extproc.codecs.unreadable import Unreadable
from extproc.config.load import load_settings
from extproc.console.printable import printable
from extproc.masking.masker import Masker
from extproc.masking.plan.json_path import render
from extproc.masking.protobuf.frames import Framing
from extproc.masking.stream_masker import Masked
from extproc.model.call import Json
from extproc.model.errors import ConfigError
from extproc.model.masking import MaskRule
from extproc.protocols.grpc.registered_methods import read_descriptors
from extproc.protocols.grpc.settings import GrpcConnection

LIMIT = 64 << 20
RATIO = 1_000
"""A person's own file may unfold as far as it likes."""


@dataclass(frozen=True)
class TypedBody:
    """How a body of messages is read."""

    framing: Framing
    alone: bool
    """Whether it is one message, without a frame around it."""

    def mask(self, masker: Masker, body: bytes, rules: tuple[MaskRule, ...]) -> Masked:
        """The body after masking, and what was found in it.

        Raises:
            MaskingError: it cannot be masked.
        """
        frames = masker.frames(self.framing, rules, finds=True)
        out = frames.feed(Frame(False, body).raw if self.alone else body) + frames.finish()
        return Masked(self._messages(out)[0] if self.alone else out, frames.findings)

    def show(self, body: bytes, masked: Masked) -> None:
        """Print each field that changed: what stood there, what comes in its place, and what it was."""
        console = Console(highlight=False, soft_wrap=True)
        entities = {finding.path: finding.entity for finding in masked.findings}
        for place, before, after in changes(self._shown(body), self._shown(masked.body)):
            line = Text(f"{render(place)}  ")
            line.append(f"[-{printable(before)}-]", "red")
            line.append(f"{{+{printable(after)}+}}", "green")
            line.append(f"  {entities.get(render(place), '')}", "bold yellow")
            console.print(line)

    def _shown(self, body: bytes) -> Json:
        kind = self.framing.messages.kind
        if self.alone:
            return show_message(body, kind)
        shown = [show_message(each, kind) for each in self._messages(body)]
        return shown if self.framing.messages.listed or len(shown) != 1 else shown[0]

    def _messages(self, body: bytes) -> list[bytes]:
        try:
            frames = FrameReader(limit=LIMIT).feed(body)
            return [message_of(each, self.framing.messages.encoding, limit=LIMIT, ratio=RATIO) for each in frames]
        except Unreadable:
            return []


def typed_body(
    descriptors: Path | None,
    message: str,
    method: str,
    *,
    encoding: str,
    config: Path | None,
    connection: str,
    response: bool,
) -> TypedBody:
    """Find out how the body is read.

    Args:
        descriptors: a descriptor set; None: the connection's.
        message: the type, where it is one message.
        method: whose body it is, otherwise.
        encoding: of compressed messages.
        config: a configuration file.
        connection: a connection of it.
        response: whether it is what the method gives.

    Raises:
        ConfigError: there is no such type or method.
    """
    file = descriptors or _connections(config, connection)
    if message:
        try:
            return TypedBody(
                _framing(Messages(read_type(file.read_bytes(), message), encoding=encoding)), alone=True
            )
        except (OSError, ValueError) as error:
            raise ConfigError(f"{file} is {error}") from None
    found = read_descriptors(file)
    if method not in found:
        raise ConfigError(f"{file} has no method {method!r}", hint=", ".join(found))
    told = found[method]
    kind, listed = (told.response, False) if response else (told.request, told.takes_many)
    return TypedBody(_framing(Messages(kind, listed, encoding)), alone=False)


def _framing(messages: Messages) -> Framing:
    return Framing(messages, LIMIT, RATIO)


def _connections(config: Path | None, name: str) -> Path:
    connection = load_settings(config).connections.get(name) if config else None
    if not isinstance(connection, GrpcConnection):
        raise ConfigError("no descriptor set", hint="give --descriptors, or --config and a gRPC --connection")
    return connection.descriptors


def changes(before: Json, after: Json, place: Place = ()) -> Iterator[tuple[Place, str, str]]:
    """Where two documents differ, what stood there, and what does; fields that are gone as nothing."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and after.keys() <= before.keys():
        for key, value in before.items():
            yield from changes(value, after.get(key), (*place, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changes(one, other, (*place, index))
    else:
        yield place, _text(before), _text(after)


def _text(value: Json) -> str:
    return "" if value is None else str(value)
