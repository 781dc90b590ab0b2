"""A customer register over HTTP with JSON, a warehouse to query, and services to deploy. All in memory."""

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
    """Return all customers, with every field."""
    return JSONResponse({"customers": list(CUSTOMERS.values())})


async def get_customer(request: Request) -> Response:
    """Return one customer, with every field; or 404 with a text that repeats the id."""
    wanted = request.path_params["id"]
    customer = CUSTOMERS.get(wanted)
    if customer is None:
        return JSONResponse({"error": f"no customer {wanted}"}, status_code=404)
    return JSONResponse(customer)


async def delete_customer(request: Request) -> Response:
    """Report a deletion, but keep the customer, so that the story can be played again."""
    return JSONResponse({"deleted": request.path_params["id"]})


async def run_query(request: Request) -> Response:
    """Return rows of a warehouse, the same for every statement."""
    statement = str((await request.json()).get("statement", ""))
    rows = [[customer["id"], customer["plan"], customer["email"]] for customer in CUSTOMERS.values()]
    return JSONResponse({"statement": statement, "columns": ["id", "plan", "email"], "rows": rows})


async def deploy(request: Request) -> Response:
    """Report a rollout."""
    given: dict[str, Any] = await request.json()
    rolled_out = {name: given.get(name) for name in ("service", "version", "environment")}
    return JSONResponse({"status": "rolled out", **rolled_out}, status_code=201)


async def issue_refund(request: Request) -> Response:
    """Report a refund: its amount, and the customer's card."""
    given: dict[str, Any] = await request.json()
    customer = CUSTOMERS.get(str(given.get("customer")))
    if customer is None:
        return JSONResponse({"error": "no such customer"}, status_code=404)
    return JSONResponse(
        {"status": "refunded", "amount": given.get("amount"), "card": customer["card"]}, status_code=201
    )


async def whoami(request: Request) -> Response:
    """Report the end of the credential that the backend received, and whether it has seen a caller's token."""
    credential = request.headers.get("authorization", "")
    seen = request.scope["seen"]
    return JSONResponse(
        {
            "credential_ends_with": credential[-4:],
            "caller_token_seen": any(arrived.carries_a_token for arrived in seen.arrived),
        }
    )


def crm_app(credential: str) -> ASGIApp:
    """Make the register, which requires its credential."""
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
    """Serve until SIGTERM."""
    given = arguments("The sample register.", argv, "credential")
    run(crm_app(given.credential.read_text().strip()), given.listen)


if __name__ == "__main__":
    main()
