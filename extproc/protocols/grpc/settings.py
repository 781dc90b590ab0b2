"""Settings of a gRPC connection."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from extproc.codecs.descriptors import ambiguous
from extproc.model.errors import ConfigError
from extproc.model.json_shape import CallShape
from extproc.protocols.grpc.described_methods import call_shape
from extproc.protocols.grpc.registered_methods import no_such_method, read_descriptors, registered_methods
from extproc.settings.base import Example, PathSetting
from extproc.settings.connection import ConnectionSettings

GRPC_METHOD = r"^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*/[A-Za-z_][A-Za-z0-9_]*$"


class GrpcConnection(ConnectionSettings):
    """A gRPC backend, over HTTP/2 with or without TLS."""

    upstream_http2: ClassVar[bool] = True

    protocol: Literal["grpc"]
    """gRPC."""
    descriptors: Annotated[PathSetting, Example("descriptors: shop.pb")]
    """File with a FileDescriptorSet, made by ``protoc --include_imports --descriptor_set_out`` or ``buf build``.
    Read at start."""
    methods: Annotated[
        list[Annotated[str, Field(pattern=GRPC_METHOD)]], Example("methods: [shop.v1.Inventory/GetItem]")
    ] = Field(min_length=1)
    """Methods that may be called, such as ``shop.v1.Inventory/GetItem``. All others are unknown, and denied."""

    @property
    def function_names(self) -> tuple[str, ...]:
        """The names of the methods, each with its service."""
        return tuple(self.methods)

    def problems(self) -> Iterator[ConfigError]:
        """Yield a descriptor set that cannot be used, and methods that it does not have or that are ambiguous."""
        try:
            found = read_descriptors(self.descriptors)
        except ConfigError as error:
            yield ConfigError(error.message, hint=error.hint, key=("descriptors",))
            return
        for index, name in enumerate(self.methods):
            key = ("methods", index)
            if name in self.methods[:index]:
                yield ConfigError(f"method {name!r} is listed twice", key=key)
            elif name not in found:
                unknown = no_such_method(self.descriptors, name, found)
                yield ConfigError(unknown.message, hint=unknown.hint, key=key)
            elif two := ambiguous(found[name].request) or ambiguous(found[name].response):
                hint = "give one of them a json_name"
                yield ConfigError(f"two fields of {two} have one name in JSON", hint=hint, key=key)

    def described_calls(self) -> Mapping[str, CallShape]:
        """Return what the descriptor set says about the registered methods.

        Raises:
            ConfigError: the descriptor set cannot be used.
        """
        found = registered_methods(self.descriptors, self.methods)
        return {name: call_shape(method) for name, method in found.items()}
