"""Header fields that copy parts of an MCP message. A server may go by them, so they must not say anything else.

Source: MCP 2026-07-28, transports, "Request Metadata".
"""

import base64
import binascii
import re

from extproc.model.call import Headers, Json
from extproc.protocols.mcp.methods import TOOLS_CALL

VERSION_IN_META = "io.modelcontextprotocol/protocolVersion"
ROUTING_HEADERS = ("mcp-method", "mcp-name", "mcp-protocol-version")
PARAM_HEADERS = "mcp-param-"
SENTINEL = re.compile(r"=\?base64\?(.*)\?=")
"""MCP 2026-07-28 wraps header values that are not plain ASCII."""


def agree(headers: Headers, document: Json) -> bool:
    """Return whether the header fields that copy the message agree with it.

    Args:
        headers: of the request.
        document: its body, one JSON-RPC message.
    """
    message = _members(document)
    params = _members(message.get("params"))
    method = message.get("method")
    names = [name for name, _ in headers if name.startswith("mcp-")]
    if any(name.startswith(PARAM_HEADERS) for name in names) or any(
        names.count(name) > 1 for name in ROUTING_HEADERS
    ):
        return False
    version = _members(params.get("_meta")).get(VERSION_IN_META)
    expected = {
        "mcp-method": method,
        "mcp-name": params.get("name") if method == TOOLS_CALL else None,
        "mcp-protocol-version": headers.get("mcp-protocol-version") if version is None else version,
    }
    return all(name not in headers or unwrap(headers.get(name)) == value for name, value in expected.items())


def unwrap(value: str) -> str | None:
    """Return a header value without its Base64 wrapping; None if the wrapping is not canonical."""
    wrapped = SENTINEL.fullmatch(value)
    if not wrapped:
        return value
    try:
        raw = base64.b64decode(wrapped[1], validate=True)
        return raw.decode("utf-8") if base64.b64encode(raw).decode() == wrapped[1] else None
    except (binascii.Error, ValueError):
        return None


def _members(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
