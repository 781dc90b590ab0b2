"""Bodies of calls, by what their protocol knows of them: messages of a type, or what their content-type says."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import orjson

from extproc.codecs.descriptors import Messages
from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.flow.case import Case
from extproc.flow.services import Services
from extproc.masking.protobuf.frames import Framing, Readable
from extproc.masking.stream_masker import Masked, StreamMasker
from extproc.model.call import Headers, Json
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, MaskRule

LINES = "application/x-ndjson"


def find_in_body(case: Case, services: Services) -> tuple[Finding, ...]:
    """All entities in the request's body.

    Raises:
        MaskingError: it cannot be looked through.
    """
    framing = _request_framing(case, services)
    if framing is None:
        return services.masker.find(case.plain, case.head.headers.get("content-type"))
    masker = services.masker.frames(framing, (), finds=True)
    masker.feed(case.plain)
    masker.finish()
    return masker.findings


def mask_body(case: Case, services: Services, rules: tuple[MaskRule, ...]) -> Masked:
    """The request's body with masked values.

    Raises:
        MaskingError: it cannot be masked.
    """
    framing = _request_framing(case, services)
    if framing is None:
        return services.masker.mask(case.plain, case.head.headers.get("content-type"), rules)
    masker = services.masker.frames(framing, for_each_message(case, rules))
    return Masked(masker.feed(case.plain) + masker.finish(), masker.findings)


def for_each_message(case: Case, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
    """The rules, and those of a field once more for each message where the arguments are a list of messages.

    So ``$.ssn`` masks the same field of a method that takes one message and of one whose client streams.
    """
    messages = _messages(case, case.head.headers, response=False) if case.call and case.connection else None
    if messages is None or not messages.listed:
        return rules
    of_fields = (rule for rule in rules if len(rule.path) > 1)
    return rules + tuple(replace(rule, path=f"$[*]{rule.path[1:]}") for rule in of_fields)


def readable_arguments(case: Case, services: Services) -> Json:
    """The arguments for people to see, once they are masked as JSON, which does not look into ``bytes``.

    Raises:
        MaskingError: they cannot be shown.
    """
    arguments = case.call.arguments if case.call else None
    framing = None if arguments is None else _request_framing(case, services)
    if framing is None:
        return arguments
    framing = replace(framing, redact_credential=case.known_credential())
    lines = Readable(framing, services.masker.hidden)(case.plain).splitlines()
    try:
        shown: list[Json] = [orjson.loads(line) for line in lines]
    except ValueError:
        raise MaskingError("a message cannot be shown") from None
    if len(shown) != (len(arguments) if framing.messages.listed and isinstance(arguments, list) else 1):
        raise MaskingError("a message cannot be shown")
    return shown if framing.messages.listed else shown[0]


class Pieces(NamedTuple):
    """How a response is masked that goes piece by piece."""

    masker: StreamMasker
    redact_credential: CredentialRedactor
    """Takes the credential out of what the masker is given, word by word; nothing where the masker does."""
    kept_as: str
    """The content-type of what the record keeps."""
    readable: Callable[[bytes], bytes] | None = None
    """Makes text for the record of what the masker gives out; None where that is text."""


def mask_pieces(case: Case, services: Services, headers: Headers, rules: tuple[MaskRule, ...]) -> Pieces:
    """Begin to mask a response piece by piece.

    Raises:
        MaskingError: a rule that cannot be applied, or a body that cannot be read.
    """
    messages = _messages(case, headers, response=True)
    content_type = headers.get("content-type")
    if messages is None:
        return Pieces(services.masker.stream(content_type, rules), case.redact_credential, content_type)
    limits = services.limits
    framing = Framing(
        messages,
        limits.response_body,
        limits.decoded_ratio,
        binary=case.passes_unmasked,
        redact_credential=case.redact_credential,
    )
    masker = services.masker.frames(framing, rules, conceals=bool(case.redact_credential))
    return Pieces(masker, NO_CREDENTIAL, LINES, Readable(framing, services.masker.hidden))


def _request_framing(case: Case, services: Services) -> Framing | None:
    messages = _messages(case, case.head.headers, response=False)
    if messages is None:
        return None
    limits = services.limits
    return Framing(messages, limits.request_body, limits.decoded_ratio, binary=case.passes_unmasked)


def _messages(case: Case, headers: Headers, *, response: bool) -> Messages | None:
    assert case.connection is not None  # noqa: S101 - identified before
    assert case.call is not None  # noqa: S101 - identified before
    return case.connection.protocol.messages(case.call, headers, response=response)
