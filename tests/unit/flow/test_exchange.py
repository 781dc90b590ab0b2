"""The exchange as dialogues: what Envoy says, what the guard answers, what it records."""

import asyncio
import gzip
import hashlib
import json

import pytest

from extproc.model.call import Headers, RequestHead, ResponseHead
from extproc.model.entries import EntryKind
from extproc.model.errors import CallerGone, PolicyError, ProtocolViolation, ResponseBrokenOff
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.wire.events import RequestTrailersReceived, ResponseHeadersReceived, ResponseTrailersReceived
from tests.unit.flow.dialogue import (
    MemoryRecorder,
    ScriptedEngine,
    answers,
    asks,
    claims,
    headers,
    make_services,
    play,
    returns,
    sends,
)
from tests.unit.flow.scripted_peer import ScriptedPeer

SSN = "219-09-9999"
CARD = "4111111111111111"


def everything_kept(services):
    return repr(services.recorder.entries)


async def test_an_allowed_read_returns_masked_and_is_recorded(tmp_path):
    """Intent before forwarding, outcome after; the value is nowhere."""
    services = make_services(tmp_path)
    body = b'{"name": "Ada",  "ssn":"%s"}' % SSN.encode()
    peer = await play(services, asks(), answers(), returns(body))
    assert peer.marks() == [("req", "done"), ("resp", "done")]
    assert peer.delivered == b'{"name": "Ada",  "ssn":"[US_SSN]"}'
    assert services.recorder.kinds == ["call.decided", "call.completed"]
    assert services.recorder.last.function == "crm.get_customer"
    assert services.recorder.last.findings[0].entity == "US_SSN"
    assert SSN not in everything_kept(services)


async def test_a_clean_response_is_left_alone(tmp_path):
    """Nothing to mask: Envoy keeps the backend's bytes and length."""
    peer = await play(make_services(tmp_path), asks(), answers(content_length="2"), returns(b"{}"))
    assert peer.response_body_is_untouched


async def test_the_callers_token_never_goes_on(tmp_path):
    """Authorization is removed when there is no credential to put in its place."""
    peer = await play(make_services(tmp_path), asks(authorization="Bearer caller"), answers(end=True))
    assert "authorization" in peer.upstream_removed
    assert "accept-encoding" in peer.upstream_removed


async def test_fields_that_claim_another_host_or_path_are_removed(tmp_path):
    peer = await play(
        make_services(tmp_path), asks(x_forwarded_host="evil", forwarded="host=evil"), answers(end=True)
    )
    hosts_and_paths = {"x-forwarded-host", "x-original-host", "x-host", "forwarded", "x-forwarded-prefix"}
    assert hosts_and_paths <= set(peer.upstream_removed)


async def test_the_backends_credential_goes_on_and_never_comes_back(tmp_path):
    """The caller's header is overwritten; an echo of the secret is taken out; nothing keeps it."""
    secret = tmp_path / "secret"
    secret.write_text("backend-secret-0123456789\n")
    services = make_services(tmp_path, changes={"connections.crm.credential": {"file": str(secret)}})
    peer = await play(
        services,
        asks(authorization="Bearer caller"),
        answers(x_echo="Bearer backend-secret-0123456789"),
        returns(b'{"got":"Bearer backend-secret-0123456789"}'),
    )
    assert peer.upstream_headers["authorization"] == b"Bearer backend-secret-0123456789"
    assert b"backend-secret" not in peer.delivered
    assert b"backend-secret" not in peer.delivered_headers["x-echo"]
    assert "backend-secret" not in everything_kept(services)


@pytest.mark.parametrize("first", [b"a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", b"ssn=" + SSN.encode()])
async def test_cookies_stay_apart_when_one_is_masked(tmp_path, first):
    """Joined by a comma they would be one cookie, and another."""
    fields = Headers(tuple(("set-cookie", value) for value in (first, b"ssn=" + SSN.encode(), b"c=3")))
    began = ResponseHeadersReceived(ResponseHead(200, fields, ""), True, RequestHead("", "", "", "", Headers()))
    peer = await play(make_services(tmp_path), asks(), began)
    masked = first.replace(SSN.encode(), b"[US_SSN]")
    assert peer.delivered_values("set-cookie") == [masked, b"ssn=[US_SSN]", b"c=3"]


@pytest.mark.parametrize("value", ["user:a-pass/word", "key id-and/secret part", "Token 0123456789abcdef/"])
async def test_a_credential_of_any_shape_never_comes_back(tmp_path, value):
    """With spaces, escaped, in a field that no rule is for: it was given to the backend, and stays there."""
    secret = tmp_path / "secret"
    secret.write_text(value)
    changes = {"connections.crm.credential": {"file": str(secret), "prefix": ""}}
    peer = await play(
        make_services(tmp_path, changes={**changes, "connections.crm.masking": {"response": []}}),
        asks(),
        answers(content_type=f'application/json; profile="{value}"', date=value),
        returns(json.dumps({"a": value}).replace("/", "\\/").encode()),
    )
    assert peer.delivered == b'{"a": "[CREDENTIAL]"}'
    assert peer.delivered_headers["date"] == b"[CREDENTIAL]"
    assert peer.delivered_headers["content-type"] == b'application/json; profile="[CREDENTIAL]"'


async def test_a_credential_cut_into_the_pieces_of_an_unmasked_stream_never_comes_back(tmp_path):
    (tmp_path / "secret").write_text("backend-secret-0123456789\n")
    masking = {"request": [], "response": []}
    peer = await play(
        make_services(
            tmp_path,
            changes={
                "connections.crm.credential": {"file": str(tmp_path / "secret")},
                "connections.crm.masking": masking,
            },
        ),
        asks(),
        answers(content_type="text/event-stream"),
        returns(b"data: 1\n\ndata: backend-sec", end=False),
        returns(b"ret-0123456789\n\n", end=False),
        returns(b"data: tail", end=True),
    )
    assert peer.delivered_pieces == [b"data: 1\n\ndata: ", b"[CREDENTIAL]\n\n", b"data: tail"]


async def test_a_missing_credential_denies(tmp_path):
    """Nothing is forwarded without the credential that the backend needs."""
    services = make_services(tmp_path, changes={"connections.crm.credential": {"file": str(tmp_path / "none")}})
    peer = await play(services, asks())
    assert peer.refusal.reason == "credential-unavailable"
    assert services.recorder.kinds == ["call.denied"]


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (asks(metadata={}), "unauthenticated"),
        (asks(metadata=claims(exp=1)), "unauthenticated"),
        (asks(metadata=claims(iss="https://other")), "token-rejected"),
        (asks(host="crm.internal,crm.internal"), "unknown-function"),
        (asks(host="elsewhere"), "unknown-function"),
        (asks(path="/customers/7/more"), "unknown-function"),
        (asks(path="/customers/%2e%2e"), "unknown-function"),
        (asks(method="DELETE", end=True), "unknown-function"),
    ],
)
async def test_unknown_callers_and_calls_of_unknown_functions_are_refused(tmp_path, first, reason):
    """No request marker is ever set, and the refusal is recorded."""
    services = make_services(tmp_path)
    peer = await play(services, first)
    assert peer.refusal.reason == reason
    assert ("req", "done") not in peer.marks()
    assert [(each.kind, each.reason) for each in services.recorder.entries] == [(EntryKind.DENIED, reason)]


@pytest.mark.parametrize(
    "engine",
    [
        ScriptedEngine(fault=PolicyError("undefined")),
        ScriptedEngine({"action": "allow", "reason": "made-up"}),
        ScriptedEngine(answer=None),
        ScriptedEngine({"action": "maybe"}),
        ScriptedEngine({}),
        ScriptedEngine([True]),
    ],
)
async def test_policy_without_a_usable_answer_denies(tmp_path, engine):
    """Undefined, malformed or failing: policy-error."""
    services = make_services(tmp_path, engine=engine)
    peer = await play(services, asks())
    assert peer.refusal.reason == "policy-error"
    assert services.recorder.last.reason == "policy-error"


async def test_policy_that_hangs_denies(tmp_path):
    """The decision has its own time limit."""
    services = make_services(
        tmp_path, engine=ScriptedEngine({"action": "allow"}, delay_s=5), changes={"limits.decision_timeout": 0.02}
    )
    assert (await play(services, asks())).refusal.reason == "policy-error"


async def test_a_denial_tells_the_caller_only_the_reason(tmp_path):
    """The caller gets reason and call id; the rule stays in the record."""
    services = make_services(
        tmp_path, engine=ScriptedEngine({"action": "deny", "reason": "not-in-scope", "rule": "secret-rule"})
    )
    peer = await play(services, asks())
    assert b"secret-rule" not in peer.refusal.body
    assert services.recorder.last.rule == "secret-rule"
    assert peer.refusal.document["call_id"] == services.recorder.last.call_id


async def test_a_call_that_cannot_be_recorded_is_not_forwarded(tmp_path):
    """Strict: the entry comes first."""
    services = make_services(tmp_path, recorder=MemoryRecorder(full=True))
    peer = await play(services, asks())
    assert peer.refusal.reason == "evidence-unavailable"
    assert services.observer.lost


async def test_an_outcome_that_cannot_be_recorded_is_reported(tmp_path):
    """The intent is on disk; the lost outcome is counted."""
    services = make_services(tmp_path, recorder=MemoryRecorder(fail_on=EntryKind.COMPLETED))
    await play(services, asks(), answers(end=True))
    assert [entry.kind for entry in services.observer.lost] == [EntryKind.COMPLETED]


@pytest.mark.parametrize(
    ("body", "fields", "fact"),
    [
        (b'{"a":1,"a":2}', {}, "duplicate-keys"),
        (b'{"a":1', {}, "not-json"),
        (b"\xff{}", {}, "not-utf8"),
        (b"[" * 100 + b"]" * 100, {}, "too-deep"),
        (b"{}", {"content_encoding": "br"}, "content-encoding"),
        (gzip.compress(b"{}")[:-4], {"content_encoding": "gzip"}, "truncated"),
        (b"{}", {"content_type": "text/plain"}, "content-type"),
    ],
)
async def test_policy_sees_why_a_request_cannot_be_inspected(tmp_path, body, fields, fact):
    """Never a silent null: the input names why."""
    engine = ScriptedEngine({"action": "deny", "reason": "uninspectable"})
    services = make_services(tmp_path, engine=engine)
    fields = {"content_type": "application/json", **fields}
    peer = await play(services, asks("POST", "/customers", **fields), sends(body))
    assert engine.asked[0]["body"]["uninspectable"] == fact
    assert services.recorder.last.uninspectable == fact
    assert peer.refusal.reason == "uninspectable"


async def test_an_uninspectable_body_that_policy_allows_cannot_be_masked_and_is_refused(tmp_path):
    """With something to mask, allow is not enough."""
    services = make_services(
        tmp_path, changes={"connections.crm.masking": {"request": [{"entity": "*"}], "response": []}}
    )
    peer = await play(services, asks("POST", "/customers", content_type="application/json"), sends(b'{"a":'))
    assert peer.refusal.reason == "masking-failed"


async def test_an_encoded_body_is_forwarded_as_it_was_inspected(tmp_path):
    """gzip is undone, so that the backend reads the very bytes that were decided on."""
    body = gzip.compress(b'{"id":"7"}')
    peer = await play(
        make_services(tmp_path),
        asks("POST", "/customers", content_type="application/json", content_encoding="gzip"),
        sends(body),
        answers(end=True),
    )
    assert peer.upstream_body == b'{"id":"7"}'
    assert "content-encoding" in peer.upstream_removed


async def test_a_request_is_masked_and_all_else_stays(tmp_path):
    """Only the value changes; big numbers and white space survive."""
    services = make_services(
        tmp_path,
        changes={"connections.crm.masking": {"request": [{"path": "$.card", "how": "partial"}], "response": []}},
    )
    body = b'{ "card" : "%s", "big": 123456789012345678901234567890 }' % CARD.encode()
    peer = await play(
        services, asks("POST", "/customers", content_type="application/json"), sends(body), answers(end=True)
    )
    assert peer.upstream_body == body.replace(CARD.encode(), b"************1111")
    assert CARD not in everything_kept(services)


@pytest.mark.parametrize("path", ["/customers/" + SSN, "/customers/7?note=" + SSN])
async def test_a_value_in_the_url_is_kept_masked_and_not_passed_where_it_must_be_masked(tmp_path, path):
    """A URL cannot be rewritten: the call is refused."""
    services = make_services(
        tmp_path, changes={"connections.crm.masking": {"request": [{"entity": "*"}], "response": []}}
    )
    assert (await play(services, asks(path=path))).refusal.reason == "masking-failed"
    assert SSN not in everything_kept(services)


LONG_NAME = "n" * 600


@pytest.mark.parametrize("rule", ["$", "$.*"])
@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"a": "y"}, "q=x"),
        ({f"{LONG_NAME}b": "y"}, f"{LONG_NAME}=x"),
        ({f"a{at}": at for at in range(1_100)}, "q=x&r=x"),
        (["y"], "q=x"),
        ("y", "q=x"),
        (None, "q=x"),
    ],
    ids=["one of each", "long names", "many places", "array", "string", "null"],
)
async def test_a_field_of_the_url_is_not_taken_for_one_of_the_body(tmp_path, rule, body, query):
    """Findings do not tell long names apart, nor more than a thousand places, nor what is in a whole document."""
    rules = {"request": [{"path": rule}], "response": []}
    services = make_services(tmp_path, changes={"connections.crm.masking": rules})
    for path, passes in (("/customers", True), (f"/customers?{query}", False)):
        asked = asks("POST", path, content_type="application/json")
        peer = await play(services, asked, sends(json.dumps(body).encode()), answers(end=True))
        assert passes or peer.refusal.reason == "masking-failed"
        assert (services.recorder.last.reason == "masking-failed") is not passes


async def test_a_masked_body_passes_beside_a_url_that_needs_no_masking(tmp_path):
    rules = {"request": [{"path": "$.a"}, {"path": "$.b"}, {"path": "$.c[*].d"}], "response": []}
    services = make_services(tmp_path, changes={"connections.crm.masking": rules})
    asked = asks("POST", "/customers?q=x&c=y", content_type="application/json")
    body = {"a": "z", "b": {"c": "z"}, "d": [{"d": "z"}]}
    peer = await play(services, asked, sends(json.dumps(body).encode()), answers(end=True))
    assert json.loads(peer.upstream_body) == {**body, "a": "[REDACTED]", "b": "[REDACTED]"}


async def test_events_are_masked_one_by_one(tmp_path):
    """A value cut across pieces is caught; a whole event goes at once; an unfinished one waits."""
    services = make_services(tmp_path)
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"x"}}}'
    first = b'data: {"jsonrpc":"2.0","id":1,"result":{"a":"' + SSN[:5].encode()
    peer = await play(
        services,
        asks("POST", "/mcp", "docs.internal", content_type="application/json", accept="application/json"),
        sends(call),
        answers(content_type="text/event-stream"),
        returns(first, end=False),
        returns(SSN[5:].encode() + b'"}}\n\n', end=False),
        returns(b"", end=True),
    )
    assert peer.delivered_pieces[0] == b""
    assert peer.delivered == first.replace(SSN[:5].encode(), b"") + b'[US_SSN]"}}\n\n'
    assert peer.marks()[1:] == [("resp", "hdr"), ("resp", "1"), ("resp", "2"), ("resp", "done")]
    assert SSN not in everything_kept(services)
    assert services.recorder.last.kind is EntryKind.COMPLETED


TEXT = {"content_type": "text/plain"}


async def played(services, head, *pieces):
    """Return the body as the caller gets it, piece by piece."""
    last = len(pieces) - 1
    told = [returns(piece, end=at == last) for at, piece in enumerate(pieces)]
    peer = await play(services, asks(), head, *told)
    return peer.delivered_pieces


async def test_text_of_unknown_length_is_masked_as_it_comes(tmp_path):
    services = make_services(tmp_path)
    sent = await played(services, answers(**TEXT), b"It is ", SSN[:5].encode(), SSN[5:].encode() + b", you see.")
    assert sent == [b"It is ", b"", b"[US_SSN], you see."]
    assert services.recorder.last.kind is EntryKind.COMPLETED
    assert SSN not in everything_kept(services)


@pytest.mark.parametrize(
    ("head", "changes", "engine"),
    [
        (answers(**TEXT, content_length="26"), {}, None),
        (answers(content_type="text/plain; charset=us-ascii"), {}, None),
        (answers(**TEXT), {}, ScriptedEngine({"action": "allow"}, responses=ResponseInterest.ALWAYS)),
        (answers(**TEXT), {}, ScriptedEngine({"action": "allow"}, responses=ResponseInterest.UNKNOWN)),
        (answers(**TEXT), {"connections.crm.masking": {"undecodable": "pass-unmasked"}}, None),
        (answers(**TEXT), {"connections.crm.masking": {"response": [{"path": "$", "how": "redact"}]}}, None),
        (answers(**TEXT), {"connections.crm.masking": {"declared": {"response": ["$"]}}}, None),
    ],
)
async def test_text_is_masked_whole_where_a_rule_or_policy_needs_all_of_it(tmp_path, head, changes, engine):
    services = make_services(tmp_path, changes=changes, engine=engine)
    peer = await play(services, asks(), head, returns(b"It is one text, and whole.\n"))
    assert ("resp", "hdr") not in peer.marks()
    assert ("resp", "done") in peer.marks()


async def test_text_that_is_longer_than_a_whole_one_may_be_is_masked_as_it_comes(tmp_path):
    services = make_services(tmp_path)
    more = str(services.limits.response_body + 1)
    assert await played(services, answers(**TEXT, content_length=more), b"first\n", b"last") == [
        b"first\n",
        b"last",
    ]


async def test_the_credential_is_found_in_text_without_line_ends(tmp_path):
    """Words go; the one that may be a part of it waits."""
    (tmp_path / "secret").write_text("backend-secret-0123456789\n")
    changes = {
        "connections.crm.credential": {"file": str(tmp_path / "secret")},
        "connections.crm.masking": {"response": []},
    }
    services = make_services(tmp_path, changes=changes)
    sent = await played(services, answers(**TEXT), b"you sent backend-sec", b"ret-0123456789", b" to us, ", b"Bob")
    assert b"".join(sent) == b"you sent [CREDENTIAL] to us, Bob"
    assert sent[0].startswith(b"you sent ")
    assert sent[2].endswith(b" to us, ")


async def test_trailers_after_an_unfinished_text_break_it_off(tmp_path):
    """Envoy takes no more of the body then."""
    services = make_services(tmp_path)
    with pytest.raises(ResponseBrokenOff):
        await play(
            services,
            asks(),
            answers(**TEXT),
            returns(b"first\nlas", end=False),
            ResponseTrailersReceived(Headers()),
        )


MCP = (
    asks("POST", "/mcp", "docs.internal", content_type="application/json"),
    sends(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{}}}'),
    answers(content_type="text/event-stream"),
)


async def test_a_stream_that_cannot_be_masked_is_broken_off(tmp_path):
    """Only whole events went before; the rest never goes, and the record says so."""
    services = make_services(tmp_path, changes={"limits.event": 1 << 16})
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{}}}'
    with pytest.raises(ResponseBrokenOff):
        await play(
            services,
            asks("POST", "/mcp", "docs.internal", content_type="application/json"),
            sends(call),
            answers(content_type="text/event-stream"),
            returns(b"data: " + b"x" * (1 << 17), end=False),
        )
    assert services.recorder.last.kind is EntryKind.FAILED
    assert services.recorder.last.reason == "response-abandoned"


LIMIT = {"limits.request_body": 2048}
LARGE = b"x" * 3000 + SSN.encode()


async def test_a_body_over_the_limit_is_refused_to_the_id_of_its_call(tmp_path):
    services = make_services(tmp_path, changes=LIMIT)
    call = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "search", "note": LARGE.decode()},
    }
    peer = await play(services, MCP[0], sends(json.dumps(call).encode()))
    assert (peer.is_forwarded, peer.refusal.status, peer.refusal.reason) == (False, 200, "body-too-large")
    assert peer.refusal.document["id"] == 7
    last = services.recorder.last
    assert (last.kind, last.reason, last.rule, last.uninspectable) == (
        EntryKind.DENIED, "body-too-large", "limits.request_body", "too-large",
    )  # fmt: skip
    assert SSN not in everything_kept(services)


@pytest.mark.parametrize("fields", [{}, {"content_encoding": "gzip"}])
async def test_a_body_over_the_limit_is_refused_as_one_of_its_function(tmp_path, fields):
    """It is neither decoded nor searched, and policy is not asked."""
    engine = ScriptedEngine({"action": "allow"})
    services = make_services(tmp_path, changes=LIMIT, engine=engine)
    request = asks("POST", "/customers", content_type="application/json", **fields)
    peer = await play(services, request, sends(LARGE))
    assert (peer.is_forwarded, peer.refusal.status, peer.refusal.reason) == (False, 413, "body-too-large")
    assert (services.recorder.last.function, services.recorder.last.request_bytes) == (
        "crm.update_customer",
        len(LARGE),
    )
    assert engine.asked == []
    assert SSN not in everything_kept(services)


async def test_nobody_learns_a_limit_without_a_token(tmp_path):
    services = make_services(tmp_path, changes=LIMIT)
    peer = await play(services, asks("POST", "/customers", metadata={}), sends(LARGE))
    assert (peer.is_forwarded, peer.refusal.status) == (False, 401)


@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_that_is_broken_off_tells_the_caller_in_the_place_of_what_failed(tmp_path, end):
    services, peer = make_services(tmp_path), ScriptedPeer()
    note = b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"x"}}\n\n'
    failing = note + b'data: {"ssn":"%s"}\n\ndata: \xff%s\n\n' % (SSN.encode(), SSN.encode())
    with pytest.raises(ResponseBrokenOff):
        await play(services, *MCP, returns(note, end=False), returns(failing, end=end), peer=peer)
    first, told = peer.delivered_pieces
    assert first == note
    assert told.startswith(b"\n\nevent: message\ndata: {")
    error = json.loads(told.partition(b"data: ")[2])
    assert (error["id"], error["error"]["data"]["reason"]) == (1, "response-abandoned")
    assert SSN not in peer.transcript
    last = services.recorder.last
    assert (last.kind, last.reason, last.status) == (EntryKind.FAILED, "response-abandoned", 200)
    assert (last.response_bytes, last.response_sha256) == (
        len(note + told), hashlib.sha256(note + told).hexdigest(),
    )  # fmt: skip


async def test_a_cancellation_while_the_caller_is_told_does_not_change_the_record(tmp_path):
    """Envoy ends the guard's stream as soon as it has the last message."""

    class Gone(ScriptedPeer):
        async def send(self, message):
            await super().send(message)
            if self.delivered:
                raise asyncio.CancelledError

    services = make_services(tmp_path)
    with pytest.raises(asyncio.CancelledError):
        await play(services, *MCP, returns(b"data: \xff\n\n"), peer=Gone())
    assert services.recorder.last.reason == "response-abandoned"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"content_type": "application/octet-stream"}, b"\x00\x01"),
        ({"content_encoding": "br"}, b"abc"),
        ({}, b'{"broken":'),
        ({}, b'{"a":1,"a":"%s"}' % SSN.encode()),
    ],
)
async def test_a_response_that_cannot_be_masked_never_leaves(tmp_path, fields, body):
    """502 with a problem document, and not a byte of the upstream's."""
    services = make_services(tmp_path)
    peer = await play(services, asks(), answers(**fields), returns(body))
    assert peer.refusal.status == 502
    assert SSN.encode() not in peer.refusal.body
    assert services.recorder.last.kind is EntryKind.FAILED


async def test_headers_and_trailers_are_masked(tmp_path):
    """Every way out: location, cookies and trailers carry text too."""
    services = make_services(tmp_path)
    peer = await play(
        services,
        asks(),
        answers(location=f"/c/{SSN}"),
        returns(b"{}", end=False),
        ResponseTrailersReceived(headers(x_note=SSN)),
    )
    assert peer.delivered_headers["location"] == b"/c/[US_SSN]"
    assert peer.delivered_trailers == {"x-note": b"[US_SSN]"}


@pytest.mark.parametrize("second", [RequestTrailersReceived(headers()), sends(b"{}", end=False)])
async def test_request_trailers_are_refused(tmp_path, second):
    """Nothing can be edited after them, so nothing is let go on them."""
    services = make_services(tmp_path)
    peer = await play(services, asks("POST", "/customers"), second)
    assert peer.refusal.reason == "uninspectable"
    assert ("req", "done") not in peer.marks()


async def test_a_local_reply_of_envoy_is_recorded(tmp_path):
    """A bad token never reaches the guard as a request; the denial is recorded nevertheless."""
    services = make_services(tmp_path)
    peer = await play(
        services, answers(401, local="jwt_authn_access_denied{Jwt_is_missing}"), returns(b"Jwt is missing")
    )
    assert services.recorder.last.reason == "unauthenticated"
    assert b"unauthenticated" in peer.delivered


async def test_a_method_that_envoy_refuses_does_not_blame_the_token(tmp_path):
    """TRACE. The document has the status that Envoy gave."""
    services = make_services(tmp_path)
    details = "rbac_access_denied_matched_policy[refused-methods]"
    peer = await play(services, answers(403, local=details), returns(b"RBAC: access denied"))
    assert (services.recorder.last.reason, services.recorder.last.status) == ("unknown-function", 403)
    assert b"token" not in peer.delivered
    assert b'"status":403' in peer.delivered


async def test_an_upstream_that_fails_is_recorded_as_such(tmp_path):
    """Envoy's own 503 for a forwarded call becomes a problem document."""
    services = make_services(tmp_path)
    peer = await play(services, asks(), answers(503, local="upstream_reset_before_response_started{x}"))
    assert peer.refusal.reason == "upstream-error"
    assert services.recorder.last.kind is EntryKind.FAILED


@pytest.mark.parametrize("events", [(sends(b""),), (asks("POST", "/customers"), answers(end=False), None)])
async def test_events_out_of_order_end_in_an_error(tmp_path, events):
    """Never in a clean end, which Envoy would take for consent."""
    if len(events) == 1:
        with pytest.raises(ProtocolViolation):
            await play(make_services(tmp_path), *events)
    else:
        services = make_services(tmp_path)
        await play(services, *events)
        assert services.recorder.kinds == ["call.denied"]


async def test_a_stream_that_envoy_closes_early_ends_in_an_error(tmp_path):
    """None is not an event: every phase of the response ends with it, and the call is recorded."""
    stream = answers(content_type="application/x-ndjson")
    for events in (
        (asks(), None),
        (asks(), answers(), None),
        (asks(), answers(), returns(b"{}", end=False), None),
        (asks(), stream, None),
        (asks(), stream, returns(b"{}\n", end=False), None),
    ):
        services = make_services(tmp_path)
        with pytest.raises(CallerGone):
            await play(services, *events)
        assert (services.recorder.last.kind, services.recorder.last.reason) == ("call.failed", "caller-gone")


async def test_a_caller_that_leaves_in_the_middle_of_its_body_is_recorded(tmp_path):
    """Envoy closes its side; nothing was decided and nothing goes on."""
    services = make_services(tmp_path)
    peer = await play(services, asks("POST", "/customers"), None)
    assert services.recorder.last.reason == "caller-gone"
    assert ("req", "done") not in peer.marks()


async def test_an_unknown_tool_is_answered_in_json_rpc_and_its_name_is_kept_masked(tmp_path):
    """The client learns what happened to its request; what was tried is in the record, without what it hid."""
    services = make_services(tmp_path)
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": f"purge {SSN}", "arguments": {}}}
    head = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    peer = await play(services, head, sends(json.dumps(call).encode()))
    assert peer.refusal.document["id"] == 7
    assert peer.refusal.reason == "unknown-function"
    assert services.recorder.last.function == "docs.purge [US_SSN]"
    assert ("req", "done") not in peer.marks()


async def test_a_value_that_only_its_name_betrays_is_found_in_the_url(tmp_path):
    """Nine bare digits are a US_SSN where the variable is called ssn: found, and kept masked."""
    engine = ScriptedEngine({"action": "deny", "reason": "sensitive-data"})
    functions = {"get_person": {"method": "GET", "path": "/people/{ssn}"}}
    services = make_services(tmp_path, engine=engine, changes={"connections.crm.functions": functions})
    bare = SSN.replace("-", "")
    await play(services, asks(path=f"/people/{bare}"))
    assert [finding["entity"] for finding in engine.asked[0]["findings"]] == ["US_SSN"]
    assert services.recorder.last.path == "/people/[US_SSN]"
    assert bare not in everything_kept(services)


@pytest.mark.parametrize(
    ("origin", "read_by"),
    [(None, None), ("https://app.test", "https://app.test"), ("https://evil.test", None), ("null", None)],
)
async def test_a_page_of_a_listed_origin_reads_what_takes_the_place_of_a_response(tmp_path, origin, read_by):
    """Such an answer passes none of Envoy's filters: neither does one to a request that Envoy refused meanwhile."""
    changes = {"connections.docs.cors": {"origins": ["https://app.test"]}}
    given = {"origin": origin} if origin else {}
    for local in ("request_payload_too_large", "upstream_reset_before_response_started{x}"):
        services = make_services(tmp_path, changes=changes)
        peer = await play(
            services, asks("POST", "/mcp", "docs.internal", end=False, **given), answers(413, local=local)
        )
        told = dict(peer.refusal.headers)
        assert told.get("access-control-allow-origin") == (read_by and read_by.encode())
        exposed = b"mcp-session-id, www-authenticate" if read_by else None
        assert told.get("access-control-expose-headers") == exposed
