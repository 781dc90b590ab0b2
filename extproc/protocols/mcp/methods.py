"""MCP's own methods, and the guard's names for messages without one.

A method that is not listed here is a function, which the setting ``methods`` registers. The starter policies list
once more what calls no function: ``protocol_messages.rego``.

Sources: MCP 2024-11-05 to 2025-11-25 (with ``initialize``) and 2026-07-28 (stateless).
"""

TOOLS_CALL = "tools/call"
PROMPTS_GET = "prompts/get"
RESOURCES_READ = "resources/read"
COMPLETE = "completion/complete"
INITIALIZE = "initialize"
DISCOVER = "server/discover"
LISTEN = "subscriptions/listen"
TOOLS_LIST = "tools/list"
PROMPTS_LIST = "prompts/list"
RESOURCES_LIST = "resources/list"
TEMPLATES_LIST = "resources/templates/list"
CANCELLED = "notifications/cancelled"
OF_RESOURCES = frozenset({RESOURCES_READ, "resources/subscribe", "resources/unsubscribe"})
"""Methods that name one resource."""
CALLS = frozenset({TOOLS_CALL, PROMPTS_GET, COMPLETE}) | OF_RESOURCES
"""Methods that call a registered tool, prompt or resource."""
LISTS = frozenset({TOOLS_LIST, PROMPTS_LIST, RESOURCES_LIST, TEMPLATES_LIST})
MESSAGES = frozenset({INITIALIZE, "logging/setLevel", "ping", DISCOVER, LISTEN}) | LISTS
"""Requests that call no function."""
REQUESTS = CALLS | MESSAGES
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
REQUESTS_OF_SERVERS = frozenset({"elicitation/create", "ping", "roots/list", "sampling/createMessage"})
"""Methods by which a server asks a client."""
STREAM = "stream"
"""The name of a GET, for the server's messages to the client."""
SESSION_END = "session/end"
"""The name of a DELETE."""
RESPONSE = "response"
"""The name of the client's response to a request of the server."""
UNREADABLE = "unreadable"
"""The name of a call whose body names no function that can be read."""
PROTOCOL_MESSAGES = MESSAGES | NOTIFICATIONS | {STREAM, SESSION_END, RESPONSE, UNREADABLE}
"""Names of calls that are no function of the server."""
RESERVED = PROTOCOL_MESSAGES | CALLS | REQUESTS_OF_SERVERS
"""Names that no tool or other method may have: policy could not tell them apart."""
