"""The definition of http-json."""

from extproc.model.call import Call
from extproc.model.reasons import Uninspectable
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.protocols.http_json.protocol import PROTOCOL, HttpJsonProtocol
from extproc.protocols.http_json.settings import HttpJsonConnection
from extproc.protocols.protocol_definition import ProtocolDefinition, SampleCall
from extproc.settings.limits import LimitSettings

READ = Call("sample", "sample", "function", PROTOCOL, {"id": "1"}, document={"id": "1"})
UNREADABLE = Call("sample", "sample", "function", PROTOCOL, uninspectable=Uninspectable.NOT_JSON)


def make(name: str, settings: HttpJsonConnection, limits: LimitSettings) -> FunctionProtocol:
    """Make one connection's protocol."""
    return HttpJsonProtocol(name, settings, max_depth=limits.json_depth)


HTTP_JSON = ProtocolDefinition(PROTOCOL, HttpJsonConnection, make, (SampleCall(READ), SampleCall(UNREADABLE)))
