"""Mask a stream of JSON documents, one per line (NDJSON, JSON Lines).

Lines are masked one by one, but for the texts that a language model sends piece by piece
(``extproc.masking.model_streams``).
"""

from collections.abc import Callable

from extproc.codecs.strict_json import check_text, mark_of, read_utf8
from extproc.detectors.analyzer import NOTHING_FOUND, Prescan
from extproc.masking.batch_prescan import BatchPrescan
from extproc.masking.edits import apply
from extproc.masking.findings import add_up
from extproc.masking.json.json_masker import JsonMasker
from extproc.masking.model_streams.model_stream import ModelStream
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding

BLANK = b" \t\r\n"
END = BLANK.decode()
LF = b"\n"


class JsonLinesMasker:
    """Masks one stream of lines. Every line is a document by itself, read strictly; blank lines do not change.

    Not found: an entity that is spread over several lines of other shapes than those of language models.
    """

    def __init__(
        self, make_masker: Callable[[], JsonMasker], *, limit: int, text_limit: int, max_depth: int
    ) -> None:
        """Begin a stream.

        Args:
            make_masker: makes a masker with an empty log, always by the same plan.
            limit: most bytes of a line.
            text_limit: most characters of a model's texts that may be held back.
            max_depth: most nested arrays and objects, for each document by itself.
        """
        self._masker = make_masker()
        self._models = ModelStream[bytes](self._masker, make_masker, limit=text_limit, max_depth=max_depth)
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
        """Return the last line, which needs no line end, and the rest of a model's texts."""
        line = self._take()
        last, rests = self._released([line]), [text.encode() + LF for _, text in self._models.finish()]
        return b"".join([last, LF if line and rests else b"", *rests])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """See ``StreamMasker.findings``."""
        return add_up(self._masker.findings, self._models.findings)

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
        searched = prescan is NOTHING_FOUND and not (
            self._masker.plan.may_match(text) or self._masker.may_hold_encoded(text)
        )
        documents = self._models.masked(b"", text.rstrip(END), searched=searched)
        if documents is not None:
            *rests, (_, own) = documents
            return b"".join(
                [
                    *(each.encode() + LF for _, each in rests),
                    *(mark_of(line), own.encode(), line[len(line.rstrip(BLANK)) :]),
                ]
            )
        edits = self._masker.document(text, prescan)
        return mark_of(line) + apply(text, edits).encode() if edits else line
