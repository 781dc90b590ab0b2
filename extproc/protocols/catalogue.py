"""The protocols that a connection can speak. A new one is a folder beside this file, and a line here."""

from typing import Any

from extproc.protocols.grpc.definition import GRPC
from extproc.protocols.http_json.definition import HTTP_JSON
from extproc.protocols.mcp.definition import MCP
from extproc.protocols.protocol_definition import ProtocolDefinition

PROTOCOLS: tuple[ProtocolDefinition[Any], ...] = (HTTP_JSON, MCP, GRPC)
BY_NAME = {each.name: each for each in PROTOCOLS}
