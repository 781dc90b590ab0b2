"""Forms reach policy as opa-envoy-plugin shows them; what has two readings does not pass for a form."""

import json
from functools import partial

import pytest

from extproc.model.call import Call, Headers, RequestHead
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason, Uninspectable
from extproc.policy.contract import parsed_body
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine

parse_body = partial(parsed_body.parse_body, max_depth=64)
KIND = "multipart/form-data; boundary=XyZ"
ROLE = b'--XyZ\r\ncontent-disposition: form-data; name="role"\r\n\r\nadmin\r\n--XyZ--\r\n'
DENIES_ADMINS = """package t
default decision := true
decision := false if "admin" in input.parsed_body.role
decision := false if input.body.uninspectable == "truncated"
"""


def part(value: str, disposition: str = 'form-data; name="a"', *headers: str) -> str:
    return "\r\n".join(["--XyZ", f"Content-Disposition: {disposition}", *headers, "", value, ""])


def form(*parts: str) -> bytes:
    return ("".join(parts) + "--XyZ--\r\n").encode()


def test_values_are_lists_in_their_order():
    body = form(
        part("1"), part("x", 'form-data; name="b"; filename="f.txt"', "Content-Type: text/plain"), part("2")
    )
    assert parse_body(body, KIND) == {"a": ["1", "2"], "b": ["x"]}
    assert parse_body(body.replace(b"XyZ", b"a b"), 'Multipart/Form-Data; Boundary="a b"') == {
        "a": ["1", "2"], "b": ["x"]
    }  # fmt: skip


def test_json_parts_are_parsed_and_those_without_a_name_left_out():
    body = form(
        part(
            '{"n": 12345678901234567890}', 'form-data; name="j"', "content-type: application/json; charset=utf-8"
        ),
        part("lost", "form-data"),
        part("lost", "attachment; filename=c"),
        "--XyZ\r\n\r\nlost\r\n",
        "--XyZ\r\nContent-Type: text/plain\r\n\r\nlost\r\n",
    )
    assert parse_body(body, KIND) == {"j": [{"n": 12345678901234567890}]}


def test_line_ends_may_be_bare_throughout():
    """As some clients write them, and opa-envoy-plugin reads them."""
    body = form(
        part("1"), part('{"n":[1]}', 'form-data; name="j"', "Content-Type: application/json"), part("a\nb")
    )
    assert parse_body(body.replace(b"\r\n", b"\n"), KIND) == {"a": ["1", "a\nb"], "j": [{"n": [1]}]}
    assert parse_body(form(part("")).replace(b"\r\n", b"\n"), KIND) == {"a": [""]}


def test_values_are_kept_as_they_are():
    for value in ("", "\r\n", "--", "\r\n--Xy", "a\nb", "é", "a: b\r\n\r\nc"):
        assert parse_body(form(part(value)), KIND) == {"a": [value]}
    assert parse_body(form(part("x")).replace(b"x", b"\xff"), KIND) == {"a": ["\ufffd"]}
    assert parse_body(b"--XyZ--", KIND) == {}


def test_a_name_counts_whatever_its_part_is_called():
    """Some backends do not look."""
    assert parse_body(ROLE.replace(b"form-data;", b"attachment;"), KIND) == {"role": ["admin"]}


def test_other_bodies_are_null():
    for kind in ("", "text/plain", "multipart/mixed; boundary=XyZ", "multipart/form-data", "application/grpc"):
        assert parse_body(ROLE, kind) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"preamble\r\n" + ROLE,
        b"\r\n" + ROLE,
        ROLE + b"epilogue",
        ROLE.removesuffix(b"--\r\n"),
        ROLE.replace(b"\r\n", b"\n", 1),
        ROLE.replace(b"\r\n", b"\n").replace(b"admin\n", b"admin\r\n"),
        ROLE.replace(b"\r\n", b"\n").replace(b"\n\n", b"\n\r\n"),
        ROLE.replace(b"\r\n", b"\n").replace(b"admin", b"ad\rmin"),
        ROLE.replace(b"\r\n", b"\n").replace(b"\n--XyZ--", b"\n--XyZa\n--XyZ--"),
        ROLE.replace(b"\r\n", b"\n").replace(b"\n\n", b"\n"),
        ROLE.replace(b"\r\n", b"\n") + b"\n",
        ROLE.replace(b"\r\n", b"\r"),
        ROLE.replace(b"--XyZ\r\n", b"--XyZ \r\n"),
        ROLE.replace(b"\r\n--XyZ--", b"\n--XyZ--\r\n--XyZ--"),
        ROLE.replace(b"\r\n--XyZ--", b"\r\n--XyZa\r\n--XyZ--"),
        ROLE.replace(b"\r\n\r\n", b"\r\n"),
        ROLE.replace(b"role", rb"ro\"le"),
        ROLE.replace(b'name="role"', b"name*=UTF-8''role"),
        ROLE.replace(b'name="role"', b'name="x"; name="role"'),
        ROLE.replace(b'name="role"', b'name="x"; name*="role"'),
        ROLE.replace(b'name="role"', b'name="x";; a'),
        ROLE.replace(b'name="role"', b'name="x", name="role"'),
        ROLE.replace(b"form-data;", b"form-data;\r\n "),
        ROLE.replace(b"content-disposition:", b"content-disposition :"),
        ROLE.replace(b"content-disp", b"a\r\ncontent-disp"),
        ROLE.replace(b"content-disp", b'content-disposition: form-data; name="x"\r\nContent-Disp'),
        ROLE.replace(b"content-disp", b"content-transfer-encoding: base64\r\ncontent-disp"),
        ROLE.replace(b"role", b"ro\xffle"),
        ROLE.replace(b"content-disp", b"content-type: application/json\r\ncontent-disp"),
        form(*[part("")] * 1_001),
    ],
)
def test_a_form_with_two_readings_is_refused(body):
    with pytest.raises(Refused) as refused:
        parse_body(body, KIND)
    assert refused.value.reason is Reason.UNINSPECTABLE
    assert "admin" not in refused.value.detail


@pytest.mark.parametrize(
    "kind",
    [
        "; boundary=a; boundary=XyZ",
        "; boundary*=XyZ",
        '; boundary=""',
        '; boundary="a "',
        "; boundary=X@Z",
        "; boundary",
    ],
)
def test_a_boundary_with_two_readings_is_refused(kind):
    with pytest.raises(Refused):
        parse_body(ROLE, "multipart/form-data" + kind)


def decided(content_type: bytes, body: bytes, uninspectable: Uninspectable | None) -> bool:
    """Whether a policy that denies by a form's field lets this pass."""
    engine = EmbeddedEngine.from_sources(Sources((Module("t.rego", DENIES_ADMINS),), {}, "data.t.decision"))
    document = build_document(
        head=RequestHead("POST", "http", "h", "/", Headers((("content-type", content_type),))),
        call=Call("id", "c", "f", "http-json", uninspectable=uninspectable),
        identity=Identity("i", "s", ()), findings=(), body=body, body_sha256="", uninspectable=uninspectable, now_ns=0,
        max_depth=64,
    )  # fmt: skip
    assert json.loads(document)["body"].get("uninspectable") == (uninspectable and uninspectable.value)
    return engine.evaluate_now(document) is True


def test_a_policy_written_for_the_plugin_denies_by_a_forms_field_although_it_is_not_inspected():
    why = Uninspectable.CONTENT_TYPE
    assert not decided(KIND.encode(), ROLE, why)
    assert decided(KIND.encode(), ROLE.replace(b"admin", b"guest"), why)
    assert not decided(b"application/x-www-form-urlencoded", b"a=1&r%6fle=adm%69n", why)
    assert decided(b"application/x-www-form-urlencoded", b"a=1&role=guest", why)
