"""Mask gRPC bodies: messages of one type, each in a frame."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages
from extproc.codecs.grpc_frames import Frame, FrameReader, check_encoding, message_of
from extproc.codecs.protobuf_messages import show_message
from extproc.codecs.unreadable import Unreadable
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.plan.operators import REDACTED
from extproc.masking.protobuf.message_masker import MessageMasker, identity
from extproc.masking.stream_masker import failed
from extproc.model.errors import Undecodable
from extproc.model.masking import Finding

HIDDEN = base64.b64encode(REDACTED.encode()).decode()
"""Redacted ``bytes`` as JSON shows them."""
TOGETHER = 4_096
"""Values of several messages that are prescanned together."""
Hidden: TypeAlias = Callable[[bytes, Descriptor, Callable[[bytes], bytes]], bytes]
"""``Masker.hidden``."""


@dataclass(frozen=True, slots=True)
class Framing:
    """The form of one gRPC body."""

    messages: Messages
    """The type and encoding of its messages."""
    limit: int
    """Most bytes of a message."""
    ratio: int
    """Most times by which a compressed message may grow."""
    binary: bool = False
    """Let ``bytes`` that are not text pass unchanged; each of them becomes a finding."""
    redact_credential: Callable[[bytes], bytes] = identity
    """Removes the backend's credential from a text."""


class FramesMasker:
    """Masks the messages of one gRPC body (``extproc.masking.stream_masker.StreamMasker``).

    A message that changes is sent uncompressed; any other message is sent as it came.
    """

    def __init__(self, masker: JsonMasker, framing: Framing, *, max_depth: int) -> None:
        """Begin a body.

        Args:
            masker: masks texts and logs findings.
            framing: how to read it.
            max_depth: most nested messages.

        Raises:
            Unreadable: the encoding is unknown (``content-encoding``).
        """
        check_encoding(framing.messages.encoding)
        self._framing = framing
        self._messages = MessageMasker(
            masker,
            framing.messages.kind,
            max_depth=max_depth,
            redact_credential=framing.redact_credential,
            binary=framing.binary,
        )
        self._reader = FrameReader(limit=framing.limit)
        self._count = 0

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        return b"".join(self._masked(self._reader.feed(piece)))

    def finish(self) -> bytes:
        """See ``StreamMasker.finish``: refuses a body with an unfinished message."""
        try:
            self._reader.finish()
        except Unreadable as error:
            raise failed(error, "body", Undecodable) from None
        return b""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._messages.findings

    def _masked(self, frames: list[Frame]) -> list[bytes]:
        out: list[bytes] = []
        read: list[tuple[Frame, bytes]] = []
        try:
            for frame in frames:
                read.append((frame, self._read(frame)))
                if self._messages.size >= TOGETHER:
                    out += self._released(read)
        finally:
            out += self._released(read)  # also before a message that cannot be read: their findings count
        return out

    def _read(self, frame: Frame) -> bytes:
        framing = self._framing
        message = message_of(frame, framing.messages.encoding, limit=framing.limit, ratio=framing.ratio)
        self._messages.read(message)
        return message

    def _released(self, read: list[tuple[Frame, bytes]]) -> list[bytes]:
        """Mask the messages that were read."""
        frames, first = read.copy(), self._count if self._framing.messages.listed else None
        read.clear()
        self._count += len(frames)
        return [
            frame.raw if masked == message else Frame(False, masked).raw
            for (frame, message), masked in zip(frames, self._messages.masked(first), strict=True)
        ]


class Readable:
    """Shows frames to people as JSON Lines. The frames may be cut anywhere.

    ``bytes`` that hold an entity are redacted first: Base64 would hide the entity from detectors.
    """

    def __init__(self, framing: Framing, hidden: Hidden) -> None:
        """Begin a body. ``hidden`` is ``Masker.hidden``."""
        self._framing, self._hidden = framing, hidden
        self._reader: FrameReader | None = FrameReader(limit=framing.limit)

    def __call__(self, frames: bytes) -> bytes:
        """Return the next messages, a line each. After a message that cannot be read, nothing more is shown."""
        if self._reader is None:
            return b""
        try:
            return b"".join(self._line(frame) for frame in self._reader.feed(frames))
        except Exception:  # noqa: BLE001 - whatever goes wrong, the call is recorded, without messages that cannot be shown
            self._reader = None
            return b""

    def _line(self, frame: Frame) -> bytes:
        framing = self._framing
        message = message_of(frame, framing.messages.encoding, limit=framing.limit, ratio=framing.ratio)
        kind = framing.messages.kind
        line = json.dumps(
            show_message(self._hidden(message, kind, framing.redact_credential), kind), ensure_ascii=False
        )
        return line.replace(HIDDEN, REDACTED).encode() + b"\n"
