"""REST-like calls: what is called, with which arguments, and what is not guessed about."""

import json

import orjson
import pytest

from extproc.model.call import Call, Headers, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.masking import MaskOperator, MaskRule
from extproc.model.reasons import Reason, Uninspectable
from extproc.protocols.http_json.protocol import OVERRIDES, HttpJsonProtocol
from extproc.protocols.http_json.settings import HttpJsonConnection

JSON = ("content-type", b"application/json")


def protocol(**more):
    settings = HttpJsonConnection.model_validate(
        {
            "protocol": "http-json",
            "hosts": ["crm.test"],
            "upstream": {"address": "127.0.0.1:9000"},
            "functions": {
                "get_customer": {"method": "GET", "path": "/customers/{id}"},
                "search": {"method": "GET", "path": "/customers/search"},
                "create": {"method": "POST", "path": "/customers"},
                "update": {"method": "PUT", "path": "/customers/{id}"},
                "delete": {"method": "DELETE", "path": "/customers/{id}"},
            },
            **more,
        }
    )
    return HttpJsonProtocol("crm", settings, max_depth=16)


def call(method, path, body=b"", *headers, unreadable=None, **more):
    head = RequestHead(method, "https", "crm.test", path, Headers(headers))
    return protocol(**more).identify(head, body, call_id="c1", unreadable=unreadable)


def why(*args, **more):
    found = call(*args, **more)
    assert found.arguments is None
    assert found.document is None
    return found.uninspectable


def test_a_get_has_path_and_query_arguments():
    found = call("GET", "/customers/42?fields=name%2Cmail&q=a+b&flag")
    assert found.function == "crm.get_customer"
    assert found.arguments == {"id": "42", "fields": "name,mail", "q": "a b", "flag": ""}
    assert (found.protocol, found.call_id, found.uninspectable) == ("http-json", "c1", None)


def test_the_members_of_a_body_are_arguments_under_their_own_names():
    found = call("PUT", "/customers/42", b'{"name": "A", "tags": [1]}', JSON)
    assert found.function == "crm.update"
    assert found.arguments == {"id": "42", "name": "A", "tags": [1]}
    assert found.document == {"name": "A", "tags": [1]}


def test_a_body_that_is_no_object_is_the_arguments_themselves():
    assert call("POST", "/customers", b"[1, 2]", JSON).arguments == [1, 2]


def test_beside_arguments_of_the_url_it_is_their_member_body():
    assert call("PUT", "/customers/42", b"[1, 2]", JSON).arguments == {"id": "42", "body": [1, 2]}


def test_no_arguments_at_all_are_an_empty_object():
    assert call("POST", "/customers").arguments == {}


def test_the_concrete_path_comes_before_the_template():
    assert call("GET", "/customers/search").name == "search"


@pytest.mark.parametrize(
    "segment",
    [
        "SEARCH",
        "s%65arch",
        "%53earch",
        "search%20",
        "%EF%BD%93earch",
        "\u017fearch",
        "search.json",
        "Search.",
        "search%2ejson",
        "search.a.b",
        "search.%20",
    ],
)
def test_what_some_server_takes_for_it_is_not_the_templates_either(segment):
    """A denied function would be called under the name of an allowed one."""
    with pytest.raises(Refused) as refused:
        call("GET", f"/customers/{segment}")
    assert refused.value.reason is Reason.UNKNOWN_FUNCTION
    assert call("GET", "/customers/searches").name == "get_customer"


def test_of_two_that_differ_in_case_each_is_itself():
    functions = {
        "one": {"method": "GET", "path": "/users/@me"},
        "two": {"method": "GET", "path": "/users/@Me"},
        "get": {"method": "GET", "path": "/users/{id}"},
    }
    found = [call("GET", f"/users/{each}", functions=functions).name for each in ("@me", "@Me", "a%40b", "%2B1")]
    assert found == ["one", "two", "get", "get"]
    assert call("GET", "/users/@you.json", functions=functions).name == "get"
    for segment in ("%40me", "@ME", "@me.json", "%40me%2e"):
        with pytest.raises(Refused):
            call("GET", f"/users/{segment}", functions=functions)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/customers/42"),
        ("PATCH", "/customers/42"),
        ("get", "/customers/42"),
        ("GET", "/customers"),
        ("GET", "/customers/42//"),
        ("GET", "/CUSTOMERS/42"),
        ("GET", "/customers/42;v=2"),
        ("GET", "/customers/%2e%2e"),
        ("GET", "/customers/a%2Fb"),
        ("GET", "/customers/a%252Fb"),
        ("OPTIONS", "*"),
        ("GET", ""),
    ],
)
def test_anything_not_registered_is_refused(method, path):
    with pytest.raises(Refused) as refused:
        call(method, path)
    assert refused.value.reason is Reason.UNKNOWN_FUNCTION
    assert path not in str(refused.value) or not path.strip("*")


@pytest.mark.parametrize(
    "query",
    ["id=7", "ID=7", "id[]=7", "a=1&a=2", "a=1&A=2", "a=1&a[]=2", "a.b=1&a_b=2", "a%20b=1&a.b=2", "a[b=1", "a%5Bb=1", "a=1&&b=2", "a=1&", "=1", "a;b=1", "a=%zz", "a=%ff",
     "a=%00", "a=\x7f", "a=ü", "%61=1&a=2", "a=1#b"],
)  # fmt: skip
def test_a_query_that_servers_read_differently_is_uninspectable(query):
    assert why("GET", f"/customers/42?{query}") in (Uninspectable.QUERY, Uninspectable.HEADER_BODY_MISMATCH)


@pytest.mark.parametrize("body", [b'{"id": 42}', b'{"ID": 42}', b'{"id": "42"}', b'{"id[x]": 1}'])
def test_a_name_in_url_and_body_is_uninspectable(body):
    """Which of the two the backend would take is not known."""
    assert why("PUT", "/customers/42", body, JSON) is Uninspectable.HEADER_BODY_MISMATCH


@pytest.mark.parametrize(
    "content_type",
    [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"text/json",
     b"application/json; charset=utf-16", b"application/json; charset=utf-7"],
)  # fmt: skip
def test_a_body_of_another_type_is_uninspectable(content_type):
    assert why("POST", "/customers", b"{}", ("content-type", content_type)) is Uninspectable.CONTENT_TYPE


@pytest.mark.parametrize("content_type", [b"application/grpc+json", b"application/grpc-web+json; charset=utf-8"])
def test_messages_of_grpc_are_not_taken_for_a_document(content_type):
    """Each has a prefix of five bytes: a body without one is not what it says."""
    fields = ("content-type", content_type)
    assert why("POST", "/customers", b"{}", fields) is Uninspectable.CONTENT_TYPE


def test_a_body_without_type_is_not_sniffed():
    assert why("POST", "/customers", b"{}") is Uninspectable.CONTENT_TYPE


@pytest.mark.parametrize(
    "content_type",
    [b"application/json", b"Application/JSON", b"application/json;charset=UTF-8", b'application/json; charset="utf-8"',
     b"application/vnd.api+json", b"application/json ; profile=x"],
)  # fmt: skip
def test_json_is_json_however_it_is_spelled(content_type):
    assert call("POST", "/customers", b'{"a": 1}', ("content-type", content_type)).arguments == {"a": 1}


@pytest.mark.parametrize(
    "fields",
    [
        [b"application/json", b"text/plain"],
        [b"application/json", b"application/json"],
        [b"application/json, text/plain"],
        [b"application/json; charset=utf-8; charset=utf-16"],
        [b"application/json;"],
        [b"application"],
        [b"application/json; x=" + b"a" * 300],
    ],
)
def test_an_unclear_content_type_is_uninspectable(fields):
    headers = [("content-type", value) for value in fields]
    assert why("POST", "/customers", b"{}", *headers) is Uninspectable.HEADERS


def test_a_get_may_carry_json_and_nothing_else():
    assert call("GET", "/customers/42", b'{"a": 1}', JSON).arguments == {"id": "42", "a": 1}
    assert why("GET", "/customers/42", b"a=1") is Uninspectable.UNEXPECTED_BODY
    assert why("DELETE", "/customers/42", b"a", ("content-type", b"text/plain")) is Uninspectable.UNEXPECTED_BODY


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_method_or_path_override_is_uninspectable(name):
    assert why("POST", "/customers", b"{}", JSON, (name, b"DELETE")) is Uninspectable.HEADER_BODY_MISMATCH


@pytest.mark.parametrize("name", ["_method", "_METHOD", "_method[]", "X-HTTP-Method-Override"])
def test_a_method_in_the_query_or_the_body_is_uninspectable(name):
    query = name.replace("[", "%5B").replace("]", "%5D")
    body = json.dumps({name: "DELETE"}).encode()
    assert why("GET", f"/customers/42?{query}=DELETE") is Uninspectable.HEADER_BODY_MISMATCH
    assert why("POST", f"/customers?{query}=DELETE", b"{}", JSON) is Uninspectable.HEADER_BODY_MISMATCH
    assert why("POST", "/customers", body, JSON) is Uninspectable.HEADER_BODY_MISMATCH
    assert why("PUT", "/customers/42", body, JSON) is Uninspectable.HEADER_BODY_MISMATCH


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (b"2", None),
        (b"3", Uninspectable.TRUNCATED),
        (b"1", Uninspectable.TRUNCATED),
        (b"0" * 20 + b"2", Uninspectable.HEADERS),
        (b"2,2", Uninspectable.HEADERS),
        (b"+2", Uninspectable.HEADERS),
        ("²".encode(), Uninspectable.HEADERS),
    ],
)
def test_the_length_must_be_the_bodys(length, expected):
    assert call("POST", "/customers", b"{}", JSON, ("content-length", length)).uninspectable is expected


def test_the_length_of_an_encoded_body_is_not_the_decoded_ones():
    headers = [JSON, ("content-length", b"17"), ("content-encoding", b"gzip")]
    assert call("POST", "/customers", b"{}", *headers).uninspectable is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", Uninspectable.NOT_JSON),
        (b'{"a": 1, "a": 2}', Uninspectable.DUPLICATE_KEYS),
        (b'{"a": "\xff"}', Uninspectable.NOT_UTF8),
        (b"[" * 17 + b"]" * 17, Uninspectable.TOO_DEEP),
    ],
)
def test_a_body_that_is_not_clean_json_is_uninspectable(body, expected):
    assert why("POST", "/customers", body, JSON) is expected


def test_a_body_that_could_not_be_decoded_keeps_its_reason():
    assert why("POST", "/customers", unreadable=Uninspectable.CONTENT_ENCODING) is Uninspectable.CONTENT_ENCODING


def test_the_session_is_the_configured_headers_value():
    assert call("POST", "/customers", b"", ("x-session", b"s1"), session_header="x-session").session == "s1"
    assert call("POST", "/customers", b"", ("x-session", b"s1")).session == ""


@pytest.mark.parametrize("values", [[b"a b"], [b"\xff"], [b"a" * 1025], [b"a", b"b"]])
def test_an_unclear_session_is_uninspectable(values):
    headers = [("x-session", value) for value in values]
    assert why("POST", "/customers", b"", *headers, session_header="x-session") is Uninspectable.HEADERS


def test_rules_apply_to_the_document_as_they_are():
    rules = (MaskRule(MaskOperator.REDACT, path="$.ssn"), MaskRule(MaskOperator.PARTIAL, entity="*"))
    called = Call("c1", "crm", "getCustomer", "http-json")
    assert protocol().request_rules(rules, called) == rules
    assert protocol().response_rules(rules, called) == rules


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [(b"text/event-stream", True), (b"Text/Event-Stream; charset=utf-8", True), (b"application/json", False), (b"", False)],
)  # fmt: skip
def test_event_streams_are_masked_event_by_event(content_type, expected):
    head = ResponseHead(200, Headers((("content-type", content_type),)))
    assert protocol().streams(head) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (((b"content-type", b"text/plain"),), True),
        (((b"content-type", b"text/plain"), (b"content-length", b"100")), False),
        (((b"content-type", b"text/plain"), (b"content-length", b"101")), True),
        (((b"content-type", b"text/plain"), (b"content-encoding", b"gzip")), False),
        (((b"content-type", b"application/json"),), False),
        ((), False),
    ],
)
def test_text_that_is_long_or_of_unknown_length_may_stream(fields, expected):
    head = ResponseHead(200, Headers(tuple((name.decode(), value) for name, value in fields)))
    assert protocol().streams_text(head, whole=100) is expected


def test_a_refusal_is_a_problem_document_with_reason_and_id_alone():
    reply = protocol().refusal(None, Reason.HIGH_RISK, "c1")
    assert (reply.status, dict(reply.headers)["content-type"]) == (403, "application/problem+json")
    assert dict(reply.headers)["cache-control"] == "no-store"
    assert orjson.loads(reply.body) == {
        "type": "urn:extproc:reason:high-risk",
        "title": "The call's risk is too high",
        "status": 403,
        "reason": "high-risk",
        "call_id": "c1",
    }


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_can_be_answered(reason):
    reply = protocol().refusal(None, reason, "c1")
    assert json.loads(reply.body)["status"] == reply.status
    assert ("www-authenticate" in dict(reply.headers)) == (reply.status == 401)
