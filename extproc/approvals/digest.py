"""The digest of a call: an approval releases the call with this digest only."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from extproc.model.call import Json
from extproc.model.errors import ApprovalError
from extproc.model.exact_integers import large_integers, writable
from extproc.model.identity import Identity

FORMAT = "extproc-approval-2"
"""Name of these rules, which is part of the digest: other rules never give the same digest."""


def digest(
    *,
    identity: Identity,
    function: str,
    arguments: Json,
    connection: dict[str, Json] | str,
    request: Mapping[str, str],
    policy_revision: str,
    message_sha256: bytes,
) -> str:
    """Return the digest of one exact call.

    Another caller, function, argument, connection, request line, policy or byte gives another digest.

    Integers beyond 2**53 - 1, which RFC 8785 cannot write, are replaced by ``null`` and listed beside the
    arguments with their JSON pointers and decimal digits, so that no two documents have the same form. The order
    of groups has no meaning and is ignored.

    Args:
        identity: who calls.
        function: ``connection.name``.
        arguments: the raw arguments; they do not leave this function.
        connection: the connection's name, or a description of its settings.
        request: method, authority, path with query, and the fields that say how the body is read, by their names.
            The arguments have no path where the call could not be read.
        policy_revision: of the policy that held the call.
        message_sha256: 32 bytes, of the body, but for what is another in each attempt of one call.

    Returns:
        Lower-case hex SHA-256.

    Raises:
        ApprovalError: the call has no canonical form: NaN, an infinity, half a surrogate pair, or nesting too
            deep. The held call is then denied.

    Sources: RFC 8785; RFC 6901 for the pointers to large integers.
    """
    if len(message_sha256) != hashlib.sha256().digest_size:
        raise ApprovalError("the message's digest is not a SHA-256")
    try:
        document: dict[str, Any] = {
            "format": FORMAT,
            "identity": _identity(identity),
            "function": function,
            "arguments": writable(arguments),
            "arguments_integers": large_integers(arguments),
            "connection": writable(connection),
            "connection_integers": large_integers(connection),
            "request": dict(request),
            "policy_revision": policy_revision,
            "message_sha256": message_sha256.hex(),
        }
        return hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    except (ValueError, TypeError, RecursionError):
        # Their messages may quote a value of the call, hence ``from None``.
        raise ApprovalError("the call has no canonical form") from None


def _identity(identity: Identity) -> dict[str, str | list[str]]:
    return {
        "issuer": identity.issuer,
        "subject": identity.subject,
        "groups": sorted(set(identity.groups)),
        "actor": identity.actor,
    }
