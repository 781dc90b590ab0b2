"""Descriptor sets: which methods there are, and what their messages look like."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, duration_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

STATUS = "google.rpc.Status"
ERROR_INFO = "google.rpc.ErrorInfo"
ERRORS = ((STATUS, (any_pb2, status_pb2)), (ERROR_INFO, (duration_pb2, error_details_pb2)))
"""How every gRPC backend may tell of an error, whether its own files import these or not."""


class Messages(NamedTuple):
    """The messages of one body."""

    kind: Descriptor
    listed: bool = False
    """Whether paths begin at the list of them, ``$[0]``, rather than at each."""
    encoding: str = ""
    """The coding of those that are compressed; empty when none is announced."""


class Method(NamedTuple):
    """What one method takes and gives."""

    request: Descriptor
    response: Descriptor
    takes_many: bool = False
    """Client-streaming: any number of messages, not exactly one."""

    @property
    def status(self) -> Descriptor:
        """``google.rpc.Status``, whose details are of types that the method's own files may describe."""
        return self.request.file.pool.FindMessageTypeByName(STATUS)


def read_methods(descriptor_set: bytes) -> dict[str, Method]:
    """All methods of a ``FileDescriptorSet`` (``protoc --include_imports --descriptor_set_out``), by their path.

    Raises:
        ValueError: it is none, or files that it needs are missing.
    """
    pool, files = _read(descriptor_set)
    services = [
        pool.FindServiceByName(f"{file.package}.{service.name}".lstrip("."))
        for file in files
        for service in file.service
    ]
    return {
        f"/{service.full_name}/{method.name}": Method(
            method.input_type, method.output_type, method.client_streaming
        )
        for service in services
        for method in service.methods
    }


def read_type(descriptor_set: bytes, name: str) -> Descriptor:
    """One type of message of a ``FileDescriptorSet``, by its full name.

    Raises:
        ValueError: it is no such set, or does not have the type.
    """
    pool, _ = _read(descriptor_set)
    try:
        return pool.FindMessageTypeByName(name)
    except KeyError:
        raise ValueError(f"without a message {name!r}") from None


def _read(
    descriptor_set: bytes,
) -> tuple[descriptor_pool.DescriptorPool, Iterable[descriptor_pb2.FileDescriptorProto]]:
    pool = descriptor_pool.DescriptorPool()
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file
        for file in files:
            pool.AddSerializedFile(file.SerializeToString())
        _add_errors(pool)
    except (DecodeError, TypeError, KeyError) as error:
        raise ValueError(f"not a whole descriptor set: {error}") from None
    return pool, files


def _add_errors(pool: descriptor_pool.DescriptorPool) -> None:
    for name, modules in ERRORS:
        try:
            pool.FindMessageTypeByName(name)
        except KeyError:
            for module in modules:
                with contextlib.suppress(TypeError):  # the set has the file, or another version of it
                    pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.FindMessageTypeByName(STATUS)


def reachable(kind: Descriptor) -> Iterator[Descriptor]:
    """The type and all types of messages in it, each once."""
    seen: dict[str, Descriptor] = {}
    left = [kind]
    while left:
        each = left.pop()
        if each.full_name not in seen:
            seen[each.full_name] = each
            left += [field.message_type for field in each.fields if field.message_type is not None]
    return iter(seen.values())


def misnamed(kind: Descriptor) -> Mapping[str, str]:
    """Names of fields in the ``.proto`` file that mean nothing in JSON, and what they are called there."""
    told = [field for each in reachable(kind) for field in each.fields]
    right = {field.json_name for field in told}
    return {field.name: field.json_name for field in told if field.name not in right}


def ambiguous(kind: Descriptor) -> str:
    """The name of a message of which two fields have one name in JSON; empty where there is none."""
    for each in reachable(kind):
        names = [field.json_name for field in each.fields]
        if len(set(names)) < len(names):
            return str(each.full_name)
    return ""
