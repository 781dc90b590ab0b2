"""A customer register over HTTP and JSON, with a warehouse to query and a service to deploy. All in memory."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from extproc.demo.backends.request_log import own_routes, with_memory
from extproc.demo.listen import arguments, run
from extproc.demo.sample_data import CUSTOMERS


async def list_customers(_request: Request) -> Response:
    """All customers, with every field."""
    return JSONResponse({"customers": list(CUSTOMERS.values())})


async def get_customer(request: Request) -> Response:
    """One customer, with every field; 404 with a text that names what was asked for."""
    wanted = request.path_params["id"]
    customer = CUSTOMERS.get(wanted)
    if customer is None:
        return JSONResponse({"error": f"no customer {wanted}"}, status_code=404)
    return JSONResponse(customer)


async def delete_customer(request: Request) -> Response:
    """Says that it deleted; it keeps everything, so that the story can be told twice."""
    return JSONResponse({"deleted": request.path_params["id"]})


async def run_query(request: Request) -> Response:
    """Rows of a warehouse that answers every statement alike."""
    statement = str((await request.json()).get("statement", ""))
    rows = [[customer["id"], customer["plan"], customer["email"]] for customer in CUSTOMERS.values()]
    return JSONResponse({"statement": statement, "columns": ["id", "plan", "email"], "rows": rows})


async def deploy(request: Request) -> Response:
    """Says what it rolled out."""
    asked: dict[str, Any] = await request.json()
    rolled_out = {name: asked.get(name) for name in ("service", "version", "environment")}
    return JSONResponse({"status": "rolled out", **rolled_out}, status_code=201)


async def issue_refund(request: Request) -> Response:
    """Says what it paid back, and to which card."""
    asked: dict[str, Any] = await request.json()
    customer = CUSTOMERS.get(str(asked.get("customer")))
    if customer is None:
        return JSONResponse({"error": "no such customer"}, status_code=404)
    return JSONResponse(
        {"status": "refunded", "amount": asked.get("amount"), "card": customer["card"]}, status_code=201
    )


async def whoami(request: Request) -> Response:
    """What the backend was shown: the end of its credential, and whether a caller's token came along."""
    credential = request.headers.get("authorization", "")
    seen = request.scope["seen"]
    return JSONResponse(
        {
            "credential_ends_with": credential[-4:],
            "caller_token_seen": any(arrived.carries_a_token for arrived in seen.arrived),
        }
    )


def crm_app(credential: str) -> ASGIApp:
    """The register, behind its credential."""
    routes = [
        Route("/customers", list_customers, methods=["GET"]),
        Route("/customers/{id}", get_customer, methods=["GET"]),
        Route("/customers/{id}", delete_customer, methods=["DELETE"]),
        Route("/query", run_query, methods=["POST"]),
        Route("/deployments", deploy, methods=["POST"]),
        Route("/refunds", issue_refund, methods=["POST"]),
        Route("/whoami", whoami, methods=["GET"]),
    ]
    return with_memory(Starlette(routes=routes + own_routes()), credential)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve."""
    given = arguments("The sample register.", argv, "credential")
    run(crm_app(given.credential.read_text().strip()), given.listen)


if __name__ == "__main__":
    main()
