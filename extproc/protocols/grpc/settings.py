"""Settings of a gRPC connection."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from extproc.settings.connection import ConnectionBase

GRPC_METHOD = r"^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*/[A-Za-z_][A-Za-z0-9_]*$"


class GrpcConnection(ConnectionBase):
    """A gRPC backend, over HTTP/2 without TLS or with it."""

    protocol: Literal["grpc"]
    """gRPC."""
    descriptors: Path
    """A FileDescriptorSet: ``protoc --include_imports --descriptor_set_out``, or ``buf build``. Read at start."""
    methods: list[Annotated[str, Field(pattern=GRPC_METHOD)]] = Field(min_length=1)
    """Methods that may be called, ``shop.v1.Inventory/GetItem``; all others are unknown and denied."""
