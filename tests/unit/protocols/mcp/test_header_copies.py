"""Header fields that copy parts of an MCP message."""

from extproc.protocols.mcp.header_copies import unwrap


def test_base64_wrapping_must_be_canonical():
    assert unwrap("=?base64?YQ==?=") == "a"
    assert unwrap("=?base64?YR==?=") is None
    assert unwrap("=?base64?/w==?=") is None
    assert unwrap("=?base64?=") == "=?base64?="
    assert unwrap("plain") == "plain"
