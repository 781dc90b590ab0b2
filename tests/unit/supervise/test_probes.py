"""The probe that tells whether a server accepts connections."""

import asyncio

import pytest

from extproc.supervise.probes import accepts


@pytest.fixture
def socket_path(tmp_path_factory):
    """A path that is short enough for a unix socket."""
    return tmp_path_factory.mktemp("s") / "e.sock"


async def test_a_port_and_a_unix_socket(socket_path):
    tcp = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(lambda _r, w: w.close(), socket_path)
    address = f"127.0.0.1:{tcp.sockets[0].getsockname()[1]}"
    async with tcp, unix:
        assert await accepts(address)
        assert await accepts(f"unix:{socket_path}")
    assert not await accepts(address)
    assert not await accepts(f"unix:{socket_path}")
