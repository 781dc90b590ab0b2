"""The changes of a configuration, and which of them need a restart.

A key that is not listed as live needs one: a new setting is never taken over silently and without effect.
"""

from collections.abc import Iterator
from typing import Any

from extproc.codecs.located_yaml import KeyPath, LocatedDocument
from extproc.config.schema import Settings
from extproc.config.validation_errors import combined
from extproc.model.errors import ConfigError
from extproc.settings.hosts import find_host
from extproc.settings.upstream_cluster import upstream_cluster

LIVE: tuple[KeyPath, ...] = (
    ("identity",),
    ("connections",),
    ("masking",),
    ("policy",),
    ("envoy", "trusted_hops"),
    ("envoy", "guard_endpoints"),
    ("envoy", "guard_tls"),
    ("limits", "decoded_ratio"),
    ("limits", "json_depth"),
    ("limits", "message_timeout"),
    ("limits", "hold"),
    ("limits", "decision_timeout"),
    ("limits", "held_calls_per_caller"),
    ("limits", "tickets_per_caller"),
    ("notifications",),
    ("control", "approver_providers"),
    ("control", "analyst_groups"),
    ("control", "trusted_proxies"),
    ("control", "public_url"),
    ("control", "sign_in"),
    ("control", "roles"),
    ("control", "session"),
)
"""Keys that change while processes run, each with all keys below it."""
NAMED: tuple[KeyPath, ...] = (("connections",), ("identity", "providers"))
"""Keys whose members are named as a whole: what changed inside one is for people to know."""
RESTART = "restart extproc for this change, or undo it and reload the rest"


def changed_keys(old: Settings, new: Settings) -> tuple[KeyPath, ...]:
    """Return the keys whose values differ, in the file's order. Connections and providers are named one by one."""
    return tuple(_changed(old.model_dump(mode="json"), new.model_dump(mode="json"), ()))


def _changed(old: Any, new: Any, path: KeyPath) -> Iterator[KeyPath]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)) or path[:-1] in NAMED:
        yield path
        return
    for key in dict.fromkeys((*old, *new)):
        yield from _changed(old.get(key), new.get(key), (*path, key))


def shown_keys(changed: tuple[KeyPath, ...]) -> str:
    """Return the keys for people."""
    return ", ".join(".".join(map(str, key)) for key in changed) or "the content of a key file"


def is_live(path: KeyPath) -> bool:
    """Return whether a key changes while processes run."""
    return any(path[: len(live)] == live for live in LIVE)


def refuse_fixed(changed: tuple[KeyPath, ...], document: LocatedDocument) -> None:
    """Refuse changes that need a restart.

    Args:
        changed: the keys that differ.
        document: the new file, for their places.

    Raises:
        ConfigError: names each of them, with its place.
    """
    fixed = [key for key in changed if not is_live(key)]
    if fixed:
        raise combined([_fixed(key, document) for key in fixed])


def refuse_moved_hosts(old: Settings, new: Settings, document: LocatedDocument) -> None:
    """Refuse that a host gets another backend, where the guard only decides: ext_authz names no route.

    For a moment Envoy would send calls to one backend with the credential of the other.

    Raises:
        ConfigError: names the connection, with its place.
    """
    if new.envoy.guard_filter != "ext_authz":
        return
    before, after = _clusters(old), _clusters(new)
    for host in (*before, *after):
        example = host.replace("*.", "any-name.", 1).replace(":*", ":1")
        one, two = find_host(before, example), find_host(after, example)
        if one and two and one[1] != two[1]:
            key = ("connections", two[0])
            what = f"{host} gets another backend: with ext_authz that cannot change while processes run"
            raise ConfigError(what, document.place(key), RESTART)


def _clusters(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return the connection's name and the backend's cluster for each host."""
    return {
        host: (name, upstream_cluster(name, connection))
        for name, connection in settings.connections.items()
        for host in connection.hosts
    }


def _fixed(key: KeyPath, document: LocatedDocument) -> ConfigError:
    name = ".".join(str(part) for part in key)
    return ConfigError(f"{name} cannot change while processes run", document.place(key), RESTART)
