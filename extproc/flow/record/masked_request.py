"""The parts of a request that entries keep and approvers see: masked, and without the backend's credential."""

import json

import orjson

from extproc.codecs.url import readable_url
from extproc.credentials.redactor import REDACTED_CREDENTIAL
from extproc.flow.bodies import for_each_message, readable_arguments
from extproc.flow.services import Connection, Services
from extproc.flow.stages import IdentifiedCall, NamedCall
from extproc.model.call import Json, RequestHead
from extproc.model.errors import MaskingError
from extproc.model.masking import MASK_EVERYTHING, MaskRule

UNKNOWN_NAME = 200
"""Characters kept of a name that nobody registered."""


def masked_path(head: RequestHead, connection: Connection | None, services: Services, known: str = "") -> str:
    """Return the path without its query, as a person reads it, masked.

    Where the connection has the host by a wildcard, the host stands before the path: ``//host/path`` (RFC 3986
    section 4.2).

    Args:
        head: of the request.
        connection: its credential must not be kept either.
        services: the worker's services.
        known: the masked path, where the search of the call has made it.

    Raises:
        MaskingError: it cannot be masked.
    """
    path = readable_url(head.path_only)
    if connection is not None and connection.without_credential(path) != path:
        return REDACTED_CREDENTIAL.decode()
    masked = known or services.masker.mask_text(path, MASK_EVERYTHING)[0]
    host = open_host(head, connection)
    return f"//{services.masker.mask_text(host, MASK_EVERYTHING)[0]}{masked}" if host else masked


def open_host(head: RequestHead, connection: Connection | None) -> str:
    """Return the host of a request that the connection has by a wildcard only; empty for one that it names."""
    host = head.authority.lower()
    return "" if connection is None or host in connection.settings.hosts else host


def masked_arguments(named: NamedCall, services: Services, policy_rules: tuple[MaskRule, ...]) -> str:
    """Return the arguments as JSON text.

    Where detectors found nothing in the whole call, only rules for fields can have work left.

    Args:
        named: the call.
        services: the worker's services.
        policy_rules: rules of the decision, where there is one.

    Raises:
        MaskingError: they cannot be masked.
    """
    connection = named.connection
    rules = MASK_EVERYTHING + connection.mask.request + connection.kept_for(named.call.name).request + policy_rules
    clean = isinstance(named, IdentifiedCall) and named.searched and not named.findings
    clean = clean and connection.protocol.shape(named.call, response=False) is None  # ids are no findings
    if clean and not any(rule.path and not rule.exempt for rule in rules):
        return connection.without_credential(dump(named.call.arguments).decode("utf-8", "replace"))
    rules = connection.protocol.argument_rules(for_each_message(named, rules), named.call)
    shown = connection.without_credential(dump(readable_arguments(named, services)).decode("utf-8", "replace"))
    shape = connection.protocol.arguments_shape(named.call)
    recorded = shape.for_records() if shape else None
    return services.masker.mask(shown.encode(), "application/json", rules, shape=recorded).body.decode()


def masked_name(name: str, connection: Connection | None, services: Services) -> str:
    """Return a name that nobody registered, which is the caller's text; ``?`` where it cannot be masked."""
    try:
        kept = connection.without_credential(name) if connection else name
        return services.masker.mask_text(kept, MASK_EVERYTHING)[0][:UNKNOWN_NAME]
    except MaskingError:
        return "?"


def recorded_session(session: str, connection: Connection, services: Services) -> str:
    """Return a session's id, or, where that is itself sensitive (an address, a key), a name that stands for it."""
    try:
        is_sensitive = bool(services.masker.mask_text(session, MASK_EVERYTHING)[1])
    except MaskingError:
        is_sensitive = True
    if is_sensitive or connection.without_credential(session) != session:
        return services.sessions.name(session, connection.name)
    return session


def dump(value: Json) -> bytes:
    """Return JSON bytes of a parsed value, big integers included."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
