"""Documents over MCP, with the official SDK: ``/json/mcp`` answers with JSON, ``/sse/mcp`` with SSE."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.types import ASGIApp

from extproc.demo.backends.request_log import own_routes, with_memory
from extproc.demo.listen import arguments, run
from extproc.demo.sample_data import CUSTOMERS, DOCUMENTS, Customer

PAUSE_S = 0.05
"""Seconds between two progress events, so that they arrive one by one."""


def search_documents(query: str) -> list[dict[str, str]]:
    """Find documents whose title or text contains the query."""
    wanted = query.lower()
    return [found for found in DOCUMENTS if wanted in f"{found['title']} {found['text']}".lower()]


def lookup_customer(customer: str) -> Customer:
    """Look up one customer by id."""
    return CUSTOMERS[customer]


async def export_customers(ctx: Context) -> str:
    """Export all customers, one line each, and report progress."""
    lines = []
    for number, customer in enumerate(CUSTOMERS.values(), start=1):
        line = f"{customer['name']}, SSN {customer['ssn']}, card {customer['card']}, {customer['email']}"
        await ctx.report_progress(number, len(CUSTOMERS), f"exported {line}")
        await asyncio.sleep(PAUSE_S)
        lines.append(line)
    return "\n".join(lines)


def purge_documents(confirm: bool) -> str:
    """Remove every document (it only reports so, and removes nothing)."""
    return f"purged: {confirm}"


def make_server() -> MCPServer:
    """Make an MCP server with all tools."""
    server = MCPServer("docs", instructions="Documents and customers. Sample data only.", log_level="WARNING")
    for tool in (search_documents, lookup_customer, export_customers, purge_documents):
        server.add_tool(tool)
    return server


def docs_app(credential: str, *hosts: str) -> ASGIApp:
    """Make the application with both endpoints, which require the credential.

    Args:
        credential: the credential that requests must have.
        hosts: values accepted in the Host header, besides loopback.
    """
    security = TransportSecuritySettings(
        allowed_hosts=[accepted for host in (*hosts, "127.0.0.1") for accepted in (host, f"{host}:*")]
    )
    plain, live = make_server(), make_server()
    routes = [
        *plain.streamable_http_app(
            streamable_http_path="/json/mcp", json_response=True, transport_security=security
        ).routes,
        *live.streamable_http_app(streamable_http_path="/sse/mcp", transport_security=security).routes,
        *own_routes(),
    ]

    @contextlib.asynccontextmanager
    async def both(_app: Starlette) -> AsyncIterator[None]:
        async with plain.session_manager.run(), live.session_manager.run():
            yield

    return with_memory(Starlette(routes=routes, lifespan=both), credential)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    given = arguments("The sample MCP server.", argv, "credential")
    run(docs_app(given.credential.read_text().strip(), "docs.demo", "docs-live.demo"), given.listen)


if __name__ == "__main__":
    main()
