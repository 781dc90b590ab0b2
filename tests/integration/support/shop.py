"""A gRPC service for tests: its descriptors, made without a compiler, and a backend that remembers and obeys.

async with run_shop() as shop:
    shop.answer = replies(Item(id="1"))
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, descriptor_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.message_factory import GetMessageClass

from extproc.codecs.descriptors import read_methods
from extproc.codecs.grpc_frames import Frame

FIELD = descriptor_pb2.FieldDescriptorProto
HOST = "shop.example.com"
SERVICE = "shop.v1.Inventory"
METHODS = {
    "GetItem": (False, False),
    "ListItems": (False, True),
    "AddItems": (True, False),
    "Chat": (True, True),
    "Restock": (False, False),
    "Hidden": (False, False),
}
"""True if the client streams; true if the server does."""


def told(name: str, number: int, kind: int, *, many: bool = False, of: str = "") -> Any:
    label = FIELD.LABEL_REPEATED if many else FIELD.LABEL_OPTIONAL
    return FIELD(name=name, number=number, type=kind, label=label, type_name=of or None)  # type: ignore[arg-type]


def shop_file() -> Any:
    """The descriptor that ``protoc`` would make."""
    file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop.v1", syntax="proto3")
    file.dependency.extend(f"google/protobuf/{each}.proto" for each in ("any", "struct", "timestamp", "wrappers"))
    kind = file.enum_type.add(name="Kind")
    kind.value.add(name="KIND_UNSPECIFIED", number=0)
    kind.value.add(name="BOOK", number=1)
    item = file.message_type.add(name="Item")
    item.field.extend(
        [
            told("id", 1, FIELD.TYPE_STRING),
            told("unit_price", 2, FIELD.TYPE_DOUBLE),
            told("notes", 3, FIELD.TYPE_STRING, many=True),
            told("owner", 4, FIELD.TYPE_MESSAGE, of=".shop.v1.Item"),
            told("stock", 5, FIELD.TYPE_INT64),
            told("labels", 6, FIELD.TYPE_MESSAGE, many=True, of=".shop.v1.Item.LabelsEntry"),
            told("data", 7, FIELD.TYPE_BYTES),
            told("details", 8, FIELD.TYPE_MESSAGE, of=".google.protobuf.Any"),
            told("meta", 9, FIELD.TYPE_MESSAGE, of=".google.protobuf.Struct"),
            told("updated", 10, FIELD.TYPE_MESSAGE, of=".google.protobuf.Timestamp"),
            told("cap", 11, FIELD.TYPE_MESSAGE, of=".google.protobuf.StringValue"),
            told("kind", 12, FIELD.TYPE_ENUM, of=".shop.v1.Kind"),
            told("owner_ssn", 13, FIELD.TYPE_UINT32),
            told("sizes", 14, FIELD.TYPE_SINT32, many=True),
            told("ratio", 15, FIELD.TYPE_FLOAT),
            told("counts", 16, FIELD.TYPE_MESSAGE, many=True, of=".shop.v1.Item.CountsEntry"),
            told("env", 17, FIELD.TYPE_STRING),
            told("role", 20, FIELD.TYPE_STRING),
        ]
    )
    for name, key, value in (
        ("LabelsEntry", FIELD.TYPE_STRING, FIELD.TYPE_STRING),
        ("CountsEntry", FIELD.TYPE_BOOL, FIELD.TYPE_INT32),
    ):
        entry = item.nested_type.add(name=name)
        entry.field.extend([told("key", 1, key), told("value", 2, value)])
        entry.options.map_entry = True
    for name, number in (("small", 18), ("large", 19)):
        item.field.append(told(name, number, FIELD.TYPE_STRING))
        item.field[-1].oneof_index = 0
    item.oneof_decl.add(name="size")
    service = file.service.add(name="Inventory")
    for name, (client, server) in METHODS.items():
        method = service.method.add(name=name, input_type=".shop.v1.Item", output_type=".shop.v1.Item")
        method.client_streaming, method.server_streaming = client, server
    return file


def descriptor_set() -> bytes:
    """A whole ``FileDescriptorSet``, imports included."""
    found = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, struct_pb2, timestamp_pb2, wrappers_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.append(shop_file())
    return found.SerializeToString()


def settings(folder: Path, address: str = "127.0.0.1:9", **more: Any) -> dict[str, Any]:
    """A connection to it, as the configuration file has it; the descriptor set is written into the folder."""
    descriptors = folder / "shop.pb"
    descriptors.write_bytes(descriptor_set())
    methods = [f"{SERVICE}/{name}" for name in METHODS if name != "Hidden"]
    common = {"protocol": "grpc", "hosts": [HOST], "upstream": {"address": address}}
    return {**common, "descriptors": str(descriptors), "methods": methods, **more}


def framed(*messages: Any, compressed: bool = False) -> bytes:
    """A body of these messages: objects, or bytes as they are; compressed as ``deflate``."""
    written = [each if isinstance(each, bytes) else each.SerializeToString() for each in messages]
    return b"".join(Frame(compressed, zlib.compress(each) if compressed else each).raw for each in written)


ALL_METHODS = read_methods(descriptor_set())
GET_ITEM = ALL_METHODS[f"/{SERVICE}/GetItem"]
Item: Any = GetMessageClass(GET_ITEM.request)
Answer = Callable[[list[Any], grpc.aio.ServicerContext], AsyncIterator[Any]]


def replies(*items: Any) -> Answer:
    """Answers with these messages."""

    async def answer(_asked: list[Any], _context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        for each in items:
            yield each

    return answer


@dataclass
class Asked:
    """A call as it arrived."""

    method: str
    metadata: dict[str, str | bytes]
    items: list[Any]


@dataclass
class Shop(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The backend: reads all messages, then answers as told."""

    answer: Answer = field(default_factory=replies)
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    def fresh(self, answer: Answer) -> None:
        """Forget what was asked, and answer so."""
        self.asked.clear()
        self.answer = answer

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def service(self, details: Any) -> Any:
        """Serve every method as one that streams both ways, since all are alike on the wire."""

        async def serve(messages: AsyncIterator[Any], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            items = [message async for message in messages]
            metadata = dict(context.invocation_metadata() or ())
            self.asked.append(Asked(details.method, metadata, items))
            async for each in self.answer(items, context):
                yield each

        return grpc.stream_stream_rpc_method_handler(serve, Item.FromString, Item.SerializeToString)


@contextlib.asynccontextmanager
async def run_shop(compression: grpc.Compression | None = None) -> AsyncIterator[Shop]:
    """Serve on a free port of this machine."""
    shop = Shop()
    server = grpc.aio.server(compression=compression)
    server.add_generic_rpc_handlers((shop,))
    shop.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield shop
    finally:
        await server.stop(None)


@dataclass(frozen=True)
class Got:
    """How a call ended, as its caller sees it."""

    items: list[Any]
    code: grpc.StatusCode
    message: str
    initial: dict[str, str | bytes]
    trailing: dict[str, str | bytes]

    @property
    def everything(self) -> str:
        """All that the caller saw, as text."""
        return repr((self.items, self.message, self.initial, self.trailing))


async def call_shop(
    target: str,
    items: Sequence[Any],
    method: str = "GetItem",
    *,
    metadata: Sequence[tuple[str, str | bytes]] = (),
    compression: grpc.Compression | None = None,
    authority: str = HOST,
    seen: asyncio.Queue[Any] | None = None,
    within_s: float = 20.0,
) -> Got:
    """Call a method, any of them, and gather what comes of it.

    Args:
        target: ``host:port`` of Envoy.
        items: the messages.
        method: of the service, or a whole path.
        metadata: beside the authority.
        compression: of the request.
        authority: the host that Envoy routes by.
        seen: gets each message as it comes.
        within_s: a deadline.
    """
    options = [("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        path = method if method.startswith("/") else f"/{SERVICE}/{method}"
        made = channel.stream_stream(path, Item.SerializeToString, Item.FromString)
        call = made(iter(items), metadata=tuple(metadata), compression=compression, timeout=within_s)
        got: list[Any] = []
        try:
            async for each in call:
                got.append(each)
                if seen is not None:
                    seen.put_nowait(each)
        except grpc.aio.AioRpcError:
            pass
        return Got(
            got,
            await call.code(),
            await call.details() or "",
            dict(await call.initial_metadata() or ()),
            dict(await call.trailing_metadata() or ()),
        )
