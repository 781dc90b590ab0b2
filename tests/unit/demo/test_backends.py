"""The sample backends require their own credential, and report the requests that they received."""

import asyncio
import base64
import contextlib

import httpx
import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from extproc.demo.backends.crm import crm_app
from extproc.demo.backends.mcp_docs import docs_app
from extproc.demo.issuer import Person, SigningKey, mint
from extproc.demo.sample_data import CUSTOMERS

CREDENTIAL = "backend-credential-0123"
OWN = {"authorization": f"Bearer {CREDENTIAL}"}
TOKEN = mint(SigningKey.make(), Person("maya", ()), issuer="i", audience="a", now_s=0, ttl_s=1)


def client_of(app, **headers):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://crm", headers=headers)


async def test_the_register_answers_only_to_its_own_credential():
    async with client_of(crm_app(CREDENTIAL)) as client:
        assert (await client.get("/customers/1001")).status_code == 401
        assert (
            await client.get("/customers/1001", headers={"authorization": f"Bearer {TOKEN}"})
        ).status_code == 401
        assert (await client.get("/customers/1001", headers=OWN)).json() == CUSTOMERS["1001"]


async def test_the_register_keeps_the_exact_bytes_that_arrived():
    body = b'{"service" : "api",\n "version": 1.10}'
    async with client_of(crm_app(CREDENTIAL), **OWN) as client:
        assert (await client.post("/deployments?x=1", content=body)).status_code == 201
        (arrived,) = (await client.get("/_seen")).json()
    assert base64.b64decode(arrived["body"]) == body
    assert arrived["path"] == "/deployments?x=1"
    assert ["authorization", f"Bearer {CREDENTIAL}"] in arrived["headers"]


@pytest.mark.parametrize(
    "where", [{"headers": {"x-forwarded-token": TOKEN}}, {"content": f'{{"statement": "{TOKEN}"}}'}]
)
async def test_the_register_notices_a_callers_token_wherever_it_hides(where):
    async with client_of(crm_app(CREDENTIAL), **OWN) as client:
        assert (await client.get("/whoami")).json() == {"credential_ends_with": "0123", "caller_token_seen": False}
        where = {"content": "{}"} | where
        await client.post("/query", **where)
        assert (await client.get("/whoami")).json()["caller_token_seen"] is True


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/customers", None),
        ("DELETE", "/customers/1001", None),
        ("POST", "/query", {"statement": "select 1"}),
        ("POST", "/deployments", {"service": "api"}),
        ("POST", "/refunds", {"customer": "1002", "amount": 3}),
    ],
)
async def test_each_function_of_the_register_answers(method, path, body):
    async with client_of(crm_app(CREDENTIAL), **OWN) as client:
        assert (await client.request(method, path, json=body)).is_success


@contextlib.asynccontextmanager
async def docs_client(path):
    """An SDK client of a docs server on its own port, and the log of its requests."""
    server = uvicorn.Server(
        uvicorn.Config(docs_app(CREDENTIAL, "docs.demo"), port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    kinds = []

    async def note(response):
        kinds.append(response.headers.get("content-type", ""))

    http = httpx2.AsyncClient(headers={**OWN, "host": "docs.demo"}, event_hooks={"response": [note]})
    async with http, Client(streamable_http_client(f"http://127.0.0.1:{port}{path}", http_client=http)) as client:
        yield client, kinds
    server.should_exit = True
    await serving


async def test_an_mcp_client_lists_and_calls_the_tools_over_json():
    async with docs_client("/json/mcp") as (client, kinds):
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names == {"search_documents", "lookup_customer", "export_customers", "purge_documents"}
        result = await client.call_tool("lookup_customer", {"customer": "1001"})
        assert result.structured_content == CUSTOMERS["1001"]
        assert "application/json" in kinds
        assert "text/event-stream" not in kinds


async def test_progress_comes_event_by_event_over_sse():
    told = []

    async def tell(progress, total, message):
        told.append((progress, total, message))

    async with docs_client("/sse/mcp") as (client, kinds):
        await client.call_tool("export_customers", {}, progress_callback=tell)
    assert [progress for progress, _, _ in told] == [1, 2]
    assert CUSTOMERS["1001"]["ssn"] in told[0][2]
    assert any(kind.startswith("text/event-stream") for kind in kinds)
