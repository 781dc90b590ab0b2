"""Bodies of calls, read by what their protocol knows: messages of a type, or what their content-type says."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import orjson

from extproc.codecs.descriptors import Messages
from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.flow.services import Connection, Services
from extproc.flow.stages import NamedCall, PermittedCall
from extproc.masking.protobuf.frames import Framing, Readable
from extproc.masking.stream_masker import Masked, StreamMasker
from extproc.model.call import Call, Headers, Json
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, MaskRule

LINES = "application/x-ndjson"


def find_in_body(named: NamedCall, services: Services) -> tuple[Finding, ...]:
    """Find all entities in the request's body.

    Raises:
        MaskingError: the body cannot be searched.
    """
    request = named.request
    framing = _request_framing(named, services)
    if framing is None:
        binary_parts = named.connection.passes_binary_parts(named.call.name)
        content_type = named.connection.masked_as(request.head.headers.get("content-type"))
        shape = named.connection.protocol.shape(named.call, response=False)
        return services.masker.find(request.plain, content_type, binary_parts=binary_parts, shape=shape)
    masker = services.masker.frames(framing, (), finds=True)
    masker.feed(request.plain)
    masker.finish()
    return masker.findings


def mask_body(named: NamedCall, services: Services, rules: tuple[MaskRule, ...]) -> Masked:
    """Mask the request's body.

    Raises:
        MaskingError: the body cannot be masked.
    """
    request = named.request
    framing = _request_framing(named, services)
    if framing is None:
        binary_parts = named.connection.passes_binary_parts(named.call.name)
        content_type = named.connection.masked_as(request.head.headers.get("content-type"))
        shape = named.connection.protocol.shape(named.call, response=False)
        return services.masker.mask(request.plain, content_type, rules, binary_parts=binary_parts, shape=shape)
    masker = services.masker.frames(framing, for_each_message(named, rules))
    return Masked(masker.feed(request.plain) + masker.finish(), masker.findings)


def for_each_message(named: NamedCall, rules: tuple[MaskRule, ...]) -> tuple[MaskRule, ...]:
    """Return the rules, and each rule for a field once more for every message of a list.

    So ``$.ssn`` masks the same field of a method that takes one message and of one whose client streams.
    """
    messages = _messages(named.connection, named.call, named.request.head.headers, response=False)
    if messages is None or not messages.listed:
        return rules
    of_fields = (rule for rule in rules if len(rule.path) > 1)
    return rules + tuple(replace(rule, path=f"$[*]{rule.path[1:]}") for rule in of_fields)


def readable_arguments(named: NamedCall, services: Services) -> Json:
    """Return the arguments for people to see, once they are masked as JSON, which does not look into ``bytes``.

    Raises:
        MaskingError: they cannot be shown.
    """
    arguments = named.call.arguments
    framing = None if arguments is None else _request_framing(named, services)
    if framing is None:
        return arguments
    framing = replace(framing, redact_credential=named.connection.known_credential())
    exempt = named.connection.kept_for(named.call.name).request
    lines = Readable(framing, partial(services.masker.hidden, exempt=exempt))(named.request.plain).splitlines()
    try:
        shown: list[Json] = [orjson.loads(line) for line in lines]
    except ValueError:
        raise MaskingError("a message cannot be shown") from None
    if len(shown) != (len(arguments) if framing.messages.listed and isinstance(arguments, list) else 1):
        raise MaskingError("a message cannot be shown")
    return shown if framing.messages.listed else shown[0]


class Pieces(NamedTuple):
    """The way in which a streamed response is masked."""

    masker: StreamMasker
    redact_credential: CredentialRedactor
    """Takes the credential out of what the masker is given, word by word; nothing where the masker does."""
    kept_as: str
    """The content-type of what the record keeps."""
    readable: Callable[[bytes], bytes] | None = None
    """Makes text for the record of what the masker gives out; None where that is text."""


def mask_pieces(
    permitted: PermittedCall, services: Services, headers: Headers, rules: tuple[MaskRule, ...]
) -> Pieces:
    """Begin to mask a streamed response.

    Raises:
        MaskingError: a rule that cannot be applied, or a body that cannot be read.
    """
    decided, redact = permitted.decided, permitted.redact_credential
    messages = _messages(decided.connection, decided.call, headers, response=True)
    content_type = headers.get("content-type")
    if messages is None:
        shape = decided.connection.protocol.shape(decided.call, response=True)
        return Pieces(services.masker.stream(content_type, rules, shape), redact, content_type)
    limits = services.limits
    framing = Framing(
        messages,
        limits.response_body,
        limits.decoded_ratio,
        binary=decided.passes_unmasked,
        redact_credential=redact,
    )
    masker = services.masker.frames(framing, rules, conceals=bool(redact))
    exempt = decided.connection.kept_for(decided.call.name).response
    return Pieces(masker, NO_CREDENTIAL, LINES, Readable(framing, partial(services.masker.hidden, exempt=exempt)))


def _request_framing(named: NamedCall, services: Services) -> Framing | None:
    messages = _messages(named.connection, named.call, named.request.head.headers, response=False)
    if messages is None:
        return None
    limits = services.limits
    binary = named.connection.passes_unmasked(named.call.name)
    return Framing(messages, limits.request_body, limits.decoded_ratio, binary=binary)


def _messages(connection: Connection, call: Call, headers: Headers, *, response: bool) -> Messages | None:
    return connection.protocol.messages(call, headers, response=response)
