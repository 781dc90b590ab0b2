"""Reads descriptor sets: gRPC methods and the types of their messages."""

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
"""Types with which any gRPC backend may report an error, even if its own files do not import them."""


class Messages(NamedTuple):
    """The messages of one body."""

    kind: Descriptor
    listed: bool = False
    """True if paths begin at the list of messages (``$[0]``), False if they begin at each message."""
    encoding: str = ""
    """The coding of compressed messages; empty if none is announced."""


class Method(NamedTuple):
    """The request and response types of one method."""

    request: Descriptor
    response: Descriptor
    takes_many: bool = False
    """True for client streaming: the request has any number of messages, not exactly one."""

    @property
    def status(self) -> Descriptor:
        """``google.rpc.Status``. The types of its details may be in the method's own files."""
        return self.request.file.pool.FindMessageTypeByName(STATUS)


def read_methods(descriptor_set: bytes) -> dict[str, Method]:
    """Return all methods of a ``FileDescriptorSet`` (``protoc --include_imports --descriptor_set_out``), by path.

    Raises:
        ValueError: the bytes are not a descriptor set, or files that it needs are missing.
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


def read_types(descriptor_set: bytes) -> dict[str, Descriptor]:
    """Return the message types of a ``FileDescriptorSet`` by their full names.

    Raises:
        ValueError: the bytes are not a descriptor set, or files that it needs are missing.
    """
    pool, files = _read(descriptor_set)
    return {
        name: pool.FindMessageTypeByName(name)
        for file in files
        for name in _names(file.package, file.message_type)
    }


def _names(package: str, messages: Iterable[descriptor_pb2.DescriptorProto]) -> Iterator[str]:
    """Yield the full names of messages and of those inside them."""
    for each in messages:
        name = f"{package}.{each.name}".lstrip(".")
        yield name
        yield from _names(name, each.nested_type)


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
    if not files:
        raise ValueError("not a descriptor set: it has no files")
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
    """Yield a message type and all message types in it, each once."""
    seen: dict[str, Descriptor] = {}
    left = [kind]
    while left:
        each = left.pop()
        if each.full_name not in seen:
            seen[each.full_name] = each
            left += [field.message_type for field in each.fields if field.message_type is not None]
    return iter(seen.values())


def misnamed(kind: Descriptor) -> Mapping[str, str]:
    """Return the JSON names of fields, by names in the ``.proto`` file that are not names in JSON."""
    fields = [field for each in reachable(kind) for field in each.fields]
    json_names = {field.json_name for field in fields}
    return {field.name: field.json_name for field in fields if field.name not in json_names}


def ambiguous(kind: Descriptor) -> str:
    """Return the name of a message in which two fields have the same JSON name; empty if there is none."""
    for each in reachable(kind):
        names = [field.json_name for field in each.fields]
        if len(set(names)) < len(names):
            return str(each.full_name)
    return ""
