"""Definitions over the API: who sees them, and who may accept one."""

import time

import httpx
import pytest

from extproc.config.schema import Settings
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.pinning.pins import SeenDefinition
from extproc.pinning.sqlite_pins import SqlitePins
from tests.unit.console.served import ISSUER, FakeReader, Switch, served, settings, token

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")


@pytest.fixture
def pins(tmp_path):
    made = SqlitePins(tmp_path / "definitions.db")
    for digest, at_ns in ((ONE, 1), (TWO, 2)):
        made.saw("docs", (SeenDefinition("a/b", digest, f'{{"text": "{digest}"}}'),), at_ns, first_sight=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("control")
    ways = {True: Switch(), False: Switch()}
    with served(ways[True], folder / "l.sock") as local, served(ways[False], folder / "r.sock") as remote:
        yield {True: (ways[True], local), False: (ways[False], remote)}


@pytest.fixture
def client(servers, tmp_path, pins):
    """Makes a client of one listener."""
    opened = []

    def make(*, local=True, minimum=1, groups=("sre",), definitions=None, person=None, approver=()):
        document = settings(tmp_path).model_dump(mode="json", exclude_unset=True)
        document["control"]["roles"] = {"approver": list(approver)}
        if person:
            document["identity"]["providers"]["idp"]["claims"] = {"person": person}
        document["connections"]["docs"] = {
            "protocol": "mcp",
            "hosts": ["docs"],
            "upstream": {"address": "127.0.0.1:1"},
            "tools": ["a/b"],
            "approvals": {"groups": list(groups), "minimum": minimum},
            "definitions": definitions or {},
        }
        made = Settings.model_validate(document)
        way, path = servers[local]
        way.app = make_api(
            desk=None,
            pins=pins,
            reader=FakeReader(),
            authenticator=make_authenticator(made, time.time_ns),
            clock=time.time_ns,
            settings=made,
            local=local,
            mask_note=lambda note: note.replace("secret", "[X]"),
        )
        opened.append(httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://control"))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def bearer(*args, **kwargs):
    return {"Authorization": f"Bearer {token(*args, **kwargs)}"}


def decide(client, word="accept", *, by=None, note="read the diff", digest=TWO, function="docs.a/b"):
    body = {"function": function, "digest": digest, "note": note}
    return client.post(f"/api/definitions/{word}", json=body, headers=by)


def states(client):
    listed = client.get("/api/definitions").json()["definitions"]
    return {each["digest"]: each["state"] for each in listed}


def test_the_list_has_all_and_the_changed_ones_alone(client):
    over = client()
    assert states(over) == {TWO: "changed", ONE: "accepted"}
    changed = over.get("/api/definitions?changed=true").json()["definitions"]
    assert [each["digest"] for each in changed] == [TWO]
    assert changed[0] | {"first_seen": "", "last_seen": ""} == {
        "function": "docs.a/b", "digest": TWO, "state": "changed", "how": "", "accepted_by": [],
        "groups": ["sre"], "minimum": 1, "first_seen": "", "last_seen": "",
    }  # fmt: skip


def test_one_has_the_texts(client):
    one = client().get("/api/definitions/one", params={"function": "docs.a/b"}).json()
    assert (one["state"], [each["text"] for each in one["definitions"]]) == (
        "changed", [f'{{"text": "{TWO}"}}', f'{{"text": "{ONE}"}}'],
    )  # fmt: skip
    for unknown in ("docs.x", "other.a/b", "docs", ""):
        assert client().get("/api/definitions/one", params={"function": unknown}).status_code == 404


def test_an_approver_of_the_connection_accepts(client):
    over = client()
    answer = decide(over, by=bearer("bob"), note="ticket secret")
    assert (answer.status_code, answer.json()["state"], answer.json()["how"]) == (200, "accepted", "people")
    (person,) = answer.json()["accepted_by"]
    assert (person["person"], person["note"]) == (f"{ISSUER}|bob", "ticket [X]")
    assert states(over) == {TWO: "accepted", ONE: "accepted"}


def test_as_many_people_accept_as_approve_calls(client):
    over = client(minimum=2)
    assert decide(over, by=bearer("bob")).json()["state"] == "changed"
    again = decide(over, by=bearer("bob"))
    assert (again.status_code, again.json()["reason"]) == (409, "already-voted")
    assert decide(over, by=bearer("ann")).json()["state"] == "accepted"


def test_one_person_with_two_accounts_accepts_once(client):
    over = client(minimum=2, person="employee")
    assert decide(over, by=bearer("bob", employee="e-7")).json()["state"] == "changed"
    again = decide(over, by=bearer("bob-admin", employee="E-7"))
    assert (again.status_code, again.json()["reason"]) == (409, "already-voted")
    nobody = decide(over, by=bearer("ann"))
    assert (nobody.status_code, nobody.json()["reason"]) == (403, "person-unknown")
    assert decide(over, by=bearer("ann", employee="e-8")).json()["state"] == "accepted"


@pytest.mark.parametrize("word", ["accept", "reject"])
def test_who_may_not_approve_calls_decides_nothing(client, word):
    over = client(approver=["leads"])
    answer = decide(over, word, by=bearer("bob", ("sre",)))
    assert (answer.status_code, answer.json()["reason"]) == (403, "wrong-group")
    assert decide(over, word, by=bearer("ann", ("sre", "leads"))).status_code == 200


@pytest.mark.parametrize("word", ["accept", "reject"])
@pytest.mark.parametrize(
    ("by", "more", "answered"),
    [
        (None, {}, (401, "unauthenticated")),
        (bearer("bob", ("support",)), {}, (403, "wrong-group")),
        (bearer("bob", act={"sub": "agent-7"}), {}, (403, "on-behalf")),
        (bearer("bob", key=None, algorithm="none"), {}, (401, "unauthenticated")),
        (bearer("bob"), {"note": "ok"}, (422, "note-required")),
        (bearer("bob"), {"note": "x" * 1_001}, (422, "note-required")),
        (bearer("bob"), {"digest": f"sha256:{'3' * 64}"}, (404, "unknown")),
        (bearer("bob"), {"digest": TWO[:20]}, (404, "unknown")),
        (bearer("bob"), {"function": "docs.x"}, (404, "unknown")),
        (bearer("bob"), {"function": "other.get"}, (404, "unknown")),
    ],
)
def test_nobody_else_decides(client, word, by, more, answered):
    over = client()
    answer = decide(over, word, by=by, **more)
    assert (answer.status_code, answer.json()["reason"]) == answered
    assert states(over) == {TWO: "changed", ONE: "accepted"}


def test_without_approvers_nobody_accepts(client):
    answer = decide(client(groups=()), by=bearer("bob"))
    assert (answer.status_code, answer.json()["reason"]) == (403, "wrong-group")


def test_a_rejected_definition_does_not_count(client):
    over = client()
    assert decide(over, "reject", by=bearer("bob")).json()["state"] == "rejected"
    one = over.get("/api/definitions/one", params={"function": "docs.a/b"}).json()
    assert one["state"] == "accepted"


def test_on_a_port_only_the_connections_approvers_know_of_it(client):
    over = client(local=False)
    stranger, approver = bearer("eve", ("support",)), bearer("bob")
    assert over.get("/api/definitions").status_code == 401
    assert over.get("/api/definitions", headers=stranger).json() == {"definitions": []}
    assert len(over.get("/api/definitions", headers=approver).json()["definitions"]) == 2
    one = {"function": "docs.a/b"}
    assert over.get("/api/definitions/one", params=one, headers=stranger).status_code == 404
    assert over.get("/api/definitions/one", params=one, headers=approver).status_code == 200
    assert decide(over, by=stranger).json()["reason"] == "unknown"


def test_the_configuration_says_what_is_accepted(client):
    pinned = client(definitions={"digests": {"a/b": [TWO]}})
    assert states(pinned) == {TWO: "accepted", ONE: "changed"}
    assert pinned.get("/api/definitions").json()["definitions"][0]["how"] == "configured"
    assert states(client(definitions={"pin": "configured"})) == {TWO: "changed", ONE: "changed"}
    assert states(client(definitions={"pin": "never"})) == {TWO: "not-pinned", ONE: "not-pinned"}


def test_a_store_that_is_gone_is_an_error(client, pins, tmp_path):
    over = client()
    pins.close()
    (tmp_path / "definitions.db").unlink()
    for answer in (over.get("/api/definitions"), decide(over, by=bearer("bob"))):
        assert (answer.status_code, answer.json()["reason"]) == (503, "definitions-unavailable")
