"""The roles of keys: some name the value beside them, some are named by it, some say nothing."""

import re
from functools import lru_cache

from extproc.detectors.vocabulary.names import NAMES_CACHED, normal_name

NAME_LONGEST = 128
"""Most characters of a text that is a name."""
KEY_LONGEST = 256
"""Last characters of a key that count. More would be searched again for each value below the key."""
NAMING = [
    "name",
    "key",
    "parametername",
    "parameterkey",
    "variable",
    "variablename",
    "var",
    "field",
    "fieldname",
    "column",
    "columnname",
    "attribute",
    "attributename",
    "property",
    "propertyname",
    "prop",
    "system",
    "type",
    "label",
    "id",
    "code",
    "path",
    "header",
    "parameter",
    "param",
    "question",
    "title",
    "option",
    "setting",
    "env",
    "identifier",
    "n",
    "k",
]
"""Keys whose value may be the name of the value beside them; the first ones say most. Without separators."""
_NAMED = frozenset(
    {"value", "val", "v", "answer", "content", "old", "new", "before", "after", "fromstring", "tostring"}
)
"""Keys of values that are named by another member, besides those that end in ``value``."""
_WRAPPERS = frozenset(
    {
        "value",
        "val",
        "v",
        "f",
        "c",
        "s",
        "n",
        "node",
        "nodes",
        "edges",
        "items",
        "item",
        "fields",
        "data",
        "attributes",
        "properties",
        "raw",
        "text",
        "values",
        "entry",
        "$",
        "_",
        "#text",
        "@value",
        "current",
        "new",
        "old",
        "previous",
        "before",
        "after",
        "plain",
        "plaintext",
        "cleartext",
        "confirm",
    }
)
"""Keys that say nothing about a value: the key above them does. Besides those that end in ``value``."""


_SAYS_WHAT = re.compile(
    r"pass|pwd|secret|token|credential|(?:api|access|private|account|signing|encryption)_?key|pin_?value|cvv|cvc|phone"
    r"|mobile|mail|ssn|iban|card|tax|birth|surname|(?:first|last|full|given|family)_?name|street"
)
"""The beginning of a key that ends in ``value`` and says all the same what it is: ``secretValue``."""


def is_wrapper(key: str) -> bool:
    """Return whether a key says nothing about its value: ``value``, ``node``, ``stringValue``, ``0``."""
    return _is_wrapper(key[-KEY_LONGEST:])


def is_named(key: str) -> bool:
    """Return whether a member with this key may be named by another member: ``value``, ``ParameterValue``."""
    return _is_named(key[-KEY_LONGEST:])


@lru_cache(NAMES_CACHED)
def _is_wrapper(key: str) -> bool:
    small = key.lower()
    if small.endswith("value"):
        return _SAYS_WHAT.search(small) is None
    return small in _WRAPPERS or (small.isdigit() and small.isascii())


@lru_cache(NAMES_CACHED)
def _is_named(key: str) -> bool:
    small = joined(key)
    return small in _NAMED or (small.endswith("value") and _SAYS_WHAT.search(small) is None)


def is_naming(key: str) -> bool:
    """Return whether a member with this key, or a column, may name what is beside it: ``name``, ``field``."""
    return joined(key) in NAMING


def joined(key: str) -> str:
    """Return a key in small letters, without separators and accents."""
    return normal_name(key).replace("_", "")
