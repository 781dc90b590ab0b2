"""What the console publishes for the command line on other machines: where to sign in, and as which client."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from extproc.config.schema import Settings
from extproc.console.afar.published_endpoints import ABOUT
from extproc.console.problem_documents import problem, problems


class AboutShape(TypedDict):
    """Where the command line signs people in."""

    issuer: str
    client_id: str
    scopes: list[str]
    server: str | None


def about_routes(settings: Settings) -> APIRouter:
    """Make the route. It holds no secret, so it needs no token.

    Args:
        settings: the whole configuration.
    """
    routes = APIRouter(tags=["sign-in"])
    control = settings.control
    sign_in = control.sign_in

    @routes.get(ABOUT, response_model=AboutShape, responses=problems(404))
    def about() -> AboutShape | JSONResponse:
        """Say where the command line signs people in."""
        if sign_in is None or sign_in.cli_client_id is None:
            return problem(404, "This console has no sign-in for the command line", "not-found")
        provider = settings.identity.providers[sign_in.provider]
        return {
            "issuer": provider.issuer,
            "client_id": sign_in.cli_client_id,
            "scopes": list(sign_in.scopes),
            "server": control.public_url,
        }

    return routes
