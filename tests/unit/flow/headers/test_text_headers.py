"""Header fields: what is in them is masked both ways, and their names tell what it is."""

import asyncio

import pytest

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.headers.text_headers import mask_fields
from extproc.masking.masker import Masker, Trial
from extproc.model.call import Headers
from extproc.model.errors import MaskingError
from extproc.model.masking import MaskOperator, MaskRule
from tests.support.maskers import FaultyMasker, make_masker
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    answers,
    asks,
    deny,
    headers,
    held,
    make_services,
    play,
    returns,
    sends,
)

SSN, BARE = "219-09-9999", "219099999"
ALL = (MaskRule(MaskOperator.REDACT, entity="*"),)
MASKED = {"connections.crm.masking": {"request": [{"entity": "*"}], "response": []}}
BODY = b'{"name":"Ada"}'


def edited(masker, value, name="x-note", rules=ALL):
    edits, findings = mask_fields(masker, Headers(((name, value),)), rules)
    return dict(edits.set).get(name, value), [(each.entity, each.path, each.how) for each in findings]


@pytest.fixture(scope="module")
def masker():
    return make_masker()


async def call(services, *events, **fields):
    """A call with a body, whose head has these fields; the peer, and the fields that are set."""
    peer = await play(
        services,
        asks("POST", "/customers", content_type="application/json", **fields),
        sends(BODY),
        *(events or (answers(end=True),)),
    )
    return peer, peer.upstream_headers


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("x_customer", SSN, "[US_SSN]"),
        ("x_ssn", BARE, "[US_SSN]"),
        ("referer", f"https://x.example/?a=1&ssn={SSN}&b=%20", "https://x.example/?a=1&ssn=[US_SSN]&b=%20"),
        ("referer", "https://x.example/a%2Fb?m=ada%40example.com", "https://x.example/a%2Fb?m=[EMAIL_ADDRESS]"),
        ("cookie", f"a=1; ssn={BARE};  c={SSN}; d", "a=1; ssn=[US_SSN];  c=[US_SSN]; d"),
        ("x_data", f'{{"ssn": {BARE}}}', '{"ssn": "[US_SSN]"}'),
        ("x_request_id", f"{SSN}", "[US_SSN]"),
        ("traceparent", f"00-{SSN}", "00-[US_SSN]"),
    ],
)
async def test_sensitive_values_of_request_fields_reach_neither_backend_nor_record(tmp_path, name, value, sent):
    services = make_services(tmp_path, changes=MASKED)
    _, fields = await call(services, **{name: value})
    shown = name.replace("_", "-")
    assert fields[shown] == sent.encode()
    assert f"header.{shown}" in {each.path for each in services.recorder.last.findings}
    assert not any(each in repr(services.recorder.entries) for each in (SSN, BARE))


@pytest.mark.parametrize("name", ["content_type", "x_envoy_note", "te"])
async def test_a_call_with_a_sensitive_value_in_a_field_that_cannot_be_rewritten_is_refused(tmp_path, name):
    services = make_services(tmp_path, changes=MASKED)
    head = asks("GET", "/customers/7", **{name: f"a/b; note={SSN}"})
    peer = await play(services, head)
    assert peer.refusal.reason == "masking-failed"
    assert SSN not in repr(services.recorder.entries)


@pytest.mark.parametrize("path", [f"/customers/7?a={SSN}&a=2", f"/customers/7?a={SSN.replace('-', '%2D')}&a=2"])
async def test_a_sensitive_value_in_an_unreadable_query_refuses_the_call(tmp_path, path):
    """Policy allows a request that could not be inspected; the masking plan still applies."""
    services = make_services(tmp_path, changes=MASKED)
    peer = await play(services, asks(path=path))
    assert peer.refusal.reason == "masking-failed"


async def test_a_query_that_policy_clears_of_a_value_goes_on(tmp_path):
    answer = {"allowed": True, "query_parameters_to_remove": ["ssn"]}
    services = make_services(tmp_path, engine=ScriptedEngine(answer), changes=MASKED)
    peer = await play(services, asks(path=f"/customers/7?ssn={BARE}&a=1"), answers(end=True))
    assert peer.upstream_headers[":path"] == b"/customers/7?a=1"


async def test_fields_are_not_searched_without_a_masking_plan(tmp_path):
    services = make_services(tmp_path, changes={"connections.crm.masking": {"request": [], "response": []}})
    _, fields = await call(services, x_customer=SSN)
    assert set(fields) == {"x-extproc-call-id"}
    _, fields = await call(
        make_services(
            tmp_path, changes={"connections.crm.masking": {"request": [{"path": "$.a", "how": "redact"}]}}
        ),
        x_customer=SSN,
    )
    assert "x-customer" not in fields


async def test_removed_and_overwritten_fields_do_not_come_back_masked(tmp_path):
    """Fields that are removed, and fields that the guard sets itself."""
    secret = tmp_path / "secret"
    secret.write_text("backend-secret-0123456789\n")
    changes = {**MASKED, "connections.crm.credential": {"file": str(secret), "header": "x-api-key"}}
    decision = {"allowed": True, "headers": {"x-set": "policy's"}, "request_headers_to_remove": ["x-gone"]}
    services = make_services(tmp_path, engine=ScriptedEngine(decision), changes=changes)
    note = dict.fromkeys(("x_api_key", "forwarded", "x_set", "x_gone", "x_extproc_call_id", "authorization"), SSN)
    peer, fields = await call(services, **note)
    assert fields["x-api-key"] == b"Bearer backend-secret-0123456789"
    assert "forwarded" not in fields
    assert not any(SSN.encode() in value or b"US_SSN" in value for value in fields.values())
    assert "forwarded" in peer.upstream_removed


@pytest.mark.parametrize("operation", ["may_hold", "mask", "trial"])
async def test_masking_that_fails_lets_nothing_go(tmp_path, operation):
    masker = make_masker(kind=FaultyMasker).fail(operation, "x-customer")
    services = make_services(tmp_path, masker=masker, changes=MASKED)
    peer, _ = await call(services, x_customer=SSN)
    assert peer.refusal.reason == "masking-failed"
    assert ("req", "done") not in peer.marks()


async def test_fields_are_masked_where_an_unreadable_body_may_pass(tmp_path):
    masking = {"request": [{"entity": "*"}], "response": [], "undecodable": "pass-unmasked"}
    services = make_services(tmp_path, changes={"connections.crm.masking": masking})
    head = asks("POST", "/customers", content_type="application/x-unknown", x_customer=SSN)
    peer = await play(services, head, sends(b"\x00"), answers(end=True))
    assert peer.upstream_headers["x-customer"] == b"[US_SSN]"
    assert {each.path for each in services.recorder.last.findings} == {"$", "header.x-customer"}


async def test_approvers_and_the_record_of_a_held_call_know_which_field_it_was(tmp_path):
    hold = {"action": "hold", "reason": "high-risk", "rule": "r", "approval": {"groups": ["sre"], "min": 1}}
    services = make_services(tmp_path, engine=ScriptedEngine(hold), changes=MASKED)
    task = asyncio.create_task(call(services, x_ssn=BARE))
    request = await held(services)
    assert [each.path for each in request.findings] == ["header.x-ssn"]
    assert BARE not in repr(services.approvals.get(request.approval_id))
    deny(services, request)
    await task
    assert [each.path for each in services.recorder.entries[0].findings] == ["header.x-ssn"]


async def test_the_name_of_a_response_field_tells_what_it_holds(tmp_path):
    services = make_services(tmp_path)
    peer = await play(services, asks(), answers(x_ssn=BARE, location="/v?m=ada%40example.com"), returns(b"{}"))
    assert peer.delivered_headers["x-ssn"] == b"[US_SSN]"
    assert peer.delivered_headers["location"] == b"/v?m=[EMAIL_ADDRESS]"
    assert BARE not in repr(services.recorder.entries)


async def test_a_field_of_which_nothing_is_left_is_removed(masker):
    """Set to nothing, Envoy would leave it as it was."""
    rules = (MaskRule(MaskOperator.REMOVE, entity="*"),)
    edits, _ = mask_fields(masker, headers(x_a=SSN, x_b=f"a {SSN}"), rules)
    assert (edits.set, edits.remove) == ((("x-b", b"a "),), ("x-a",))


def test_bytes_that_are_not_text_stay_around_a_masked_value(masker):
    value = b"\xff\xe9 %s \x80" % SSN.encode()
    assert edited(masker, value)[0] == b"\xff\xe9 [US_SSN] \x80"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (b"219%2D09%2d9999", b"[US_SSN]"),
        (b"a%FF%E9 219%2D09%2D9999%zz%", b"a%FF%E9 [US_SSN]%zz%"),
        (b"%E2%82%AC\xe2\x82\xac%22%5C219%2D09%2D9999%0D%0A%26", b"%E2%82%AC\xe2\x82\xac%22%5C[US_SSN]%0D%0A%26"),
        ("２１９%2D０９%2D９９９９".encode(), b"[US_SSN]"),  # noqa: RUF001 - other digits are the point
        (b"a=%2B+1&c=GB82+WEST+1234+5698+7654+32", b"a=%2B+1&c=[IBAN_CODE]"),
        (b"219-09-9999, 219%2D09%2D9999", b"[US_SSN], [US_SSN]"),
    ],
)
def test_percent_encoding_is_seen_through_and_left_alone(masker, value, sent):
    masked, findings = edited(masker, value)
    assert masked == sent
    assert {each[1] for each in findings} == {"header.x-note"}


def test_a_field_name_that_is_a_sensitive_value_refuses_the_fields(masker):
    with pytest.raises(MaskingError, match="name of a header"):
        mask_fields(masker, Headers(((f"x-{SSN}", b"1"),)), ALL)


def test_repeated_fields_are_joined_and_cookies_by_semicolons(masker):
    ssn = SSN.encode()
    fields = Headers((("x-a", ssn), ("cookie", b"a=1"), ("x-a", b"2"), ("cookie", b"b=" + ssn)))
    edits, _ = mask_fields(masker, fields, ALL)
    assert edits.set == (("x-a", b"[US_SSN],2"), ("cookie", b"a=1; b=[US_SSN]"))


def test_the_credential_is_taken_out_of_every_field_even_where_nothing_is_masked(masker):
    redact_credential = CredentialRedactor(b"Bearer backend-secret-0123", b"backend-secret-0123")
    edits, findings = mask_fields(masker, headers(date="backend-secret-0123", x_b="b"), (), redact_credential)
    assert (edits.set, findings) == ((("date", b"[CREDENTIAL]"),), ())


def test_the_name_of_one_cookie_is_not_context_for_another(masker):
    """Nine digits are no US_SSN because the cookie before them is called so."""
    assert edited(masker, b"ssn=none; id=" + BARE.encode(), "cookie") == (b"ssn=none; id=" + BARE.encode(), [])


class ForgetfulMasker(Masker):
    """Finds nothing when it is asked again."""

    def trial(self, *_):
        return Trial("", (), ())


def test_a_value_that_is_not_found_a_second_time_refuses_the_fields():
    """The search of one field must take out what the search of all of them found."""
    with pytest.raises(MaskingError, match="cannot be masked"):
        mask_fields(make_masker(kind=ForgetfulMasker), headers(x_a=SSN), ALL)


@pytest.mark.parametrize(
    "value",
    [
        b"http://x/?e=jo@example.com&c=%B94111111111111111",
        b"http://x/?e=jo@example.com&c=%AA4111111111111111",
        b"\xb94111111111111111",
        b"jo@example.com \xaa4111111111111111",
        "\uff14\uff11\uff11\uff11111111111111 \xff".encode("latin-1", "ignore") + b"\xff 4111111111111111",
    ],
)
@pytest.mark.parametrize("how", list(MaskOperator))
def test_a_value_that_only_one_decoding_of_bad_bytes_shows_does_not_pass_beside_a_masked_one(masker, value, how):
    rules = (MaskRule(how, entity="*"),)
    try:
        edits, _ = mask_fields(masker, Headers((("referer", value),)), rules)
    except MaskingError:
        return
    sent = dict(edits.set).get("referer", b"" if "referer" in edits.remove else value)
    assert b"4111111111111111" not in sent
