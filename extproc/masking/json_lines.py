"""Mask a stream of JSON documents, one per line (NDJSON, JSON Lines)."""

from extproc.codecs.strict_json import check_text, read_utf8
from extproc.detectors.analyzer import Look
from extproc.masking.edits import apply
from extproc.masking.json.json_masker import Walk
from extproc.masking.protobuf.prescan import Looks
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding

BLANK = b" \t\r\n"
LF = b"\n"


class JsonLinesMasker:
    """Masks one stream of lines. Every line is a document by itself, read strictly; blank lines stay.

    An entity that is spread over several lines is not seen.
    """

    def __init__(self, walk: Walk, *, limit: int, max_depth: int) -> None:
        """Begin a stream.

        Args:
            walk: masks documents and collects findings.
            limit: bytes one line may have.
            max_depth: of arrays and objects in each document.
        """
        self._walk = walk
        self._limit = limit
        self._max_depth = max_depth
        self._held = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """See ``StreamMasker.feed``."""
        *whole, rest = piece.split(LF)
        lines: list[bytes] = []
        try:
            for end in whole:
                self._hold(end)
                lines.append(self._taken() + LF)
            self._hold(rest)
        finally:
            masked = self._released(lines)  # also before one that is too long: what was found counts
        return masked

    def finish(self) -> bytes:
        """The last line, which needs no line end."""
        return self._released([self._taken()])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._walk.findings

    def _hold(self, more: bytes) -> None:
        if len(self._held) + len(more) > self._limit:
            raise MaskingError("line is too-large")
        self._held += more

    def _taken(self) -> bytes:
        """The line that is held."""
        line = bytes(self._held)
        self._held.clear()
        return line

    def _released(self, lines: list[bytes]) -> bytes:
        """Some lines, masked."""
        texts = [line.decode(errors="replace") for line in lines]  # what cannot be read is refused in its turn
        looks = Looks(self._walk.mask.detectors, texts)
        return b"".join([self._masked(line, looks.of(number)) for number, line in enumerate(lines)])

    def _masked(self, line: bytes, look: Look | None) -> bytes:
        if not line.strip(BLANK):
            return line
        text = read_utf8(line)
        check_text(text, max_depth=self._max_depth)
        edits = self._walk.document(text, look)
        return apply(text, edits).encode() if edits else line
