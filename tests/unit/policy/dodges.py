"""Requests with ``role: admin`` in a body that cannot be read: one attempt of each kind, and more of some."""

import gzip
import json

from extproc.codecs.protobuf import spell_varint
from extproc.model.reasons import Uninspectable
from tests.integration.support.shop import HOST, SERVICE, Item, framed

U = Uninspectable
ADMIN = b'{"role":"admin"}'
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search", "arguments": {"role": "admin"}},
}
RPC = json.dumps(CALL).encode()
PART = b'--XyZ\r\ncontent-disposition: form-data; name="role"\r\n\r\nadmin\r\n--XyZ--\r\n'
LATIN = json.dumps({"role": "admin", "n": "é"}, ensure_ascii=False).encode("latin-1")

CRM = {"method": "POST", "path": "/customers", "content_type": "application/json"}
MCP = {"method": "POST", "path": "/mcp", "host": "docs.internal", "content_type": "application/json"}
GRPC = {
    "method": "POST",
    "path": f"/{SERVICE}/GetItem",
    "host": HOST,
    "content_type": "application/grpc",
    "te": "trailers",
}


def nested(depth):
    """A message in as many others."""
    message = b"\xa2\x01\x05admin"
    for _ in range(depth):
        message = b"\x22" + spell_varint(len(message)) + message
    return message


DODGES = [
    (U.TRUNCATED, CRM | {"content_length": "99"}, ADMIN),
    (U.CONTENT_ENCODING, CRM | {"content_encoding": "br"}, ADMIN),
    (U.TRUNCATED, CRM | {"content_encoding": "gzip"}, gzip.compress(ADMIN)[:-9]),
    (U.TOO_LARGE, CRM | {"content_encoding": "gzip"}, gzip.compress(b" " * 100_000 + ADMIN)),
    (U.CONTENT_TYPE, CRM | {"content_type": "text/json"}, ADMIN),
    (U.CONTENT_TYPE, CRM | {"content_type": ""}, ADMIN),
    (U.NOT_UTF8, CRM, LATIN),
    (U.NOT_UTF8, CRM, ADMIN.decode().encode("utf-16")),
    (U.NOT_JSON, CRM, ADMIN + b"}"),
    (U.NOT_JSON, CRM, ADMIN.replace(b'"', b"'")),
    (U.NOT_JSON, CRM, b"/**/" + ADMIN),
    (U.NOT_JSON, CRM, b'{"role":"admin",}'),
    (U.NOT_JSON, CRM, b'{"role":"admin","n":NaN}'),
    (U.NOT_JSON, CRM, ADMIN + ADMIN),
    (U.NOT_JSON, CRM, ADMIN + b"\n" + ADMIN),
    (U.NOT_JSON, CRM, ADMIN[:-1]),
    (U.NUMBER_OUT_OF_RANGE, CRM, b'{"role":"admin","n":1e400}'),
    (U.TOO_DEEP, CRM, b'{"role":"admin","n":' + b"[" * 70 + b"]" * 70 + b"}"),
    (U.NOT_UTF8, CRM, b'{"role":"admin","n":"\\ud800"}'),
    (U.CONTENT_TYPE, CRM | {"content_type": "application/json;charset=latin-1"}, LATIN),
    (U.CONTENT_TYPE, CRM | {"content_type": "application/octet-stream"}, ADMIN),
    (U.CONTENT_TYPE, CRM | {"content_type": "multipart/form-data"}, PART),
    (U.CONTENT_ENCODING, CRM | {"content_encoding": "gzip, x"}, gzip.compress(ADMIN)),
    (U.HEADER_BODY_MISMATCH, CRM | {"path": "/customers?role=0"}, ADMIN),
    (U.QUERY, CRM | {"path": "/customers?a=1&a=2"}, ADMIN),
    (U.DUPLICATE_KEYS, CRM, b'{"role":"admin","role":"guest"}'),
    (U.DUPLICATE_KEYS, CRM, b'{"role":"guest","Role":"admin"}'),
    (U.NUMBER_OUT_OF_RANGE, CRM, b'{"role":"admin","n":1e999}'),
    (U.TOO_DEEP, CRM, b'{"role":"admin","n":' + b"[" * 99 + b"]" * 99 + b"}"),
    (U.HEADER_BODY_MISMATCH, CRM | {"path": "/customers?role=guest"}, ADMIN),
    (U.HEADER_BODY_MISMATCH, CRM | {"x_http_method_override": "PUT"}, ADMIN),
    (U.HEADERS, CRM | {"content_type": "application/json;charset=utf-8;charset=utf-7"}, ADMIN),
    (U.QUERY, CRM | {"path": "/customers?role=guest&role=admin"}, b""),
    (U.QUERY, CRM | {"path": "/customers?role=guest&role[]=admin"}, b""),
    (U.UNEXPECTED_BODY, {"path": "/customers/7", "method": "GET", "end": False, "content_type": "text/plain"}, ADMIN),
    (U.BATCH, MCP, b"[" + RPC + b"]"),
    (U.NOT_JSONRPC, MCP, RPC.replace(b"2.0", b"1.0")),
    (U.NOT_JSONRPC, MCP, RPC.replace(b'"params"', b'"Params"')),
    (U.HEADER_BODY_MISMATCH, MCP | {"mcp_method": "ping"}, RPC),
    (U.HEADER_BODY_MISMATCH, MCP | {"mcp_param_role": "guest"}, RPC),
    (U.NOT_PROTOBUF, GRPC, framed(b"\xa2\x01\x05adm")),
    (U.NOT_UTF8, GRPC, framed(b"\xa2\x01\x01\xff")),
    (U.UNKNOWN_FIELDS, GRPC, framed(b"\xa2\x06\x05admin")),
    (U.UNKNOWN_FIELDS, GRPC, framed(Item(owner=Item(details={"type_url": "x/y.Z", "value": b"admin"})))),
    (U.DUPLICATE_KEYS, GRPC, framed(Item(role="admin").SerializeToString() + Item(role="guest").SerializeToString())),
    (U.MESSAGE_COUNT, GRPC, framed(Item(role="guest"), Item(role="admin"))),
    (U.MESSAGE_COUNT, GRPC, b""),
    (U.TRUNCATED, GRPC, framed(Item(role="guest")) + b"\0\0"),
    (U.TRUNCATED, GRPC, framed(Item(role="admin"))[:-1]),
    (U.TOO_DEEP, GRPC, framed(nested(70))),
    (U.TOO_LARGE, GRPC | {"grpc_encoding": "deflate"}, framed(Item(role="admin" * 9_999), compressed=True)),
    (U.CONTENT_ENCODING, GRPC | {"grpc_encoding": "snappy"}, framed(Item(role="admin"))),
    (U.CONTENT_ENCODING, GRPC, framed(Item(role="admin"), compressed=True)),
    (U.CONTENT_ENCODING, GRPC, b"\2" + framed(Item(role="admin"))[1:]),
    (U.CONTENT_TYPE, GRPC | {"content_type": "application/grpc+json"}, ADMIN),
    (U.CONTENT_TYPE, GRPC | {"content_type": "application/grpc-web"}, framed(Item(role="admin"))),
    (U.CONTENT_TYPE, GRPC | {"content_type": "application/json"}, ADMIN),
    (U.QUERY, GRPC | {"path": GRPC["path"] + "?x"}, framed(Item(role="admin"))),
    (U.QUERY, GRPC | {"path": GRPC["path"] + "?"}, framed(Item(role="admin"))),
    (U.HEADERS, GRPC | {"te": "gzip"}, framed(Item(role="admin"))),
]  # fmt: skip
FORMS = [
    (CRM | {"content_type": "application/x-www-form-urlencoded"}, b"role=admin"),
    (CRM | {"content_type": "application/x-www-form-urlencoded"}, b"a=1&r%6fle=adm%69n"),
    (CRM | {"content_type": "multipart/form-data; boundary=XyZ"}, PART),
]
"""Bodies that ``input.parsed_body`` shows, and ``input.call.arguments`` does not."""
READABLE = [(CRM, ADMIN), (MCP, RPC), (GRPC, framed(Item(role="admin")))]
"""The same, for every rule to see."""
