"""The definition of gRPC."""

from extproc.model.call import Call
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.protocols.grpc.protocol import PROTOCOL, GrpcProtocol
from extproc.protocols.grpc.registered_methods import registered_methods
from extproc.protocols.grpc.settings import GrpcConnection
from extproc.protocols.protocol_definition import ProtocolDefinition, SampleCall
from extproc.settings.limits import LimitSettings

FRAME = b"\x00\x00\x00\x00\x03\x08\xac\x02"
"""A gRPC frame with a message whose first field is 300. It is not text, as most messages are not."""
METHOD = Call("sample", "sample", "sample.Service/Method", PROTOCOL, {"id": 300}, document={"id": 300})


def make(name: str, settings: GrpcConnection, limits: LimitSettings) -> FunctionProtocol:
    """Make one connection's protocol.

    Raises:
        ConfigError: the descriptor set cannot be used, or does not have one of the methods.
    """
    return GrpcProtocol(name, settings, registered_methods(settings.descriptors, settings.methods), limits=limits)


GRPC = ProtocolDefinition(
    PROTOCOL, GrpcConnection, make, (SampleCall(METHOD, f"/{METHOD.name}", b"application/grpc", FRAME),)
)
