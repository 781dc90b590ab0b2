"""Maps under a name that tells, ``{"passwords": {"alice": …}}``: a key says whose the value is, not what it is.

An object under such a name may as well describe the thing: ``{"secrets": {"enabled": …, "url": …}}``. It is a map
if none of its keys is a word for a property, and if its name is a plural, or a key only says which one it is.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from extproc.detectors.vocabulary.key_roles import joined
from extproc.detectors.vocabulary.names import normal_name
from extproc.detectors.vocabulary.vocabulary import parts_about

PROPERTIES = frozenset({
    "value", "val", "origin", "id", "ids", "uid", "uuid", "guid", "name", "names", "key", "kind", "type",
    "types", "class", "category", "title", "description", "desc", "comment", "note", "label", "labels",
    "tag", "tags", "annotations", "metadata", "version", "versions", "revision", "status", "state", "phase",
    "reason", "message", "error", "errors", "url", "uri", "href", "link", "links", "path", "paths", "file",
    "filename", "arn", "ref", "refs", "reference", "source", "provider", "engine", "backend", "driver",
    "created", "updated", "modified", "deleted", "expires", "expiry", "expiration", "rotation", "rotated",
    "createdat", "updatedat", "expiresat", "expiresin", "issuedat", "lastused", "lastusedat", "enabled",
    "disabled", "active", "required", "optional", "sensitive", "readonly", "external", "mutable", "valid",
    "verified", "present", "default", "defaults", "example", "examples", "placeholder", "format", "pattern",
    "enum", "minlength", "maxlength", "min", "max", "length", "size", "count", "total", "limit", "policy",
    "rules", "schema", "properties", "items", "secretname", "secretkeyref", "keyref", "vault", "mountpath",
    "mount", "volume", "namespace", "project", "owner", "scope", "scopes", "role", "roles", "permissions",
    "grant", "audience", "issuer", "subject", "algorithm", "alg", "kid", "kty", "use", "curve", "hash",
    "encoding", "encrypted", "method", "in", "header", "action", "actions", "event", "events", "inherit",
})  # fmt: skip
"""Keys of an object that describes the thing that it is named after, as ``key_roles.joined`` returns them."""
OF_LOGINS = frozenset({
    "user", "username", "login", "loginname", "email", "account", "accountname", "principal", "realm",
    "domain", "tenant", "host", "hostname", "server", "port", "protocol", "authtype",
})  # fmt: skip
"""Keys of an object that describes a login, unless it is named after passwords: there they say whose it is."""
WHICH = frozenset({
    "main", "primary", "secondary", "first", "second", "third", "backup", "current", "previous", "next",
    "old", "new", "prod", "production", "stage", "staging", "dev", "develop", "development", "test",
    "testing", "qa", "live", "sandbox", "local", "root", "admin", "master", "home", "work", "office",
    "private", "personal", "business", "mobile", "other", "direct", "number", "numbers", "no", "nr", "num",
    "full", "formatted",
})  # fmt: skip
"""Keys that only say which of several values it is, whatever they are."""
OWNERS = frozenset({
    "app", "application", "user", "device", "browser", "platform", "store", "operator", "manager",
    "support", "order", "page", "model", "region", "system", "carrier", "channel", "customer", "grant",
})  # fmt: skip
"""Words for a property that are owners in a map: ``{"passwords": {"app": …}}``."""
PARTS_OF_DATE, DATE = frozenset({"day", "month", "year"}), "date"
"""Keys of an object that is a date, and the key of such an object in another one."""
PARTS_MOST = 4
"""Most parts of a key that may say that a value is about the thing; a longer one is a random id, or a sentence."""
KEY_LONGEST, NAME_LONGEST = 64, 128
"""Most characters of a key that is added to a name, and of a name to which one is added."""
NAME_PARTS_MOST = 3
"""Most marks in the name of a secret without a word for secrets; a longer one is a passphrase."""
_PLURAL = re.compile(r"(?:[^s]s|w(?:o|oe)rter|woorden)\Z")
_OF_PASSWORDS = re.compile(r"pass|pwd|pin|kennw|senha|contrasen|wachtw|has[lł]")
_NAME = re.compile(r"[A-Za-z]+[0-9]{0,2}(?:[._/-](?:[A-Za-z]+[0-9]{0,2}|[0-9]{1,2}))+")
_PARTS = re.compile(r"[._/-]")
_OF_SECRETS = re.compile(r"secret|key|token|credential")
_IN_NAME = re.compile(r"secret|pass|key|token|cert|cred|tls|ssh|auth|config", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?-i:[A-ZÀ-Þ]).*[.!?:…]|(?=.*\b(?:your?|the|is|are|was|be|been|has|have|must|please|passwords?|to|for|of|an?|my)\b).*",
    re.IGNORECASE | re.DOTALL,
)
SENTENCE_BLANKS = 2
"""Fewest blanks in a sentence."""
_MADE = re.compile(r"(?=\D*[0-9])(?=[^A-Za-z]*[A-Za-z])\S{6,}")


class Scalar(NamedTuple):
    """A value that is neither an array nor an object."""

    text: str
    is_string: bool
    """False for a number, ``true``, ``false`` and ``null``."""


def is_of_secrets(name: str) -> bool:
    """Return whether a name that tells is that of a password or secret, and not of a person or number."""
    bare = joined(name)
    return _OF_PASSWORDS.search(bare) is not None or _OF_SECRETS.search(bare) is not None


def names_in_map(name: str, keys: Collection[str], scalars: Mapping[str, Scalar]) -> dict[str, str]:
    """Return the names that a map gives to its values, by key.

    Args:
        name: that of the object: it tells what the values are.
        keys: all keys of the object.
        scalars: those of its values that are scalars.

    Returns:
        Nothing if the object is no map. Keys and values that say that they are something else are left out.
    """
    if not is_map(name, keys) or not all(_is_of_map(name, each) for each in scalars.values()):
        return {}
    plural = is_plural(name) or _is_made(name, scalars.values())
    named = {key: name_in_map(name, key, plural=plural) for key in keys}
    return {
        key: each
        for key, each in named.items()
        if each and (key not in scalars or may_be_in_map(name, scalars[key].text))
    }


def is_date(keys: Collection[str]) -> bool:
    """Return whether an object is a date in parts: ``{"day": 1, "month": 2, "year": 1990}``."""
    return len(keys) > 1 and PARTS_OF_DATE.issuperset(map(joined, keys))


def is_plural(name: str) -> bool:
    """Return whether a name is that of several values."""
    return any(_PLURAL.search(joined(part)) for part in re.split(r"[|.]", name))


def is_of_passwords(name: str) -> bool:
    """Return whether a name says passwords, and not secrets of any kind, which have names of their own."""
    return _OF_PASSWORDS.search(joined(name)) is not None


def is_map(name: str, keys: Collection[str]) -> bool:
    """Return whether an object under a name that tells is a map of such values.

    Args:
        name: the name; of several, joined by ``|``, the last one.
        keys: the keys of the object.
    """
    last = name.rpartition("|")[2]
    small = {joined(key) for key in keys}
    return not (small & PROPERTIES or (small & OF_LOGINS and not is_of_passwords(last)))


def name_in_map(name: str, key: str, *, plural: bool) -> str:
    """Return the name that a map gives to a value; empty if the key says that it is something else.

    Where no part of the key is a word for something else, it is the name of the map: one name for all values.

    Args:
        name: that of the map.
        key: the value's key.
        plural: the name of the map, or of a map around it, is a plural.
    """
    small = joined(key)
    if not (plural or small in WHICH):
        return ""
    if len(key) > KEY_LONGEST or len(name) > NAME_LONGEST:
        return name  # a name of which only the end counts must not lose its word
    parts = normal_name(key).strip("_").split("_")
    is_owner = small in WHICH or small in OWNERS or small in OF_LOGINS or len(parts) > PARTS_MOST
    may_be_about = {*parts, *(part.removesuffix("s") for part in parts)}
    return name if is_owner or parts_about().isdisjoint(may_be_about) else f"{name}.{key}"


def _is_of_map(name: str, scalar: Scalar) -> bool:
    """Return whether a map may have a value: passwords are numbers at times, and none is a switch."""
    return (
        scalar.is_string or scalar.text in ("null", "~") or (is_of_passwords(name) and scalar.text[0] not in "tf")
    )


def _is_made(name: str, scalars: Iterable[Scalar]) -> bool:
    """Return whether an object under a name of one secret holds several: one of its values looks made."""
    is_secret = is_of_passwords(name) or joined(name).endswith("secret")
    return is_secret and any(_MADE.fullmatch(each.text) for each in scalars)


def may_be_in_map(name: str, value: str) -> bool:
    """Return whether a value in a map may be what the map's name says: neither a sentence nor a secret's name."""
    return not (_is_sentence(value) or is_name_of_secret(name, value))


def is_name_of_secret(name: str, value: str) -> bool:
    """Return whether a value is the name of a secret, where a name says secrets and not passwords: ``db-tls``."""
    if not (_NAME.fullmatch(value) and is_plural(name) and _OF_SECRETS.search(joined(name))):
        return False
    is_short = len(_PARTS.findall(value)) < NAME_PARTS_MOST and not any(map(str.isdigit, value))
    return is_short or _IN_NAME.search(value) is not None


def _is_sentence(value: str) -> bool:
    return value.count(" ") >= SENTENCE_BLANKS and _SENTENCE.fullmatch(value) is not None
