"""Reads gRPC messages from a body in pieces (gRPC over HTTP/2, section Length-Prefixed-Message)."""

from typing import NamedTuple

from extproc.codecs.content_encoding import decode
from extproc.codecs.unreadable import Unreadable
from extproc.model.reasons import Uninspectable

HEAD = 5
"""Bytes before a message: a flag, and the length in four bytes, big-endian."""


CODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Codings of gRPC's list that can be decoded here; ``deflate`` is the zlib format, as in HTTP."""


class Frame(NamedTuple):
    """One message as received."""

    compressed: bool
    payload: bytes

    @property
    def raw(self) -> bytes:
        """The frame's bytes."""
        return bytes([self.compressed]) + len(self.payload).to_bytes(4, "big") + self.payload


class FrameReader:
    """Splits a body into frames, which do not depend on how the body was split into pieces."""

    def __init__(self, *, limit: int) -> None:
        """Args: ``limit``: maximum bytes of one message."""
        self._limit = limit
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[Frame]:
        """Take the next piece; return the frames that it completes.

        Raises:
            Unreadable: ``too-large`` before more is held than the limit; ``content-encoding`` for another flag
                than 0 and 1.
        """
        self._held += piece
        frames: list[Frame] = []
        at = 0
        while len(self._held) - at >= HEAD:
            flag, length = self._held[at], int.from_bytes(self._held[at + 1 : at + HEAD], "big")
            if flag > 1:
                raise Unreadable(Uninspectable.CONTENT_ENCODING)
            if length > self._limit:
                raise Unreadable(Uninspectable.TOO_LARGE)
            if len(self._held) - at < HEAD + length:
                break
            frames.append(Frame(bool(flag), bytes(self._held[at + HEAD : at + HEAD + length])))
            at += HEAD + length
        del self._held[:at]
        return frames

    def finish(self) -> None:
        """End the body.

        Raises:
            Unreadable: ``truncated``, within a frame.
        """
        if self._held:
            raise Unreadable(Uninspectable.TRUNCATED)


def check_encoding(encoding: str) -> None:
    """Refuse a coding that cannot be decoded, before a message with it comes.

    Raises:
        Unreadable: with ``content-encoding``.
    """
    if encoding.strip().lower() not in CODINGS:
        raise Unreadable(Uninspectable.CONTENT_ENCODING)


def message_of(frame: Frame, encoding: str, *, limit: int, ratio: int) -> bytes:
    """Return the decompressed message of a frame.

    Args:
        frame: as received.
        encoding: the value of ``grpc-encoding``; empty if absent.
        limit: maximum bytes of the message.
        ratio: maximum size of the message, as a multiple of the payload's.

    Raises:
        Unreadable: as for ``content_encoding.decode``; also if it is compressed without a coding.
    """
    if not frame.compressed:
        return frame.payload
    check_encoding(encoding)
    if encoding.strip().lower() in ("", "identity"):
        raise Unreadable(Uninspectable.CONTENT_ENCODING)
    return decode(frame.payload, encoding, limit=limit, ratio=ratio)
