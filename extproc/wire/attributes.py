"""Reads Envoy's own facts about a request, the same for ext_proc and ext_authz.

Sources: envoy/service/auth/v3/attribute_context.proto; ``extproc.wire.attribute_names``.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import orjson
from envoy.config.core.v3.address_pb2 import Address
from envoy.service.auth.v3.attribute_context_pb2 import AttributeContext

from extproc.model.call import Attributes
from extproc.model.errors import ProtocolViolation
from extproc.wire import attribute_names as names
from extproc.wire.struct import plain

StreamMetadata: TypeAlias = Callable[[], Iterable[tuple[str, str | bytes]]]
"""Returns the metadata with which Envoy opened an ext_proc stream."""
PREFIX = "x-extproc-"
NOTHING: frozenset[str] = frozenset()
CACHE_SIZE = 256
"""Different values in the cache: about one for each route, and for each namespace of its metadata."""


def no_metadata() -> Iterable[tuple[str, str | bytes]]:
    """Return the metadata of a stream that has none."""
    return ()


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return one of ext_proc's attributes as text; empty if Envoy did not send it."""
    return fields[name].string_value if name in fields else ""


def ext_proc_attributes(fields: Mapping[str, Any], metadata: StreamMetadata) -> Attributes:
    """Read what an ext_proc stream says.

    Args:
        fields: the attributes of the first message.
        metadata: the stream's metadata.

    Raises:
        ProtocolViolation: a part of the metadata is not of its form.
    """
    sent = {name: value for name, value in metadata() if name.startswith(PREFIX)}
    return Attributes(
        protocol=text_of(fields, names.PROTOCOL),
        cluster=text_of(fields, names.CLUSTER),
        destination=text_of(fields, names.DESTINATION),
        source_principal=_first(fields, names.PEER_NAMES),
        source_certificate=_text(sent.get(names.CERTIFICATE, "")),
        destination_principal=_first(fields, names.LOCAL_NAMES),
        sni=text_of(fields, names.SNI) if names.SNI in fields else None,
        context_extensions=_extensions(sent[names.CONTEXT_EXTENSIONS]) if names.CONTEXT_EXTENSIONS in sent else {},
        route_metadata={
            name.removeprefix(names.ROUTE_METADATA): _object(value)
            for name, value in sent.items()
            if name.startswith(names.ROUTE_METADATA)
        },
        unsent=_unsent(fields, asked=names.ASKED in sent),
    )


def _unsent(fields: Mapping[str, Any], *, asked: bool) -> frozenset[str]:
    """The facts that the ext_proc filter does not ask for."""
    if asked and all(name in fields for name in names.UNSENT_WITHOUT):
        return NOTHING
    missing = {key for name, key in names.UNSENT_WITHOUT.items() if name not in fields}
    return frozenset(missing if asked else missing | {names.CERTIFICATE_KEY, names.EXTENSIONS_KEY})


def check_attributes(context: AttributeContext) -> Attributes:
    """Read what a ``CheckRequest`` says. ``source.service`` is left out: Envoy copies it from a request header."""
    route = context.route_metadata_context.filter_metadata
    return Attributes(
        protocol=context.request.http.protocol,
        destination=address_text(context.destination.address),
        source_principal=context.source.principal,
        source_certificate=context.source.certificate,
        destination_principal=context.destination.principal,
        sni=context.tls_session.sni if context.HasField("tls_session") else None,
        context_extensions=dict(context.context_extensions),
        route_metadata={name: plain(value) for name, value in route.items()},
    )


def address_text(address: Address) -> str:
    """Return an address as ext_proc's attributes have it: ``ip:port``, or the path of a unix socket."""
    if address.HasField("pipe"):
        return str(address.pipe.path)
    socket = address.socket_address
    if not socket.address:
        return ""
    host = f"[{socket.address}]" if ":" in socket.address else socket.address
    return f"{host}:{socket.port_value}"


def _first(fields: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    return next((found for name in wanted if (found := text_of(fields, name))), "")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@lru_cache(maxsize=CACHE_SIZE)
def _object(value: str | bytes) -> Mapping[str, Any]:
    """Parse a namespace of metadata."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ProtocolViolation("metadata of the stream is not JSON") from error
    if not isinstance(found, dict):
        raise ProtocolViolation("metadata of the stream is not an object")
    return found


def _extensions(value: str | bytes) -> Mapping[str, str]:
    found = _object(value)
    if not all(isinstance(each, str) for each in found.values()):
        raise ProtocolViolation("a context extension is not text")
    return found
