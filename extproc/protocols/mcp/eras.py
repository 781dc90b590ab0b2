"""The two eras of MCP: sessions that begin with ``initialize``, and requests that each say their version.

Source: MCP 2026-07-28, versioning, "Terminology".
"""

from extproc.model.call import Headers, Json

VERSION_IN_META = "io.modelcontextprotocol/protocolVersion"
VERSION = "mcp-protocol-version"
MODERN = "2026-07-28"
"""The first protocol version whose requests each say it."""
REMOVED = frozenset({"resources/subscribe", "resources/unsubscribe"})
"""Calls of resources that the newer era has no more (MCP 2026-07-28, changelog). Its servers refuse the others."""


def is_modern(headers: Headers, meta: Json) -> bool:
    """Return whether a message is of MCP 2026-07-28 or later: its ``_meta`` says a version, or else its header.

    Args:
        headers: of the request.
        meta: ``params._meta`` of the message.
    """
    if isinstance(meta, dict) and VERSION_IN_META in meta:
        return True
    return headers.get(VERSION) >= MODERN
