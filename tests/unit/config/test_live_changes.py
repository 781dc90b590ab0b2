"""Each key either changes while processes run, or a reload refuses it by name."""

import pytest
import yaml

from extproc.codecs.located_yaml import load_located
from extproc.config.live_changes import (
    LIVE,
    changed_keys,
    is_live,
    refuse_fixed,
    refuse_moved_hosts,
    shown_keys,
)
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError

FIXED = {
    "state", "workers", "guard_tls", "health", "log_level", "version",
    "envoy.listen", "envoy.admin", "envoy.concurrency", "envoy.guard_filter",
    "approvals.store", "approvals.poll", "approvals.wait",
    "evidence.spool", "evidence.clickhouse", "evidence.clickhouse_password_file", "evidence.database",
    "evidence.ship_every", "evidence.ship_batch", "evidence.relaxed_window", "evidence.max_spool",
    "limits.request_body", "limits.response_body", "limits.event", "limits.held_calls", "limits.drain",
    "control.socket", "control.listen",
}  # fmt: skip
"""Keys that need a restart. To make one live, show that each process takes it over."""
DOCUMENT = {
    "version": 1,
    "identity": {
        "providers": {"corp": {"issuer": "https://i.test", "audiences": ["a"], "jwks_url": "https://j/"}}
    },
    "connections": {
        name: {
            "protocol": "http-json",
            "hosts": [f"{name}.test"],
            "upstream": {"address": "127.0.0.1:9"},
            "functions": {"get": {"method": "GET", "path": "/"}},
        }
        for name in ("crm", "docs")
    },
}


def leaves():
    """All keys, those of connections, providers and other live sections as a whole."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        below = getattr(section, "model_fields", None)
        if below is None or is_live((name,)):
            yield (name,)
        else:
            yield from ((name, key) for key in below)


def test_every_key_is_known_to_be_live_or_fixed():
    found = {".".join(key): is_live(key) for key in leaves()}
    assert {name for name, live in found.items() if not live} == FIXED
    assert {".".join(key) for key in LIVE} <= set(found)


def test_changes_are_named_as_people_think_of_them():
    old = Settings.model_validate(DOCUMENT)
    changed = yaml.safe_load(yaml.safe_dump(DOCUMENT))
    changed["connections"]["crm"]["masking"] = {"response": []}
    changed["connections"]["new"] = {**changed["connections"].pop("docs"), "hosts": ["new.test"]}
    changed["limits"] = {"hold": 5}
    changed["identity"]["providers"]["more"] = {
        "issuer": "https://m.test",
        "audiences": ["a"],
        "jwks_url": "https://m/",
    }
    found = changed_keys(old, Settings.model_validate(changed))
    assert set(found) == {
        ("identity", "providers", "more"),
        ("connections", "crm"),
        ("connections", "docs"),
        ("connections", "new"),
        ("limits", "hold"),
    }
    assert "connections.crm" in shown_keys(found)
    assert changed_keys(old, old) == ()
    assert shown_keys(()) == "the content of a key file"


def test_fixed_keys_are_refused_together_each_with_its_place(tmp_path):
    file = tmp_path / "extproc.yaml"
    file.write_text("workers: 3\nlimits:\n  hold: 5\n  drain: 5\n")
    document = load_located(file)
    with pytest.raises(ConfigError) as refused:
        refuse_fixed((("workers",), ("limits", "hold"), ("limits", "drain"), ("evidence", "spool")), document)
    said = str(refused.value)
    assert f"{file}:1:1: workers cannot change while processes run" in said
    assert f"{file}:4:3: limits.drain cannot change" in said
    assert "evidence.spool cannot change" in said
    assert "limits.hold" not in said
    refuse_fixed((("limits", "hold"), ("connections", "crm")), document)


def test_a_host_keeps_its_backend_where_the_guard_only_decides(tmp_path):
    """ext_authz does not tell the guard which route Envoy has chosen."""
    file = tmp_path / "extproc.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT))
    place = load_located(file)

    def settings(guard_filter, **crm):
        crm = {**DOCUMENT["connections"]["crm"], **crm}
        masking = {"response": []}
        connections = {
            "crm": {**crm, "masking": masking},
            "docs": {**DOCUMENT["connections"]["docs"], "masking": masking},
        }
        return Settings.model_validate(
            {**DOCUMENT, "envoy": {"guard_filter": guard_filter}, "connections": connections}
        )

    old, moved = settings("ext_authz"), settings("ext_authz", upstream={"address": "127.0.0.1:10"})
    with pytest.raises(ConfigError, match=r"crm\.test gets another backend"):
        refuse_moved_hosts(old, moved, place)
    more = settings("ext_authz", hosts=["crm.test", "more.test"], functions={"a": {"method": "GET", "path": "/a"}})
    refuse_moved_hosts(old, more, place)
    with pytest.raises(ConfigError):
        refuse_moved_hosts(
            more, settings("ext_authz", hosts=["crm.test"], upstream={"address": "127.0.0.1:10"}), place
        )
    wide = settings("ext_authz", hosts=["*.test.example"])
    for hosts in (["*.test.example"], ["a.test.example"], ["*.a.test.example"]):
        with pytest.raises(ConfigError):
            refuse_moved_hosts(
                wide, settings("ext_authz", hosts=hosts, upstream={"address": "127.0.0.1:10"}), place
            )
    refuse_moved_hosts(settings("ext_proc"), settings("ext_proc", upstream={"address": "127.0.0.1:10"}), place)
