"""The closed list of MCP methods that may reach a server. All others are ``unknown-function``.

Sources: MCP 2024-11-05 to 2025-11-25 (with ``initialize``) and 2026-07-28 (stateless). ``prompts/*``,
``resources/*``, ``completion/complete`` and ``tasks/*`` are left out on purpose: they read data that no
registered tool names. The starter policies list once more what calls no function: ``protocol_messages.rego``.
"""

TOOLS_CALL = "tools/call"
TOOLS_LIST = "tools/list"
CANCELLED = "notifications/cancelled"
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
"""Methods with an id."""
NOTIFICATIONS = frozenset(
    {
        CANCELLED,
        "notifications/initialized",
        "notifications/progress",
        "notifications/roots/list_changed",
        "notifications/tasks/status",
    }
)
"""Methods without an id."""
STREAM = "stream"
"""The name of a GET, for the server's messages to the client."""
SESSION_END = "session/end"
"""The name of a DELETE."""
RESPONSE = "response"
"""The name of the client's response to a request of the server."""
UNREADABLE = "unreadable"
"""The name of a call whose body names no function that can be read."""
RESERVED = REQUESTS | NOTIFICATIONS | {STREAM, SESSION_END, RESPONSE, UNREADABLE}
"""Names that no tool may have: policy could not tell the tool from the method."""
