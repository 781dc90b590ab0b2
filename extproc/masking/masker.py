"""The masker: masks any body, header or stream by rules. The front of the package.

``docs/topics/how-masking-works.md`` explains the way of a document through the package.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import misnamed
from extproc.codecs.strict_json import check_text, mark_of, read_utf8
from extproc.detectors.analyzer import Analyzer
from extproc.masking.edits import Edit, apply
from extproc.masking.event_stream import EventStreamMasker, Unmasked
from extproc.masking.fail_once import FailOnce
from extproc.masking.findings import FindingLog
from extproc.masking.formats import Media, check_declared, decode_text, media_of
from extproc.masking.forms import mask_form, mask_multipart
from extproc.masking.json.json_masker import JsonMasker, hides_text
from extproc.masking.json_lines import JsonLinesMasker
from extproc.masking.masked_values import log_masked_values, may_hold_masked_values
from extproc.masking.plan.compiled_plan import CompiledPlan, check_names, compile_entity_plan, compile_plan
from extproc.masking.plan.operators import Operators
from extproc.masking.protobuf.frames import FramesMasker, Framing
from extproc.masking.protobuf.message_masker import MessageMasker
from extproc.masking.stream_masker import Masked, StreamMasker, failed
from extproc.masking.text.text_masker import KeyMasker, TextMasker
from extproc.masking.text_stream import TextStreamMasker
from extproc.model.call import Json
from extproc.model.errors import MaskingError, Undecodable
from extproc.model.masking import MASK_EVERYTHING, Finding, MaskRule
from extproc.model.message_shape import MessageShape

NAMES_CHECKED = 1_024
"""Types with rules for which field names are known to be right."""
STREAMS = frozenset({Media.EVENTS, Media.LINES, Media.TEXT})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trial:
    """The edits that masking would make. Contains the values themselves."""

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
    """Masks JSON, event streams, forms, gRPC and plain text."""

    def __init__(
        self,
        analyzer: Analyzer,
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
            analyzer: finds entities.
            pseudonym_key: secret; the same key gives the same pseudonyms.
            pseudonym_key_id: names that key in pseudonyms: up to 8 letters a-z and up to 3 digits.
            max_depth: most nested arrays and objects of a document.
            event_limit: most bytes of a server-sent event.
            old_pseudonym_keys: earlier keys by id: their pseudonyms are known.
            text_limit: most characters of a streamed text that may be held back; None: as ``event_limit``.
        """
        self._entities = analyzer.entities
        self._analyzer = analyzer
        old = tuple(Operators(key, key_id) for key_id, key in old_pseudonym_keys.items())
        self._text_masker = TextMasker(analyzer, Operators(pseudonym_key, pseudonym_key_id, old))
        self._show_key = KeyMasker(self._text_masker, self._compiled(MASK_EVERYTHING).entities)
        self._max_depth = max_depth
        self._event_limit = event_limit
        self._text_limit = event_limit if text_limit is None else text_limit

    @property
    def entities(self) -> frozenset[str]:
        """The entities that a detector finds."""
        return self._entities

    @property
    def max_depth(self) -> int:
        """Most nested arrays and objects of a document."""
        return self._max_depth

    def shown_key(self, key: str) -> str:
        """Return a key of a document as findings show it: without entities."""
        return self._show_key(key)

    def finds(self, value: str, entity: str) -> bool | None:
        """Return whether a value by itself is found as an entity; None if that depends on the text around it."""
        return self._analyzer.finds_alone(value, entity)

    def warm_up(self) -> None:
        """See ``Analyzer.warm_up``."""
        self._analyzer.warm_up()

    def check(self, rules: tuple[MaskRule, ...], kinds: tuple[Descriptor, ...] = ()) -> None:
        """Refuse rules that cannot be applied, before a call meets them.

        Args:
            rules: those to check.
            kinds: messages in which paths are followed. JSON may spell a field's name otherwise than the
                ``.proto`` file does.

        Raises:
            MaskingError: the message names the rule's path or entity.
        """
        self._compiled(rules)
        for kind in kinds:
            _check_field_names(kind, rules)

    def find(
        self,
        body: bytes,
        content_type: str,
        *,
        binary_parts: bool = False,
        shape: MessageShape | None = None,
    ) -> tuple[Finding, ...]:
        """Return all findings in a body, without masking; for ``binary_parts`` and ``shape`` see ``mask``.

        Raises:
            MaskingError: as for ``mask``.
        """
        plan = self._compiled(())
        return _fail_closed(
            lambda: self._masked(body, content_type, plan, shape, binary_parts=binary_parts)
        ).findings

    def masked_values(self, arguments: Json, document: bytes, *, stars: bool) -> tuple[Finding, ...]:
        """Return findings of what masking left, where it comes back in a call's arguments.

        Args:
            arguments: as policy sees them.
            document: their JSON.
            stars: what ``partial`` leaves counts, too.

        Raises:
            MaskingError: as for ``mask``.
        """
        log = FindingLog(self._show_key)

        def look() -> None:
            if may_hold_masked_values(document) or self._analyzer.may_spell(document.decode("utf-8", "replace")):
                log_masked_values(arguments, log, self._analyzer.labels_in, stars=stars)

        _fail_closed(look)
        return log.findings

    def mask(
        self,
        body: bytes,
        content_type: str,
        rules: tuple[MaskRule, ...],
        *,
        binary_parts: bool = False,
        shape: MessageShape | None = None,
    ) -> Masked:
        """Mask a whole body.

        JSON is read strictly: a document that readers might read in different ways is refused. JSON in a string of
        JSON is masked inside, too, and paths go on into it. In text that is not JSON, only entities are masked.

        Args:
            body: content-encoding undone.
            content_type: value of the header field.
            rules: what to mask. Without rules the body is not even read.
            binary_parts: let parts of a form that are not text pass unchanged; each of them becomes a finding.
            shape: that of the messages in the body, where its protocol has one.

        Returns:
            The masked body, and the findings. A finding without ``how`` was not masked.

        Raises:
            MaskingError: the body cannot be masked; it must not pass.
        """
        if not rules:
            return Masked(body)
        return _fail_closed(
            lambda: self._masked(body, content_type, self._compiled(rules), shape, binary_parts=binary_parts)
        )

    def trial(self, body: bytes, content_type: str, rules: tuple[MaskRule, ...]) -> Trial:
        """As ``mask``, and return the edits: for a person who tries a plan on data of their own.

        Raises:
            MaskingError: as for ``mask``, and for bodies of several documents, such as event streams.
        """
        return _fail_closed(lambda: self._trial(body, content_type, self._compiled(rules)))

    def stream(
        self, content_type: str, rules: tuple[MaskRule, ...], shape: MessageShape | None = None
    ) -> StreamMasker:
        """Begin to mask a streamed body; for ``shape`` see ``mask``.

        Raises:
            MaskingError: a body of this type cannot be masked piece by piece.
        """
        media = media_of(content_type)
        if media not in STREAMS:
            raise MaskingError("content-type is not that of a stream")
        return _fail_closed(lambda: self._stream(media, self._compiled(rules), shape)) if rules else Unmasked()

    def frames(
        self, framing: Framing, rules: tuple[MaskRule, ...], *, conceals: bool = False, finds: bool = False
    ) -> StreamMasker:
        """Begin to mask a gRPC body, unary or streaming.

        Args:
            framing: how to read it.
            rules: what to mask.
            conceals: ``framing.redact_credential`` has a credential to remove.
            finds: findings are wanted even without rules.

        Raises:
            MaskingError: a rule cannot be applied, or a coding cannot be undone.
        """
        if not (rules or conceals or finds):
            return Unmasked()
        return _fail_closed(lambda: self._frames(framing, rules))

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
            rules: rules for paths do not apply to it.
            redact_credential: removes the credential from a text.

        Raises:
            MaskingError: it cannot be masked.
        """
        masker = MessageMasker(
            self._json_masker(compile_entity_plan(rules, self._entities)),
            kind,
            max_depth=self._max_depth,
            redact_credential=redact_credential,
        )
        return _fail_closed(lambda: Masked(masker.mask(value), masker.findings))

    def hidden(
        self,
        message: bytes,
        kind: Descriptor,
        redact_credential: Callable[[bytes], bytes],
        exempt: tuple[MaskRule, ...] = (),
    ) -> bytes:
        """Mask a message so that people may see its JSON, in which ``bytes`` are Base64.

        Args:
            message: its bytes.
            kind: its type.
            redact_credential: removes the credential from a text.
            exempt: exemptions that hold for what people see.

        Raises:
            MaskingError: it cannot be masked.
        """
        masker = MessageMasker(
            self._json_masker(self._compiled(MASK_EVERYTHING + exempt)),
            kind,
            max_depth=self._max_depth,
            redact_credential=redact_credential,
            hides=True,
        )
        return _fail_closed(lambda: masker.mask(message))

    def mask_text(self, text: str, rules: tuple[MaskRule, ...]) -> tuple[str, tuple[Finding, ...]]:
        """Mask the entities in a text that is not a body: a header's value, a URL, a note.

        Args:
            text: the text, percent-encoding undone.
            rules: rules for paths do not apply to it.

        Returns:
            The masked text, and the findings, at ``$``.

        Raises:
            MaskingError: as for ``mask``.
        """
        return _fail_closed(lambda: self._masked_text(text, rules)) if rules else (text, ())

    def may_hold(self, text: str) -> bool:
        """Return whether something could be found in a part of a text. May be wrongly true, never wrongly false.

        Args:
            text: parts, and words that are their context, with two line ends between them.

        Raises:
            MaskingError: as for ``mask``.
        """
        return _fail_closed(lambda: hides_text(text) or bool(self._analyzer.detectors_for(text)))

    def _masked_text(self, text: str, rules: tuple[MaskRule, ...]) -> tuple[str, tuple[Finding, ...]]:
        plan = compile_entity_plan(rules, self._entities)
        if not hides_text(text) and not self._analyzer.detectors_for(text):
            return text, ()
        masker = self._json_masker(plan)
        return apply(text, masker.plain(text)), masker.findings

    def _masked(
        self,
        body: bytes,
        content_type: str,
        plan: CompiledPlan,
        shape: MessageShape | None,
        *,
        binary_parts: bool,
    ) -> Masked:
        if not body:
            return Masked(body)
        media = media_of(content_type, ascii_only=body.isascii())
        if media in (Media.EVENTS, Media.LINES):
            stream = self._stream(media, plan, shape)
            return Masked(stream.feed(body) + stream.finish(), stream.findings)
        masker = self._json_masker(plan, shape)
        match media:
            case Media.FORM:
                return Masked(mask_form(body, masker), masker.findings)
            case Media.MULTIPART:
                return Masked(mask_multipart(body, content_type, masker, binary=binary_parts), masker.findings)
            case _:
                text, edits = self._edited(body, media, masker)
                mark = mark_of(body) if media is Media.JSON else b""
                return Masked(mark + apply(text, edits).encode() if edits else body, masker.findings)

    def _trial(self, body: bytes, content_type: str, plan: CompiledPlan) -> Trial:
        media = media_of(content_type, ascii_only=body.isascii())
        if media not in (Media.JSON, Media.TEXT):
            raise MaskingError("edits can be shown for one document or text, not for several")
        masker = self._json_masker(plan)
        text, edits = self._edited(body, media, masker)
        return Trial(text, tuple(edits), masker.findings)

    def _edited(self, body: bytes, media: Media, masker: JsonMasker) -> tuple[str, list[Edit]]:
        """Return the text of a document or plain text, and its edits."""
        if media is Media.JSON:
            text = read_utf8(body)
            check_text(text, max_depth=self._max_depth)
            return text, masker.document(text)
        check_declared(body)
        text = decode_text(body)
        return text, masker.text(text)

    def _stream(self, media: Media, plan: CompiledPlan, shape: MessageShape | None) -> StreamMasker:
        def make() -> JsonMasker:
            return self._json_masker(plan, shape)

        if media is Media.TEXT:
            return FailOnce(TextStreamMasker(make, limit=self._text_limit), "text")
        if media is Media.LINES:
            lines = JsonLinesMasker(
                make, limit=self._event_limit, text_limit=self._text_limit, max_depth=self._max_depth
            )
            return FailOnce(lines, "line")
        events = EventStreamMasker(
            make, limit=self._event_limit, text_limit=self._text_limit, max_depth=self._max_depth
        )
        return FailOnce(events, "event")

    def _frames(self, framing: Framing, rules: tuple[MaskRule, ...]) -> StreamMasker:
        _check_field_names(framing.messages.kind, rules)
        masker = FramesMasker(self._json_masker(self._compiled(rules)), framing, max_depth=self._max_depth)
        return FailOnce(masker, "message", Undecodable)

    def _compiled(self, rules: tuple[MaskRule, ...]) -> CompiledPlan:
        return compile_plan(rules, self._entities)

    def _json_masker(self, plan: CompiledPlan, shape: MessageShape | None = None) -> JsonMasker:
        log = FindingLog(self._show_key)
        return JsonMasker(self._text_masker, plan, log, max_depth=self._max_depth, shape=shape)


@lru_cache(maxsize=NAMES_CHECKED)
def _check_field_names(kind: Descriptor, rules: tuple[MaskRule, ...]) -> None:
    """Refuse a path that names a field as the ``.proto`` file does and JSON does not: it would never match."""
    wrong = misnamed(kind)
    for rule in rules if wrong else ():
        check_names(rule.path, wrong)


def _fail_closed(work: Callable[[], T]) -> T:
    """Run work; turn any exception into the one error that callers fail closed on."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the call must not pass
        raise failed(error, "body", Undecodable) from None
