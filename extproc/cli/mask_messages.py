"""Mask protocol buffers for ``extproc mask``: one message, or a gRPC body, with its changes field by field."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from extproc.cli.mask_diff import change
from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame, FrameReader, message_of
from extproc.codecs.json_units import Path as Place
from extproc.codecs.protobuf_messages import show_message
from extproc.codecs.unreadable import Unreadable
from extproc.config.schema import Settings
from extproc.masking.masker import Masker
from extproc.masking.plan.json_path import render
from extproc.masking.protobuf.frames import Framing
from extproc.masking.stream_masker import Masked
from extproc.model.call import Json
from extproc.model.errors import ConfigError
from extproc.model.masking import MaskRule
from extproc.protocols.grpc.registered_methods import MAKE_IT, read_message, registered_methods
from extproc.protocols.grpc.settings import GrpcConnection

LIMIT = 64 << 20
RATIO = 1_000
"""Bytes of a decompressed message, and its ratio to the compressed one: generous, for a person's own file."""


@dataclass(frozen=True)
class TypedBody:
    """The form of a body of messages."""

    framing: Framing
    alone: bool
    """True if the body is one message without a gRPC frame around it."""

    def mask(self, masker: Masker, body: bytes, rules: tuple[MaskRule, ...]) -> Masked:
        """Return the masked body and its findings.

        Raises:
            MaskingError: the body cannot be masked.
        """
        frames = masker.frames(self.framing, rules, finds=True)
        out = frames.feed(Frame(False, body).raw if self.alone else body) + frames.finish()
        return Masked(self._messages(out)[0] if self.alone else out, frames.findings)

    def changed_fields(self, body: bytes, masked: Masked) -> Iterator[Text]:
        """One line for each changed field: its place, its value before and after, and the entity."""
        entities = {finding.path: finding.entity for finding in masked.findings}
        for place, before, after in changes(self._shown(body), self._shown(masked.body)):
            line = Text(f"{render(place)}  ")
            line.append_text(change(before, after))
            line.append(f"  {entities.get(render(place), '')}", "bold yellow")
            yield line

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
    settings: Settings | None,
    connection: str,
    response: bool,
) -> TypedBody:
    """Find the message type of the body.

    Args:
        descriptors: a descriptor set; None: the connection's.
        message: the type, if the body is one message.
        method: otherwise, the method whose body it is.
        encoding: the grpc-encoding of compressed messages.
        settings: the configuration with the connection.
        connection: a gRPC connection.
        response: whether the body is a response of the method, or a request.

    Raises:
        ConfigError: the descriptor set cannot be read, or lacks the type or method.
    """
    file = descriptors or _connections(settings, connection)
    if not file.is_file():
        raise ConfigError(f"{file}: no such file", hint=MAKE_IT)
    if message:
        return TypedBody(_framing(Messages(read_message(file, message), encoding=encoding)), alone=True)
    registered = registered_methods(file, [method])[method]
    kind, listed = (registered.response, False) if response else (registered.request, registered.takes_many)
    return TypedBody(_framing(Messages(kind, listed, encoding)), alone=False)


def _framing(messages: Messages) -> Framing:
    return Framing(messages, LIMIT, RATIO)


def _connections(settings: Settings | None, name: str) -> Path:
    connection = settings.connections.get(name) if settings else None
    if not isinstance(connection, GrpcConnection):
        raise ConfigError(
            "no descriptor set is named", hint="give --descriptors, or --config and a gRPC --connection"
        )
    return connection.descriptors


def changes(before: Json, after: Json, place: Place = ()) -> Iterator[tuple[Place, str, str]]:
    """Yield each place where two documents differ, with its text before and after; a removed field has none."""
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
