"""The masker: any body, header or stream, by rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import misnamed
from extproc.codecs.strict_json import check_text, read_utf8
from extproc.detectors.analyzer import Analyzer
from extproc.masking.edits import Edit, apply
from extproc.masking.event_stream import EventStreamMasker, Unmasked
from extproc.masking.fail_once import FailOnce
from extproc.masking.formats import Media, decode_text, media_of
from extproc.masking.forms import mask_form, mask_multipart
from extproc.masking.json.json_masker import Walk, hides_text
from extproc.masking.json_lines import JsonLinesMasker
from extproc.masking.plan.compiled_plan import ALL, Plan, check_names, make_plan
from extproc.masking.plan.operators import Operators
from extproc.masking.protobuf.frames import FramesMasker, Framing
from extproc.masking.protobuf.message_masker import MessageMasker
from extproc.masking.stream_masker import Masked, StreamMasker, failed
from extproc.masking.text.text_masker import TextMask
from extproc.masking.text.text_stream import TextStreamMasker
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import Finding, MaskOperator, MaskRule

PLANS_KEPT = 1_024
"""Compiled plans a masker remembers; policies name few different ones."""

STREAMS = frozenset({Media.EVENTS, Media.LINES, Media.TEXT})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trial:
    """What masking would do. Holds the values themselves."""

    text: str
    """The body."""
    edits: tuple[Edit, ...]
    """Sorted, without overlaps."""
    findings: tuple[Finding, ...]

    @property
    def masked(self) -> str:
        """The body after masking."""
        return apply(self.text, self.edits)


class Masker:
    """Masks JSON, event streams, forms and plain text (the front of the package)."""

    def __init__(
        self,
        detectors: Analyzer,
        *,
        pseudonym_key: bytes,
        pseudonym_key_id: str,
        max_depth: int,
        event_limit: int,
        old_pseudonym_keys: Mapping[str, bytes] = MappingProxyType({}),
        text_limit: int | None = None,
    ) -> None:
        """Make a masker for all calls of a worker.

        Args:
            detectors: what finds entities.
            pseudonym_key: secret; the same one gives the same pseudonyms.
            pseudonym_key_id: names that key in pseudonyms: up to 8 letters a-z and up to 3 digits.
            max_depth: how many arrays and objects of a document may be nested.
            event_limit: bytes one server-sent event may have.
            old_pseudonym_keys: keys by id that were in use: tokens made with them are known.
            text_limit: characters of a streamed text that may be held back; None: as many as ``event_limit``.
        """
        self._detectors = detectors
        old = tuple(Operators(key, key_id) for key_id, key in old_pseudonym_keys.items())
        self._mask = TextMask(detectors, Operators(pseudonym_key, pseudonym_key_id, old))
        self._max_depth = max_depth
        self._event_limit = event_limit
        self._text_limit = event_limit if text_limit is None else text_limit
        self._plan = lru_cache(maxsize=PLANS_KEPT)(lambda rules: make_plan(rules, detectors.entities))
        self._text_plan = lru_cache(maxsize=PLANS_KEPT)(
            lambda rules: make_plan(tuple(rule for rule in rules if not rule.path), detectors.entities)
        )
        self._typed_plan = lru_cache(maxsize=PLANS_KEPT)(self._plan_for)
        self._nothing = make_plan((), detectors.entities)
        self._everything = make_plan((MaskRule(MaskOperator.REDACT, entity=ALL),), detectors.entities)

    def check(self, rules: tuple[MaskRule, ...], kinds: tuple[Descriptor, ...] = ()) -> None:
        """Say now what a call would meet: a path that cannot be read, an entity that nothing detects.

        Args:
            rules: those to check.
            kinds: messages in which they are followed; a field's name in the ``.proto`` file is none in its JSON.

        Raises:
            MaskingError: the message names the rule's path or entity.
        """
        make_plan(rules, self._detectors.entities)
        for kind in kinds:
            self._typed_plan(kind, rules)

    def find(self, body: bytes, content_type: str) -> tuple[Finding, ...]:
        """See ``Masker.find``."""
        return _guarded(lambda: self._masked(body, content_type, self._nothing)).findings

    def mask(self, body: bytes, content_type: str, rules: tuple[MaskRule, ...]) -> Masked:
        """See ``Masker.mask``. Findings tell what was masked, and, without a ``how``, what was not.

        JSON is read strictly, so that what cannot be read the same way by everyone is not masked but refused.
        JSON in a string of JSON is masked inside, too; paths go on into it. Where paths cannot be followed, in
        text that is not JSON, only entities are masked.
        """
        if not rules:
            return Masked(body)
        return _guarded(lambda: self._masked(body, content_type, self._plan(rules)))

    def trial(self, body: bytes, content_type: str, rules: tuple[MaskRule, ...]) -> "Trial":
        """As ``mask``, and with what is replaced: for a person who tries a plan on data of their own.

        Raises:
            MaskingError: as for ``mask``, and for event streams, of which each event is a document by itself.
        """
        return _guarded(lambda: self._trial(body, content_type, self._plan(rules)))

    def _trial(self, body: bytes, content_type: str, plan: Plan) -> "Trial":
        media = media_of(content_type, ascii_only=body.isascii())
        if media not in (Media.JSON, Media.TEXT):
            raise MaskingError("changes are shown of one document or text, not of several")
        text = read_utf8(body) if media is Media.JSON else decode_text(body)
        if media is Media.JSON:
            check_text(text, max_depth=self._max_depth)
        walk = self._walk(plan)
        edits = walk.document(text) if media is Media.JSON else walk.text(text)
        return Trial(text, tuple(edits), walk.findings)

    def stream(self, content_type: str, rules: tuple[MaskRule, ...]) -> StreamMasker:
        """See ``Masker.stream``."""
        media = media_of(content_type)
        if media not in STREAMS:
            raise MaskingError("content-type is not that of a stream")
        return _guarded(lambda: self._events(media, self._plan(rules))) if rules else Unmasked()

    def frames(
        self, framing: Framing, rules: tuple[MaskRule, ...], *, conceals: bool = False, finds: bool = False
    ) -> StreamMasker:
        """Begin to mask a gRPC body, unary or streaming.

        Args:
            framing: how it is read.
            rules: what to mask.
            conceals: whether ``framing.redact_credential`` has something to look for.
            finds: whether findings are wanted, rules or not.

        Raises:
            MaskingError: a rule that cannot be applied, or a coding that cannot be undone.
        """
        if not (rules or conceals or finds):
            return Unmasked()
        return _guarded(lambda: self._frames(framing, self._typed_plan(framing.messages.kind, rules)))

    def field(
        self,
        value: bytes,
        kind: Descriptor,
        rules: tuple[MaskRule, ...],
        redact_credential: Callable[[bytes], bytes],
    ) -> Masked:
        """Mask one message that is the value of a header field.

        Args:
            value: the message.
            kind: its type.
            rules: those for paths are not for it, and are left aside.
            redact_credential: takes the credential out of a text.

        Raises:
            MaskingError: it cannot be masked.
        """
        walk = self._walk(self._text_plan(rules))
        masker = MessageMasker(walk, kind, max_depth=self._max_depth, redact_credential=redact_credential)
        return _guarded(lambda: Masked(masker.mask(value), masker.findings))

    def hidden(self, message: bytes, kind: Descriptor, redact_credential: Callable[[bytes], bytes]) -> bytes:
        """A message of which people may see the JSON, once the entities in that are masked, too.

        Args:
            message: its bytes.
            kind: its type.
            redact_credential: takes the credential out of a text.

        Raises:
            MaskingError: it cannot be masked.
        """
        walk = self._walk(self._everything)
        masker = MessageMasker(
            walk, kind, max_depth=self._max_depth, redact_credential=redact_credential, hides=True
        )
        return _guarded(lambda: masker.mask(message))

    def _frames(self, framing: Framing, plan: Plan) -> StreamMasker:
        masker = FramesMasker(self._walk(plan), framing, max_depth=self._max_depth)
        return FailOnce(masker, "message", Undecodable)

    def _plan_for(self, kind: Descriptor, rules: tuple[MaskRule, ...]) -> Plan:
        """The plan, unless a path names a field as the ``.proto`` file does: it would never match."""
        wrong = misnamed(kind)
        for rule in rules if wrong else ():
            check_names(rule.path, wrong)
        return self._plan(rules)

    def mask_text(self, text: str, rules: tuple[MaskRule, ...]) -> tuple[str, tuple[Finding, ...]]:
        """Mask the entities in a text that is no body: a header's value, a path, a note.

        Args:
            text: the text, percent-encoding undone.
            rules: those for paths are not for such text, and are left aside.

        Returns:
            The masked text, and the findings, at ``$``.

        Raises:
            MaskingError: as for ``mask``.
        """
        return _guarded(lambda: self._masked_text(text, rules)) if rules else (text, ())

    def may_hold(self, text: str) -> bool:
        """Whether something could be found in a part of a text. May be wrong in saying so, never in denying it.

        Args:
            text: parts, and words that tell of others, with two line ends between them.

        Raises:
            MaskingError: as for ``mask``.
        """
        return _guarded(lambda: hides_text(text) or bool(self._detectors.suspects(text)))

    def _masked_text(self, text: str, rules: tuple[MaskRule, ...]) -> tuple[str, tuple[Finding, ...]]:
        plan = self._text_plan(rules)
        if not hides_text(text) and not self._detectors.suspects(text):
            return text, ()
        walk = self._walk(plan)
        return apply(text, walk.plain(text)), walk.findings

    def _masked(self, body: bytes, content_type: str, plan: Plan) -> Masked:
        if not body:
            return Masked(body)
        match media_of(content_type, ascii_only=body.isascii()):
            case Media.JSON:
                text = read_utf8(body)
                check_text(text, max_depth=self._max_depth)
                return self._rewritten(body, text, plan, Walk.document)
            case Media.FORM:
                walk = self._walk(plan)
                return Masked(mask_form(body, walk), walk.findings)
            case Media.MULTIPART:
                walk = self._walk(plan)
                return Masked(mask_multipart(body, content_type, walk), walk.findings)
            case Media.TEXT:
                return self._rewritten(body, decode_text(body), plan, Walk.text)
            case Media.EVENTS | Media.LINES as media:
                events = self._events(media, plan)
                return Masked(events.feed(body) + events.finish(), events.findings)

    def _rewritten(self, body: bytes, text: str, plan: Plan, edit: Callable[[Walk, str], list[Edit]]) -> Masked:
        walk = self._walk(plan)
        edits = edit(walk, text)
        return Masked(apply(text, edits).encode() if edits else body, walk.findings)

    def _events(self, media: Media, plan: Plan) -> StreamMasker:
        if media is Media.TEXT:
            return FailOnce(TextStreamMasker(lambda: self._walk(plan), limit=self._text_limit), "text")
        if media is Media.LINES:
            lines = JsonLinesMasker(self._walk(plan), limit=self._event_limit, max_depth=self._max_depth)
            return FailOnce(lines, "line")
        return FailOnce(EventStreamMasker(self._walk(plan), limit=self._event_limit), "event")

    def _walk(self, plan: Plan) -> Walk:
        return Walk(self._mask, plan, max_depth=self._max_depth, redact_all=self._everything)


def _guarded(work: Callable[[], T]) -> T:
    """Do it, or fail with the one error that callers fail closed on."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the call must not pass
        raise failed(error, "body", Undecodable) from None
