"""Mask a stream of JSON documents, one per line (NDJSON, JSON Lines)."""

from extproc.codecs.strict_json import check_text, read_utf8
from extproc.detectors.analyzer import Prescan
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import apply
from extproc.masking.json.json_masker import JsonMasker
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding

BLANK = b" \t\r\n"
LF = b"\n"


class JsonLinesMasker:
    """Masks one stream of lines. Every line is a document by itself, read strictly; blank lines do not change.

    Not found: an entity that is spread over several lines.
    """

    def __init__(self, masker: JsonMasker, *, limit: int, max_depth: int) -> None:
        """Begin a stream.

        Args:
            masker: masks documents and logs findings.
            limit: most bytes of a line.
            max_depth: most nested arrays and objects, for each document by itself.
        """
        self._masker = masker
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
                lines.append(self._take() + LF)
            self._hold(rest)
        finally:
            masked = self._released(lines)  # also before a line that is too long: its findings count
        return masked

    def finish(self) -> bytes:
        """Return the last line, which needs no line end."""
        return self._released([self._take()])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return self._masker.findings

    def _hold(self, more: bytes) -> None:
        if len(self._held) + len(more) > self._limit:
            raise MaskingError("line is too-large")
        self._held += more

    def _take(self) -> bytes:
        """Return the line that is held, and hold nothing."""
        line = bytes(self._held)
        self._held.clear()
        return line

    def _released(self, lines: list[bytes]) -> bytes:
        """Mask several lines."""
        texts = [line.decode(errors="replace") for line in lines]  # an unreadable line is refused in its turn
        batch = BatchPrescan(self._masker.analyzer, texts)
        return b"".join([self._masked(line, batch.prescan_of(number)) for number, line in enumerate(lines)])

    def _masked(self, line: bytes, prescan: Prescan | None) -> bytes:
        if not line.strip(BLANK):
            return line
        text = read_utf8(line)
        check_text(text, max_depth=self._max_depth)
        edits = self._masker.document(text, prescan)
        return apply(text, edits).encode() if edits else line
