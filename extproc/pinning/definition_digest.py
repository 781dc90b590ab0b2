"""The digest of one function's definition: another definition has another digest."""

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from extproc.model.call import Json
from extproc.model.errors import DefinitionError
from extproc.model.exact_integers import large_integers, writable

PREFIX = "sha256:"
"""The beginning of each digest."""


def definition_digest(definition: Mapping[str, Json], ignored: frozenset[str] = frozenset()) -> str:
    """Return the digest of a definition, as its server wrote it.

    The order of members has no meaning and is ignored. All other differences count: a model reads any text of it.

    Args:
        definition: raw; it does not leave this function.
        ignored: members that do not count.

    Returns:
        ``sha256:`` and the lower-case hex SHA-256 of the definition's canonical JSON. Where it has integers beyond
        2**53 - 1, of an object with the definition, ``null`` in their places, and the list of them.

    Raises:
        DefinitionError: it has no canonical form, such as half a surrogate pair.

    Source: RFC 8785.
    """
    counted = {name: value for name, value in definition.items() if name not in ignored}
    large = large_integers(counted)
    document: dict[str, Any] = {"definition": writable(counted), "integers": large} if large else counted
    try:
        return PREFIX + hashlib.sha256(rfc8785.dumps(document)).hexdigest()
    except (ValueError, TypeError, RecursionError):
        raise DefinitionError("a definition has no canonical form") from None  # the message may quote a value
