"""Mask gRPC's bodies: messages of a type, each in a frame, as they come."""

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
from extproc.masking.json.json_masker import Walk
from extproc.masking.plan.operators import REDACTED
from extproc.masking.protobuf.message_masker import MessageMasker, unchanged
from extproc.masking.stream_masker import failed
from extproc.model.errors import Undecodable
from extproc.model.masking import Finding

HIDDEN = base64.b64encode(REDACTED.encode()).decode()
"""What JSON makes of ``bytes`` that are redacted."""
TOGETHER = 4_096
"""Values of several messages that are looked at together."""
Hidden: TypeAlias = Callable[[bytes, Descriptor, Callable[[bytes], bytes]], bytes]
"""``Masker.hidden``."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How one gRPC body is to be read."""

    messages: Messages
    """What it consists of."""
    limit: int
    """Bytes that one message may have."""
    ratio: int
    """How many times as long as it came a compressed message may become."""
    binary: bool = False
    """Whether ``bytes`` that are not text pass as they came; each is a finding then."""
    redact_credential: Callable[[bytes], bytes] = unchanged
    """Takes the backend's credential out of a text."""


class FramesMasker:
    """Masks the messages of one gRPC body, as they come (``extproc.masking.stream_masker.StreamMasker``).

    A message that changes is sent uncompressed; one that stays, stays as it came.
    """

    def __init__(self, walk: Walk, framing: Framing, *, max_depth: int) -> None:
        """Begin a body.

        Args:
            walk: that of its messages.
            framing: how it is read.
            max_depth: of messages in messages.

        Raises:
            Unreadable: with ``content-encoding``.
        """
        check_encoding(framing.messages.encoding)
        self._walk = walk
        self._framing = framing
        self._messages = MessageMasker(
            walk,
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
        """See ``StreamMasker.finish``: nothing is left, or the body is refused."""
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
            out += self._released(read)  # also before one that cannot be read: what was found counts
        return out

    def _read(self, frame: Frame) -> bytes:
        framing = self._framing
        message = message_of(frame, framing.messages.encoding, limit=framing.limit, ratio=framing.ratio)
        self._messages.read(message)
        return message

    def _released(self, read: list[tuple[Frame, bytes]]) -> list[bytes]:
        """The messages that were read, masked."""
        frames, first = read.copy(), self._count if self._framing.messages.listed else None
        read.clear()
        self._count += len(frames)
        return [
            frame.raw if masked == message else Frame(False, masked).raw
            for (frame, message), masked in zip(frames, self._messages.masked(first), strict=True)
        ]


class Readable:
    """Frames as JSON Lines, for people: cut anywhere, and without what Base64 would hide from detectors."""

    def __init__(self, framing: Framing, hidden: Hidden) -> None:
        """Begin a body. ``hidden`` is ``Masker.hidden``."""
        self._framing, self._hidden = framing, hidden
        self._reader: FrameReader | None = FrameReader(limit=framing.limit)

    def __call__(self, frames: bytes) -> bytes:
        """The next messages, a line each. Where one cannot be read, no more are shown."""
        if self._reader is None:
            return b""
        try:
            return b"".join(self._line(frame) for frame in self._reader.feed(frames))
        except Exception:  # noqa: BLE001 - whatever goes wrong, the call is recorded, without what cannot be shown
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
