"""What masking left, and comes back in a request, is a finding: policy sees it, and nothing changes it."""

import base64
import gzip
import json
from urllib.parse import quote

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, asks, make_services, play, returns, sends

ALLOW = {"action": "allow", "reason": "policy-allowed", "rule": "test"}
PSEUDONYM = "<US_SSN:k1:ABCDEFGHIJKLMNOP>"


def services_with(tmp_path, **masking):
    changes = {"connections.crm.masking": {"request": [{"entity": "*"}], **masking}}
    return make_services(tmp_path, engine=ScriptedEngine(ALLOW), changes=changes)


async def asked(tmp_path, body, *, path="/customers", content_type="application/json", **masking):
    """Play a call; return what policy saw of masked values, what the record has of them, and the peer."""
    services = services_with(tmp_path, **masking)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    peer = await play(
        services, asks("POST", path, content_type=content_type), sends(data), answers(), returns(b"{}")
    )
    seen = [
        (each["path"], each["count"])
        for each in services.engine.asked[0]["findings"]
        if each["entity"] == "MASKED_VALUE"
    ]
    kept = [(each.path, each.count) for each in services.recorder.last.findings if each.entity == "MASKED_VALUE"]
    assert seen == kept
    assert all(not each.how for each in services.recorder.last.findings if each.entity == "MASKED_VALUE")
    return seen, peer


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"email": "[EMAIL_ADDRESS]"}, [("$.email", 1)]),
        ({"a": {"b": ["x", "[REDACTED]"]}}, [("$.a.b[1]", 1)]),
        ({"a": "[CREDENTIAL]"}, [("$.a", 1)]),
        ({"ssn": PSEUDONYM}, [("$.ssn", 1)]),
        ({"f": "<FIELD:k1:ABCDEFGHIJKLMNOP>"}, [("$.f", 1)]),
        ({"note": "call [PHONE_NUMBER] or [PHONE_NUMBER]"}, [("$.note", 2)]),
        ({"a": json.dumps({"b": "[US_SSN]"})}, [("$.a.b", 1)]),
        ({"a": json.dumps({"b": json.dumps(["[US_SSN]"])})}, [("$.a.b[0]", 1)]),
        ({"a": '{"b": "\\u005bUS_SSN]"}'}, [("$.a.b", 1)]),
        ({"[EMAIL_ADDRESS]": 1}, [("$", 1)]),
        (["[US_SSN]"], [("$[0]", 1)]),
        ({"a": 10**30, "b": "[US_SSN]"}, [("$.b", 1)]),
        ({"a": "[NO_SUCH_ENTITY]", "b": "[email_address]", "c": "EMAIL_ADDRESS", "d": ["US_SSN"]}, []),
        ({"a": "<US_SSN:k1:ABCD>", "b": "<b>US_SSN</b>", "c": "**bold**", "d": "x[0]"}, []),
        ({"a": "************1111"}, []),
    ],
)
async def test_places(tmp_path, body, places):
    found, peer = await asked(tmp_path, body)
    assert found == places
    assert peer.request_body_is_untouched


LABEL = "[EMAIL_ADDRESS]"
FILE = f"# Contact\nWrite to {LABEL}.\n"


def base64_of(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        quote(LABEL),
        quote(quote(LABEL)),
        quote(PSEUDONYM),
        f"https://example.com/?to={quote(LABEL)}&n=1",
        f"https://example.com/?next={quote(quote(LABEL))}",
        "&#91;EMAIL_ADDRESS&#93;",
        "&lt;US_SSN:k1:ABCDEFGHIJKLMNOP&gt;",
        "\\u005bEMAIL_ADDRESS\\u005d",
        "\\[EMAIL_ADDRESS\\]",
        "\\[EMAIL\\_ADDRESS\\]",
        'x {"b": "\\u005bEMAIL_ADDRESS]"}',
        base64_of(LABEL),
        base64_of(FILE),
        base64_of(gzip.compress(FILE.encode())),
        base64_of(quote(LABEL)),
        FILE.encode().hex(),
        json.dumps({"content": base64_of(FILE)}),
    ],
)
async def test_a_masked_value_that_is_spelled_in_text(tmp_path, value):
    """A file that is written as Base64, the parameter of a URL in an argument."""
    found, peer = await asked(tmp_path, {"a": {"b": value}})
    assert [(path[:5], count) for path, count in found] == [("$.a.b", 1)]
    assert peer.request_body_is_untouched


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/?a%5B0%5D=1&list%5BINDEX%5D=2",
        "%5BTODO%5D",
        "&lt;div&gt; &#91;x&#93;",
        "\\[a-z\\]",
        base64_of("[x] done [TODO] and more"),
        base64_of(bytes(range(256))),
        b"[TODO] and more of it".hex(),
        "EMAIL_ADDRESS%5D",
    ],
)
async def test_other_text_that_is_spelled_in_text(tmp_path, value):
    assert (await asked(tmp_path, {"a": value}))[0] == []


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("************1111", True),
        ("****", True),
        ("*****", True),
        ("****.com", True),
        ("***", False),
        ("**bold**", False),
        ("*.example.com", False),
        ("card ************1111", False),
        ("****12345", False),
    ],
)
async def test_stars_count_where_the_plan_leaves_stars(tmp_path, value, is_one):
    plan = [{"path": "$.card", "how": "partial"}, {"entity": "*"}]
    assert bool((await asked(tmp_path, {"a": value}, response=plan))[0]) is is_one


async def test_a_masked_body_keeps_the_finding(tmp_path):
    found, peer = await asked(tmp_path, {"a": "[US_SSN]", "b": "219-09-9999"})
    assert found == [("$.a", 1)]
    assert json.loads(peer.upstream_body) == {"a": "[US_SSN]", "b": "[US_SSN]"}


async def test_arguments_of_a_url(tmp_path):
    services = services_with(tmp_path)
    await play(
        services,
        asks("GET", "/customers/%5BUS_SSN%5D?q=%3CUS_SSN:k1:ABCDEFGHIJKLMNOP%3E"),
        answers(),
        returns(b"{}"),
    )
    found = {each["path"] for each in services.engine.asked[0]["findings"] if each["entity"] == "MASKED_VALUE"}
    assert found == {"$.id", "$.q"}


async def test_a_form_that_no_protocol_reads(tmp_path):
    form = b"a=x&email=%5BEMAIL_ADDRESS%5D"
    found, _ = await asked(tmp_path, form, content_type="application/x-www-form-urlencoded")
    assert found == [("$", 1)]


async def test_arguments_of_a_tool(tmp_path):
    services = services_with(tmp_path)
    arguments = {"text": "[US_SSN]"}
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search", "arguments": arguments},
    }
    ask = asks("POST", "/mcp", "docs.internal", content_type="application/json")
    await play(services, ask, sends(json.dumps(body).encode()), answers(), returns(b"{}"))
    assert services.engine.asked[0]["findings"] == [
        {"entity": "MASKED_VALUE", "path": "$.params.arguments.text", "count": 1}
    ]
