"""The definition of MCP."""

from extproc.model.call import Call
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.protocols.mcp.methods import PROMPTS_GET, RESOURCES_READ, TOOLS_CALL, TOOLS_LIST
from extproc.protocols.mcp.protocol import PROTOCOL, McpProtocol
from extproc.protocols.mcp.settings import McpConnection
from extproc.protocols.protocol_definition import ProtocolDefinition, SampleCall
from extproc.settings.limits import LimitSettings

TOOL = Call("sample", "sample", "tool", PROTOCOL, {"id": "1"}, "session", TOOLS_CALL, 1)
PROMPT = Call("sample", "sample", "prompt:sample", PROTOCOL, {"id": "1"}, "session", PROMPTS_GET, 1)
RESOURCE = Call("sample", "sample", "resource:a:b", PROTOCOL, {"uri": "a:b"}, "session", RESOURCES_READ, 1)
LISTING = Call("sample", "sample", TOOLS_LIST, PROTOCOL, {}, "session", TOOLS_LIST, 1)
LISTED = Call("sample", "sample", "tool", PROTOCOL, {}, "session", TOOLS_CALL, 1, "list")
"""A tool of a listing: policy is asked whether the caller may see it."""


def make(name: str, settings: McpConnection, limits: LimitSettings) -> FunctionProtocol:
    """Make one connection's protocol."""
    return McpProtocol(name, settings, max_depth=limits.json_depth, event_limit=limits.event)


SAMPLES = tuple(map(SampleCall, (TOOL, PROMPT, RESOURCE, LISTING, LISTED)))

MCP = ProtocolDefinition(PROTOCOL, McpConnection, make, SAMPLES, has_methods=True)
