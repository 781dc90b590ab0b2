"""Inputs rebuilt from the record."""

import json

import pytest

from extproc.policy.authoring.replay import recall

ROW = {
    "kind": "call.decided", "call_id": "c", "time_ns": 1, "connection": "mesh", "function": "mesh.all",
    "protocol": "http-json", "method": "PUT", "path": "/a/b", "session": "", "issuer": "https://i", "subject": "ada",
    "groups": ["g"], "actor": "", "arguments": "{}", "uninspectable": "", "findings": [], "request_bytes": 0,
    "request_sha256": "",
}  # fmt: skip


def rebuilt(**changes):
    return json.loads(recall({**ROW, **changes}, ()).document)


def test_a_recorded_call_by_nobody_is_nobodys_again():
    """Otherwise it would get what everybody with an identity has."""
    nobody = rebuilt(issuer="", subject="anonymous", groups=[])["identity"]
    assert nobody == {"issuer": "", "subject": "", "groups": [], "actor": ""}
    assert rebuilt(subject="anonymous")["identity"]["subject"] == "anonymous"


@pytest.mark.parametrize(
    ("recorded", "http"),
    [
        ("/a/b", {"path": "/a/b", "method": "PUT"}),
        ("//a.example.com/a/b", {"path": "/a/b", "host": "a.example.com", "method": "PUT"}),
        ("//a.example.com/", {"path": "/", "host": "a.example.com", "method": "PUT"}),
    ],
)
def test_the_host_of_a_wildcard_is_separated_from_the_path(recorded, http):
    assert rebuilt(path=recorded)["attributes"]["request"]["http"] == http


def test_a_recorded_definition_is_shown_to_policy_again():
    known = rebuilt(definition_state="changed", definition_digest="sha256:1")["call"]["definition"]
    assert known == {"state": "changed", "digest": "sha256:1"}
    assert "definition" not in rebuilt(definition_state="", definition_digest="")["call"]
