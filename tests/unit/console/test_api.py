"""The API over a real unix socket, for approvers, analysts and strangers."""

import asyncio
import contextlib
import logging
import socket
import threading
import time

import httpx
import pytest

from extproc.approvals.approval import State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.console import api as api_module
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.console.middleware import MAX_BODY
from extproc.model.errors import ApprovalError, QueryError
from extproc.model.withdrawal import WithdrawnBy
from extproc.server.web import web
from tests.unit.approvals.samples import request, vote
from tests.unit.console.desks import Acts, make_desk
from tests.unit.console.served import GONE, ISSUER, FakeReader, Switch, served, settings, token

SRE = ("sre",)
NONE = "01890000-0000-7000-8000-000000000000"
"""The id of no approval."""
YEAR_NS = 365 * 86_400 * 10**9


class Store(SqliteApprovals):
    failure: Exception | None = None

    def closed_among(self, approval_ids):
        if self.failure:
            raise self.failure
        return super().closed_among(approval_ids)

    get_failure: Exception | None = None

    def get(self, approval_id):
        if self.get_failure:
            raise self.get_failure
        return super().get(approval_id)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "approvals.db")
    yield made
    made.close()


@pytest.fixture
def acts():
    return Acts()


@pytest.fixture
def reader():
    return FakeReader()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The two listeners of the control process."""
    folder = tmp_path_factory.mktemp("control")
    ways = {True: Switch(), False: Switch()}
    with served(ways[True], folder / "l.sock") as local, served(ways[False], folder / "r.sock") as remote:
        yield {True: (ways[True], local), False: (ways[False], remote)}


@pytest.fixture
def client_of(server, tmp_path, store, reader, acts):
    @contextlib.contextmanager
    def make(*, local, clock=time.time_ns, mask_note=None, **control):
        configured = settings(tmp_path, **control)
        way, path = server[local]
        way.app = make_api(
            desk=make_desk(store, acts, clock=clock, **({"mask_note": mask_note} if mask_note else {})),
            pins=None,
            reader=reader,
            authenticator=make_authenticator(configured, time.time_ns),
            clock=clock,
            settings=configured,
            local=local,
        )
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://control") as client:
            yield client

    return make


@pytest.fixture
def local(client_of):
    with client_of(local=True) as client:
        yield client


@pytest.fixture
def remote(client_of):
    with client_of(local=False, analyst_groups=["audit"]) as client:
        yield client


def opened(store, **changes):
    now = time.time_ns()
    given = {"created_ns": now, "expires_ns": now + 600 * 10**9, "minimum": 1, "requester": f"{ISSUER}|alice"}
    made = request(**{**given, "actor": f"{ISSUER}|agent-7", **changes})
    store.open(made)
    return made


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bearer(*args, **kwargs):
    return {"Authorization": f"Bearer {token(*args, **kwargs)}"}


def say(client, one, word="approve", *, note="ticket 42", headers=None, **body):
    return client.post(f"/api/approvals/{one.approval_id}/{word}", json={"note": note, **body}, headers=headers)


def assert_problem(answer, status, reason):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["reason"] == reason
    assert set(answer.json()) <= {"type", "title", "status", "reason", "state", "matches"}


# Voting


@pytest.mark.parametrize(("word", "state"), [("approve", State.APPROVED), ("deny", State.DENIED)])
@pytest.mark.parametrize("side", ["local", "remote"])
def test_a_vote_with_a_token_counts(side, word, state, store, request):
    """On both listeners, the voter's name comes from the token, with its issuer."""
    client = request.getfixturevalue(side)
    one = opened(store)
    answer = say(client, one, word, headers=bearer("bob"), digest=one.digest)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == state
    kept = store.get(one.approval_id)
    assert kept.state is state
    assert [(each.voter, each.note) for each in kept.votes] == [(f"{ISSUER}|bob", "ticket 42")]


@pytest.mark.parametrize("side", ["local", "remote"])
@pytest.mark.parametrize(
    "headers",
    [
        None,
        {"Authorization": "Bearer"},
        {"Authorization": "Basic Ym9iOnB3"},
        {"Authorization": "Bearer not.a.token"},
        {"Authorization": f"Bearer {token(exp=1)}"},
        [("Authorization", f"Bearer {token()}"), ("Authorization", f"Bearer {token()}")],
    ],
)
def test_no_vote_without_a_valid_token(side, headers, store, request):
    """The socket, which only its owner can open, makes no difference."""
    client = request.getfixturevalue(side)
    one = opened(store)
    answer = say(client, one, headers=headers)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert store.get(one.approval_id).votes == ()


@pytest.mark.parametrize(
    ("who", "body", "refusal"),
    [
        (bearer("alice"), {}, (403, "own-call")),
        (bearer("agent-7"), {}, (403, "own-call")),
        (bearer("bob", act={"sub": "agent-9"}), {}, (403, "on-behalf")),
        (bearer("bob", groups=()), {}, (403, "wrong-group")),
        (bearer("bob", groups=("hr",)), {}, (403, "wrong-group")),
        (bearer("bob"), {"note": ""}, (422, "note-required")),
        (bearer("bob"), {"note": "  a  "}, (422, "note-required")),
        (bearer("bob"), {"note": "x" * 1_001}, (422, "note-required")),
        (bearer("bob"), {"note": 7}, (422, "malformed")),
        (bearer("bob"), {"more": 7}, (422, "malformed")),
        (bearer("bob"), {"digest": "0" * 64}, (409, "wrong-digest")),
        (bearer("bob"), {"digest": ""}, (409, "wrong-digest")),
        (bearer("bob", aud="other"), {}, (403, "token-rejected")),
        (bearer("bob", iss="https://evil"), {}, (403, "token-rejected")),
    ],
)
def test_a_vote_that_breaks_a_rule_is_refused_with_its_reason(remote, store, who, body, refusal):
    """The approval does not change."""
    one = opened(store)
    assert_problem(say(remote, one, headers=who, **body), *refusal)
    assert store.get(one.approval_id).votes == ()
    assert store.get(one.approval_id).state is State.PENDING


def test_a_second_word_and_a_late_word_are_refused(remote, store):
    """One person counts once; a decided call stays decided, and the answer has its state."""
    one = opened(store, minimum=2)
    assert say(remote, one, headers=bearer("bob")).status_code == 200
    assert_problem(say(remote, one, "deny", headers=bearer("bob")), 409, "already-voted")
    assert say(remote, one, headers=bearer("carol")).json()["state"] == "approved"
    late = say(remote, one, "deny", headers=bearer("dave"))
    assert_problem(late, 409, "not-pending")
    assert late.json()["state"] == "approved"


def test_an_approval_that_its_caller_has_withdrawn_takes_no_vote(local, store):
    """It is pending for nobody."""
    one = request(created_ns=time.time_ns(), expires_ns=time.time_ns() + 600 * 10**9)
    store.open(one, ("key",))
    store.withdraw("key", WithdrawnBy.CANCELLATION, time.time_ns())
    assert local.get("/api/approvals", params={"pending": "true"}).json() == {"approvals": []}
    assert local.get(f"/api/approvals/{one.approval_id}").json()["state"] == "cancelled"
    late = say(local, one, headers=bearer("bob"))
    assert_problem(late, 409, "not-pending")
    assert late.json()["state"] == "cancelled"


def test_an_expired_approval_takes_no_vote(client_of, store, reader):
    """The clock of the API counts, which may differ from the worker's."""
    one = opened(store)
    with client_of(local=True, clock=lambda: one.expires_ns) as client:
        assert_problem(say(client, one, headers=bearer("bob")), 409, "expired")
        assert client.get(f"/api/approvals/{one.approval_id}").json()["state"] == "expired"
        assert client.get("/api/approvals?pending=true").json() == {"approvals": []}


def test_a_vote_needs_the_whole_id(remote, store):
    """A prefix may be ambiguous by the time it is used."""
    one = opened(store)
    answer = remote.post(
        f"/api/approvals/{one.approval_id[:20]}/approve", json={"note": "ticket 42"}, headers=bearer("bob")
    )
    assert_problem(answer, 404, "unknown")
    assert store.get(one.approval_id).votes == ()


def test_an_agents_token_cannot_vote_though_its_person_could(local, store):
    """An agent must not decide for a person."""
    one = opened(store)
    assert_problem(say(local, one, headers=bearer("bob", act={"sub": "agent-9"})), 403, "on-behalf")


def test_notes_are_masked_before_they_are_stored(client_of, store, reader):
    """The control process passes the masker in."""
    one = opened(store)
    with client_of(local=True, mask_note=lambda note: note.replace("078-05-1120", "[US_SSN]")) as client:
        say(client, one, note="  for 078-05-1120 ", headers=bearer("bob"))
    assert store.get(one.approval_id).votes[0].note == "for [US_SSN]"


# Reading approvals


def test_the_owner_of_the_socket_reads_without_a_token(local, store):
    """All approvals are listed, newest first."""
    one = opened(store)
    (shown,) = local.get("/api/approvals").json()["approvals"]
    assert shown == local.get(f"/api/approvals/{one.approval_id}").json()
    assert shown.pop("seconds_left") in (598, 599, 600)
    assert shown.pop("created").endswith("Z")
    assert shown.pop("expires").endswith("Z")
    assert shown == {
        "approval_id": one.approval_id,
        "connection": "",
        "alternatives": [["sre"], ["dpo"]],
        "break_glass": [],
        "mode": "wait",
        "ticketed": False,
        "reuse": None,
        "preview_digest": one.preview_digest,
        "session": "",
        "policy_revision": "",
        "spent": None,
        "usable_until": None,
        "withdrawn_by": "",
        "call_id": one.call_id,
        "state": "pending",
        "function": "crm.delete_customer",
        "requester": f"{ISSUER}|alice",
        "actor": f"{ISSUER}|agent-7",
        "reason": "high-risk",
        "rule": "deletes_need_two",
        "risk": 80,
        "groups": ["sre", "dpo"],
        "minimum": 1,
        "digest": "d" * 64,
        "arguments": '{"ssn": "[US_SSN]"}',
        "findings": [{"entity": "US_SSN", "path": "$.ssn", "how": "redact", "count": 1, "side": "request"}],
        "source": "10.0.0.1:4711",
        "definition": "",
        "closed": None,
        "votes": [],
    }


def test_a_bad_token_is_refused_even_where_none_is_needed(local):
    """A caller with an invalid token must notice it."""
    assert_problem(local.get("/api/approvals", headers={"Authorization": "Bearer x"}), 401, "unauthenticated")


@pytest.mark.parametrize("path", ["/api/approvals", "/api/approvals/x", "/api/sessions", "/api/sessions/s-1"])
def test_nothing_is_read_over_a_port_without_a_token(remote, path):
    """Only the health check needs no token."""
    assert_problem(remote.get(path), 401, "unauthenticated")
    assert remote.get("/healthz").status_code == 200


def test_a_forwarded_address_does_not_make_a_caller_local(remote):
    """The listener decides whether a request is local; no header can."""
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert_problem(remote.get("/api/approvals", headers={name: "127.0.0.1"}), 401, "unauthenticated")


def test_over_a_port_approvers_see_their_groups_approvals_alone(remote, store):
    """Other approvals do not exist for them: not in the list, by id or by prefix."""
    mine, other = opened(store), opened(store, groups=("hr",))
    shown = remote.get("/api/approvals?limit=1", headers=bearer("bob")).json()["approvals"]
    assert [each["approval_id"] for each in shown] == [mine.approval_id]
    assert_problem(remote.get(f"/api/approvals/{other.approval_id}", headers=bearer("bob")), 404, "unknown")
    assert remote.get(f"/api/approvals/{other.approval_id}", headers=bearer("x", groups=["hr"])).status_code == 200
    assert remote.get("/api/approvals", headers=bearer("bob", groups=[])).json() == {"approvals": []}


def test_an_ambiguous_prefix_lists_what_it_could_mean(local, remote, store):
    """Only ids that the caller may read are listed."""
    ids = [f"01890000-0000-7000-8000-00000000000{n}" for n in range(3)]
    for number, approval_id in enumerate(ids):
        opened(store, approval_id=approval_id, groups=("sre",) if number else ("hr",))
    answer = local.get("/api/approvals/01890000")
    assert_problem(answer, 409, "ambiguous")
    assert sorted(answer.json()["matches"]) == ids
    assert sorted(remote.get("/api/approvals/01890000", headers=bearer("bob")).json()["matches"]) == ids[1:]
    assert_problem(local.get("/api/approvals/0189"), 404, "unknown")


def test_pending_shows_what_can_be_decided(local, store):
    """The filter leaves decided approvals out."""
    one, done = opened(store), opened(store)
    store.vote(done.approval_id, vote(at_ns=time.time_ns()), SRE)
    pending = local.get("/api/approvals?pending=true").json()["approvals"]
    assert [each["approval_id"] for each in pending] == [one.approval_id]
    (word,) = local.get(f"/api/approvals/{done.approval_id}").json()["votes"]
    assert (word["voter"], word["approve"], word["note"]) == ("https://idp|bob", True, "ticket 42")
    assert len(local.get("/api/approvals").json()["approvals"]) == 2


# Evidence


def test_the_owner_of_the_socket_reads_evidence(local, reader):
    """Sessions by subject and function, one session, and queries have limits."""
    assert (
        local.get("/api/sessions?subject=alice&function=crm.get&limit=5").json()["sessions"][0]["session"] == "s-1"
    )
    (entry,) = local.get("/api/sessions/s-1").json()["entries"]
    assert (entry["call_id"], entry["time_ns"]) == ("c-1", "1767323045000000000")
    assert local.get("/api/sessions/a/b").status_code == 200
    assert_problem(local.get("/api/sessions/other"), 404, "unknown")
    table = local.post("/api/query", json={"sql": "SELECT 1", "limit": 7}).json()
    assert table == {
        "columns": ["n", "big"],
        "rows": [[1, "9223372036854775808"], [None, ["1152921504606846976"]]],
        "truncated": True,
    }
    assert ("sessions", 5, "alice", "crm.get") in reader.asked
    assert ("query", "SELECT 1", 7, 30.0) in reader.asked


def test_a_refused_query_says_why_to_the_analyst(local, reader):
    """A query's error is for the analyst; a failing list of sessions has no details."""
    reader.failure = QueryError("unknown column nme")
    answer = local.post("/api/query", json={"sql": "SELECT nme"})
    assert (answer.status_code, answer.json()["reason"]) == (400, "query-refused")
    assert answer.json()["detail"] == "unknown column nme"
    assert_problem(local.get("/api/sessions"), 503, "evidence-unavailable")


def test_over_a_port_only_analysts_read_evidence(remote, reader):
    """An approver's token gives no access."""
    for headers, status in ((bearer("bob"), 403), (bearer("eve", groups=["audit"]), 200)):
        assert remote.get("/api/sessions", headers=headers).status_code == status
        assert remote.get("/api/sessions/s-1", headers=headers).status_code == status
        assert remote.post("/api/query", json={"sql": "SELECT 1"}, headers=headers).status_code == status
    assert len(reader.asked) == 3


def test_without_analyst_groups_nobody_reads_evidence_over_a_port(client_of, store, reader):
    """Empty groups admit nobody."""
    with client_of(local=False) as client:
        for groups in ([], ["audit"], ["sre"]):
            assert_problem(client.get("/api/sessions", headers=bearer("eve", groups=groups)), 403, "not-in-scope")
    assert reader.asked == []


def test_auditors_and_admins_read_evidence_and_their_agents_do_not(client_of, store, reader):
    roles = {"auditor": ["audit"], "admin": ["ops"], "author": ["writers"]}
    with client_of(local=False, roles=roles) as client:
        for groups, status in ((["audit"], 200), (["ops"], 200), (["writers"], 403), (["sre"], 403)):
            assert client.get("/api/sessions", headers=bearer("eve", groups)).status_code == status, groups
        agent = bearer("eve", ["audit"], act={"sub": "agent-9"})
        assert_problem(client.get("/api/sessions", headers=agent), 403, "not-in-scope")


def test_analysts_do_not_keep_approvers_waiting(local, reader, store, monkeypatch):
    """Queries beyond the limit are refused, while approvals still answer."""
    monkeypatch.setattr(api_module, "QUERY_WAIT_S", 0.05)
    reader.hold.clear()
    threads = [threading.Thread(target=local.post, args=("/api/query",), kwargs={"json": {"sql": "SELECT 1"}})]
    threads += [threading.Thread(target=local.get, args=("/api/sessions",))]
    for thread in threads:
        thread.start()
    while len(reader.asked) < 2:
        time.sleep(0.005)
    assert_problem(local.get("/api/sessions"), 503, "overloaded")
    assert local.get("/api/approvals").status_code == 200
    reader.hold.set()
    for thread in threads:
        thread.join()
    assert local.get("/api/sessions").status_code == 200


# Errors


def test_a_store_that_fails_is_said_to(local, store, reader):
    """The answer is 503, without the cause."""
    store.failure = store.get_failure = ApprovalError("secret detail")
    assert_problem(local.get("/healthz"), 503, "approval-unavailable")
    assert_problem(local.get(f"/api/approvals/{NONE}"), 503, "approval-unavailable")
    reader.failure = GONE
    assert_problem(local.get("/api/sessions"), 503, "evidence-unavailable")


def test_errors_and_logs_repeat_nothing_that_was_sent(local, store, reader, capfd, caplog):
    """No error contains tokens, values or causes."""
    caplog.set_level(logging.DEBUG)
    canary = "CANARY-078-05-1120"
    store.get_failure = ZeroDivisionError(canary)
    reader.failure = KeyError(canary)
    one = opened(store)
    answers = [
        local.get(f"/api/approvals/{canary}"),
        local.get(f"/api/approvals/{NONE}"),
        local.post("/api/query", json={"sql": canary}),
        local.post("/api/query", json={"sql": 1, canary: canary}),
        local.post("/api/query", content=canary, headers={"Content-Type": "application/json"}),
        local.get(f"/api/approvals?limit={canary}"),
        local.get(f"/{canary}"),
        local.delete("/api/query"),
        local.get("/api/approvals", headers={"Authorization": f"Bearer {canary}"}),
        local.get("/api/approvals", headers={"Authorization": f"Bearer {token(iss=canary)}"}),
        say(local, one, headers=bearer(canary), note=canary),
    ]
    assert [answer.status_code for answer in answers] == [404, 500, 500, 422, 422, 422, 404, 405, 401, 403, 500]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert canary not in answer.text
    out, err = capfd.readouterr()
    ours = [each.getMessage() for each in caplog.records if not each.name.startswith("http")]
    logged = out + err + " ".join(ours)
    assert "Traceback" not in logged
    assert canary not in logged


@pytest.mark.parametrize(
    "path", ["/api/approvals/", "/healthz/", "/api//approvals", "//evil.example/api/approvals/"]
)
def test_no_path_is_redirected(remote, path):
    """A redirect would name the host of the request, and http."""
    answer = remote.get(path, headers={"Host": "evil.example", **bearer("bob")})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


def test_a_large_body_is_refused(local):
    """The limit holds with and without a content-length."""
    assert_problem(local.post("/api/query", content=b"x" * (MAX_BODY + 1)), 413, "too-large")
    pieces = (b"x" * 10_000 for _ in range(20))
    assert_problem(local.post("/api/query", content=pieces), 413, "too-large")


def test_nothing_is_kept_by_caches_and_nothing_describes_the_api(local):
    """Responses are not cached or sniffed, and no generated page loads scripts from elsewhere."""
    answer = local.get("/api/approvals")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert_problem(local.get(path), 404, "not-found")


# Acts


def test_a_vote_may_name_what_the_voter_saw(remote, store, acts):
    """Another digest, or another preview, is refused; each attempt is recorded with its source."""
    one = opened(store)
    stale = say(remote, one, headers=bearer("bob"), digest=one.digest, preview_digest="0" * 64)
    assert_problem(stale, 409, "wrong-preview")
    assert_problem(say(remote, one, headers=bearer("bob"), digest="0" * 64), 409, "wrong-digest")
    whole = {"digest": one.digest, "preview_digest": one.preview_digest}
    assert say(remote, one, headers=bearer("bob"), **whole).status_code == 200
    assert [reason for _, _, reason in acts.told] == ["wrong-preview", "wrong-digest", "approve", "approved"]
    assert {each.source.partition(" ")[0] for each in acts.entries} == {"api"}


def test_two_votes_of_one_person_that_race_over_http_count_once(remote, store):
    one = opened(store, minimum=2)
    answers = []

    def race():
        answers.append(say(remote, one, headers=bearer("bob")))

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.status_code for each in answers) == [200] + [409] * 5
    assert {each.json()["reason"] for each in answers if each.status_code == 409} == {"already-voted"}
    assert len(store.get(one.approval_id).votes) == 1


def test_a_vote_that_cannot_be_recorded_is_answered_with_503(remote, store, acts):
    one = opened(store)
    acts.full = True
    answer = say(remote, one, headers=bearer("bob"))
    assert_problem(answer, 503, "evidence-unavailable")
    assert "not done" in answer.json()["title"]
    assert store.get(one.approval_id).votes == ()


def test_a_vote_is_taken_back_and_shown_so(remote, store):
    one = opened(store, minimum=2)
    say(remote, one, headers=bearer("bob"))
    taken = remote.post(f"/api/approvals/{one.approval_id}/withdraw", headers=bearer("bob"))
    assert taken.status_code == 200, taken.text
    [vote] = taken.json()["votes"]
    assert vote["withdrawn"].endswith("Z")
    again = remote.post(f"/api/approvals/{one.approval_id}/withdraw", headers=bearer("bob"))
    assert_problem(again, 409, "nothing-to-withdraw")


def test_the_requester_cancels_and_nobody_else(remote, store):
    one = opened(store)
    path = f"/api/approvals/{one.approval_id}/cancel"
    assert_problem(remote.post(path, headers=bearer("bob")), 403, "not-yours")
    assert_problem(remote.post(path), 401, "unauthenticated")
    assert remote.post(path, headers=bearer("alice", ())).json()["state"] == "cancelled"
    assert_problem(remote.post(path, headers=bearer("alice", ())), 409, "not-pending")


def test_the_glass_is_broken_only_on_purpose_and_by_its_groups(remote, store, acts):
    one = opened(store, minimum=3, break_glass=("oncall",))
    oncall = bearer("olga", ("oncall",))
    assert_problem(say(remote, one, headers=oncall), 403, "wrong-group")
    assert_problem(say(remote, one, headers=bearer("bob"), break_glass=True), 403, "no-break-glass")
    assert_problem(say(remote, one, "deny", headers=oncall, break_glass=True), 422, "malformed")
    answer = say(remote, one, headers=oncall, break_glass=True)
    assert (answer.json()["state"], answer.json()["votes"][0]["break_glass"]) == ("approved", True)
    assert len(acts.alarms) == 1


def test_the_search_finds_and_goes_on(remote, store):
    made = [opened(store, function=f"crm.f{number % 2}") for number in range(6)]
    opened(store, groups=("hr",), function="crm.f1")
    wanted = [each.approval_id for each in made if each.function == "crm.f1"][::-1]
    found, before = [], ""
    while before is not None:
        params = {"function": "crm.f1", "limit": 2, "before": before, "state": ["pending", "denied"]}
        page = remote.get("/api/approvals/search", params=params, headers=bearer("bob")).json()
        found += [each["approval_id"] for each in page["approvals"]]
        before = page["before"]
    assert found == wanted
    for params in ({"state": "open"}, {"before": "x"}, {"more": 1}, {"limit": 0}, {"function": ["a", "b"]}):
        answer = remote.get("/api/approvals/search", params=params, headers=bearer("bob"))
        assert_problem(answer, 422, "malformed")


def test_an_auditor_sees_all_and_decides_nothing(client_of, store):
    one = opened(store)
    with client_of(local=False, roles={"auditor": ["audit"]}) as client:
        auditor = bearer("eve", ("audit",))
        assert client.get(f"/api/approvals/{one.approval_id}", headers=auditor).status_code == 200
        assert_problem(say(client, one, headers=auditor), 403, "wrong-group")


def test_a_look_is_recorded_and_a_list_is_none(local, remote, store, acts):
    one = opened(store)
    local.get("/api/approvals")
    local.get(f"/api/approvals/{one.approval_id}")
    remote.get(f"/api/approvals/{one.approval_id}", headers=bearer("bob"))
    assert [(kind, who) for kind, who, _ in acts.told] == [("looked", ""), ("looked", "bob")]
    assert acts.entries[0].source == "socket"


@pytest.mark.parametrize(("trusted", "address"), [([], "127.0.0.1"), (["127.0.0.0/8"], "203.0.113.9")])
def test_the_source_is_the_peer_or_what_a_trusted_proxy_says(store, acts, tmp_path, trusted, address):
    """Over a real port."""
    one = opened(store)
    configured = settings(tmp_path, trusted_proxies=trusted)
    app = make_api(
        desk=make_desk(store, acts), pins=None, reader=FakeReader(), clock=time.time_ns, settings=configured,
        authenticator=make_authenticator(configured, time.time_ns),
    )  # fmt: skip

    async def vote():
        port = free_port()
        async with web(app, f"127.0.0.1:{port}"), httpx.AsyncClient() as client:
            return await client.post(
                f"http://127.0.0.1:{port}/api/approvals/{one.approval_id}/approve",
                json={"note": "ticket 42"},
                headers=bearer("bob") | {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"},
            )

    assert asyncio.run(vote()).status_code == 200
    assert {each.source for each in acts.entries} == {f"api {address}"}
    assert store.get(one.approval_id).votes[0].source == f"api {address}"
