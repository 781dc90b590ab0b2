"""The closed list of MCP methods that may reach a server. Everything that is not here is ``unknown-function``.

Sources: MCP 2024-11-05 to 2025-11-25 (with ``initialize``) and 2026-07-28 (stateless). Left out on purpose:
``prompts/*``, ``resources/*``, ``completion/complete`` and ``tasks/*``: they read what no registered tool names.
"""

TOOLS_CALL = "tools/call"
TOOLS_LIST = "tools/list"
REQUESTS = frozenset(
    {
        TOOLS_CALL,
        TOOLS_LIST,
        "initialize",
        "logging/setLevel",
        "ping",
        "server/discover",
        "subscriptions/listen",
    }
)
"""These have an id."""
NOTIFICATIONS = frozenset(
    {
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
"""These have none."""
STREAM = "stream"
"""GET: the server's messages to the client."""
SESSION_END = "session/end"
"""DELETE."""
RESPONSE = "response"
"""The client's answer to a request of the server."""
UNREADABLE = "unreadable"
"""A body from which no function could be read."""
RESERVED = REQUESTS | NOTIFICATIONS | {STREAM, SESSION_END, RESPONSE, UNREADABLE}
"""Names of functions that no tool may have: a policy could not tell them apart."""
