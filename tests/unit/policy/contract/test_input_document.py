"""What policy sees of a call, as opa-envoy-plugin shows it, and what it never sees."""

import orjson
import pytest

from extproc.model.call import Attributes, Call, Headers, RequestHead
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.masking import Finding
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract.input_document import build_document, rfc3339
from extproc.policy.contract.parsed_body import parse_form

JSON_HEADERS = Headers((("content-type", b"application/json"),))


def a_head(path: str = "/customers/7", headers: Headers = JSON_HEADERS) -> RequestHead:
    return RequestHead("POST", "https", "crm.example", path, headers, "rid", "10.0.0.9:1234")


def a_call(document: object = None, **changes: object) -> Call:
    fields = {"call_id": "c1", "connection": "crm", "name": "get", "protocol": "http-json", "session": "s1"}
    return Call(**{**fields, "arguments": document, "document": document, **changes})


def build(head: RequestHead | None = None, call: Call | None = None, body: bytes = b'{"id":7}', **changes: object):
    arguments = {
        "head": head or a_head(),
        "call": call or a_call(orjson.loads(body)),
        "identity": Identity("https://i", "ann", ("support",), "agent"),
        "findings": (),
        "body": body,
        "body_sha256": "ab",
        "uninspectable": None,
        "now_ns": 1_700_000_000_000_000_001,
        "max_depth": 64,
    }
    return orjson.loads(build_document(**{**arguments, **changes}))


def test_plugins_keys_are_there():
    document = build()
    http = document["attributes"]["request"]["http"]
    assert http == {
        "id": "rid",
        "method": "POST",
        "headers": {
            ":authority": "crm.example",
            ":method": "POST",
            ":path": "/customers/7",
            ":scheme": "https",
            "content-type": "application/json",
        },
        "path": "/customers/7",
        "host": "crm.example",
        "scheme": "https",
        "size": 8,
        "body": '{"id":7}',
        "rawBody": "eyJpZCI6N30=",
    }
    assert document["attributes"]["request"]["time"] == {"seconds": 1_700_000_000, "nanos": 1}
    assert document["attributes"]["source"] == {
        "address": {"socketAddress": {"address": "10.0.0.9", "portValue": 1234}}
    }
    assert document["version"] == {"ext_authz": "v3", "encoding": "protojson"}
    assert document["parsed_path"] == ["customers", "7"]
    assert document["parsed_query"] == {}
    assert document["parsed_body"] == {"id": 7}
    assert document["truncated_body"] is False


def test_our_keys_are_there():
    document = build(findings=(Finding("US_SSN", "$.ssn", count=2),))
    assert document["identity"] == {
        "issuer": "https://i",
        "subject": "ann",
        "groups": ["support"],
        "actor": "agent",
    }
    assert document["connection"] == {"name": "crm", "protocol": "http-json"}
    assert document["call"] == {
        "id": "c1",
        "protocol": "http-json",
        "function": "crm.get",
        "name": "get",
        "method": "",
        "arguments": {"id": 7},
        "session": "s1",
    }
    assert document["findings"] == [{"entity": "US_SSN", "path": "$.ssn", "count": 2}]
    assert document["body"] == {"size": 8, "sha256": "ab"}
    assert document["direction"] == "request"
    assert document["time"] == "2023-11-14T22:13:20.000000001Z"


@pytest.mark.parametrize("name", ["authorization", "proxy-authorization", "cookie"])
def test_secrets_in_headers_are_not_shown(name):
    head = a_head(headers=Headers(((name, b"CANARY"), ("x-a", b"1"))))
    document = build(head)
    assert "CANARY" not in str(document)
    assert document["attributes"]["request"]["http"]["headers"]["x-a"] == "1"


def test_uninspectable_is_a_fact_and_not_only_null():
    for why in Uninspectable:
        document = build(call=a_call(None, uninspectable=why), body=b"\xff", uninspectable=why)
        assert document["body"]["uninspectable"] == why.value
        assert document["parsed_body"] is None
        assert document["truncated_body"] is (why in (Uninspectable.TRUNCATED, Uninspectable.TOO_LARGE))


def test_a_body_is_shown_as_base64_and_where_it_can_be_as_text():
    """A deny rule was written for one of them, as Envoy was configured there."""
    http = build(call=a_call(), body=b"\xff\x00")["attributes"]["request"]["http"]
    assert http["rawBody"] == "/wA="
    assert "body" not in http
    http = build(call=a_call(), body=b"DROP")["attributes"]["request"]["http"]
    assert (http["body"], http["rawBody"]) == ("DROP", "RFJPUA==")
    assert not {"body", "rawBody"} & build(call=a_call(), body=b"")["attributes"]["request"]["http"].keys()


def test_verified_claims_are_where_the_plugin_has_them():
    claims = {"envoy.filters.http.jwt_authn": {"payload": {"sub": "ann"}}}
    assert build(metadata=claims)["attributes"]["metadataContext"] == {"filterMetadata": claims}
    assert "metadataContext" not in build()["attributes"]


@pytest.mark.parametrize(
    ("path", "parsed"),
    [("/", [""]), ("//a//b/", ["a", "", "b"]), ("/a%2Fb/c%20d", ["a", "b", "c d"]), ("/a?b=c", ["a"])],
)
def test_paths_are_decoded_before_they_are_split(path, parsed):
    assert build(a_head(path))["parsed_path"] == parsed


def test_query_values_are_lists():
    assert build(a_head("/a?x=1&x=2&y&z=a+b%26"))["parsed_query"] == {"x": ["1", "2"], "y": [""], "z": ["a b&"]}
    assert parse_form("&&") == {}


@pytest.mark.parametrize("path", ["/a%", "/a%2", "/a%zz", "/a?x=%g1", "/a?x=1;y=2"])
def test_a_url_with_two_readings_is_refused(path):
    with pytest.raises(Refused) as refused:
        build(a_head(path))
    assert refused.value.reason is Reason.UNINSPECTABLE


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json", "Application/X+JSON", ""],
)
def test_a_body_that_was_read_is_given_however_its_content_type_is_spelt(content_type):
    """A policy that denies by the body must not be gone around by a spelling that backends take all the same."""
    head = a_head(headers=Headers((("content-type", content_type.encode()),)))
    assert build(head)["parsed_body"] == {"id": 7}


def test_forms_are_lists_too():
    for content_type in (b"application/x-www-form-urlencoded", b"Application/X-WWW-Form-URLencoded"):
        head = a_head(headers=Headers((("content-type", content_type),)))
        assert build(head, call=a_call(), body=b"a=1&a=2")["parsed_body"] == {"a": ["1", "2"]}


def test_header_bytes_outside_utf8_become_exclamation_marks():
    head = a_head(headers=Headers((("x-a", b"a\xffb"), ("x-b", b"1"), ("x-b", b"2"))))
    headers = build(head)["attributes"]["request"]["http"]["headers"]
    assert headers["x-a"] == "a!b"
    assert headers["x-b"] == "1,2"


def test_large_integers_stay_exact():
    call = a_call({"n": 2**70})
    raw = build_document(
        head=a_head(),
        call=call,
        identity=Identity("i", "s"),
        findings=(),
        body=b"{}",
        body_sha256="",
        uninspectable=None,
        now_ns=0,
        max_depth=64,
    )
    assert str(2**70).encode() in raw


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}])
def test_what_has_no_json_form_is_refused(value):
    with pytest.raises(Refused) as refused:
        build(call=a_call(value))
    assert refused.value.reason is Reason.UNINSPECTABLE


@pytest.mark.parametrize("source", ["", "unix:/run/x", "[::1]:80", "10.0.0.1:99", "10.0.0.1:9x"])
def test_any_source_address_is_fine(source):
    assert build(RequestHead("GET", "", "h", "/", Headers(), source=source), body=b"{}")


def test_times_have_nine_decimals():
    assert rfc3339(0) == "1970-01-01T00:00:00.000000000Z"


def with_facts(**facts: object) -> dict:
    head = RequestHead(
        "GET", "https", "h", "/", Headers(), source="/run/peer.sock", attributes=Attributes(**facts)
    )
    return build(head, a_call(), b"")


def test_envoys_own_facts_are_there():
    document = with_facts(
        protocol="HTTP/2",
        destination="[::1]:443",
        source_principal="spiffe://a",
        source_certificate="-----BEGIN%20",
        destination_principal="me",
        sni="crm.example",
        context_extensions={"team": "red"},
        route_metadata={"my.route": {"tier": 1}},
    )
    attributes = document["attributes"]
    assert document["source_principal"] == "spiffe://a"
    assert attributes["source"] == {
        "address": {"pipe": {"path": "/run/peer.sock"}},
        "principal": "spiffe://a",
        "certificate": "-----BEGIN%20",
    }
    assert attributes["destination"] == {
        "address": {"socketAddress": {"address": "::1", "portValue": 443}},
        "principal": "me",
    }
    assert attributes["contextExtensions"] == {"team": "red"}
    assert attributes["routeMetadataContext"] == {"filterMetadata": {"my.route": {"tier": 1}}}
    assert attributes["tlsSession"] == {"sni": "crm.example"}
    assert attributes["request"]["http"]["protocol"] == "HTTP/2"


def test_facts_that_envoy_does_not_state_are_left_out():
    """As ext_authz leaves them out; a session without a server name is an empty object there."""
    document = with_facts()
    assert "source_principal" not in document
    assert set(document["attributes"]) == {"request", "source"}
    assert with_facts(sni="")["attributes"]["tlsSession"] == {}
