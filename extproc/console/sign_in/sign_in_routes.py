"""The addresses of sign-in and sign-out, and the console's answers to people without a session."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from extproc.console.problem_documents import problem
from extproc.console.sign_in.dependencies import (
    acting,
    arrival_of,
    check_own_form,
    check_rate,
    sign_in_of,
    signed_in,
)
from extproc.console.sign_in.errors import (
    ProviderUnavailable,
    SessionsUnavailable,
    SignInNeeded,
    SignInRefused,
    WhyNot,
)
from extproc.console.sign_in.page_guard import PageGuard, client_network
from extproc.console.sign_in.rate_limits import LOGOUTS, SIGN_INS
from extproc.console.sign_in.session import Session
from extproc.console.sign_in.sign_in import ATTEMPT_S, SignIn
from extproc.console.sign_in.sign_in_page import PageForm, SignInPage, refusal, render, unavailable
from extproc.console.sign_in.site import ATTEMPT_COOKIE, SESSION_COOKIE, Origin, safe_next

RETRY_AFTER_S = 5
LONGEST_PARAMETER = 4_096
"""Characters of a code, and of other parameters of a provider's answer."""


def add_sign_in(api: FastAPI, sign_in: SignIn) -> None:
    """Add sign-in to the application of the console, and the middleware that guards all of its pages.

    Args:
        api: with its other middleware already added: this one goes around it.
        sign_in: of the configuration of this application.
    """
    api.state.sign_in = sign_in
    api.include_router(_begin_routes())
    api.include_router(_link_routes())
    api.include_router(_end_routes())
    api.add_exception_handler(SignInNeeded, _needed)
    api.add_exception_handler(SignInRefused, _refused)
    api.add_exception_handler(ProviderUnavailable, _provider_unavailable)
    api.add_exception_handler(SessionsUnavailable, _sessions_unavailable)
    api.add_middleware(PageGuard, site=sign_in.site, limits=sign_in.limits)


def _limited(request: Request) -> None:
    check_rate(request, SIGN_INS, client_network(request.scope))


SignedIn = Annotated[Session, Depends(signed_in)]
Acting = Annotated[Session, Depends(acting)]
LIMITED = Depends(_limited)


def _begin_routes() -> APIRouter:
    routes = APIRouter(prefix="/sign-in", include_in_schema=False)

    @routes.get("", response_model=None)
    def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the parameter's public name
        goes_to = safe_next(next)
        try:
            signed_in(request)
        except SignInNeeded:
            pass
        else:
            return RedirectResponse(goes_to, 303)
        if sign_in_of(request).provider is None:
            return refusal_without_link()
        text = "Your organisation's identity provider asks who you are, and sends you back here."
        return render(SignInPage("Sign in", text, f"/sign-in/start?next={quote(goes_to, safe='')}", "Sign in"))

    @routes.get("/start", response_model=None, dependencies=[LIMITED])
    def start(request: Request, next: str = "/") -> Response:  # noqa: A002 - the parameter's public name
        sign_in, arrival, goes_to = sign_in_of(request), arrival_of(request), safe_next(next)
        public = sign_in.site.public
        if public is not None and arrival.origin != public:
            # Its cookie must belong to the address that the provider sends the browser back to.
            return RedirectResponse(f"{public}/sign-in/start?next={quote(goes_to, safe='')}", 303)
        cookie, url = sign_in.begin(goes_to)
        answer = RedirectResponse(url, 303)
        _set(answer, arrival.origin, ATTEMPT_COOKIE, cookie, ATTEMPT_S)
        return answer

    @routes.get("/callback", response_model=None, dependencies=[LIMITED])
    def callback(request: Request) -> Response:
        sign_in, arrival = sign_in_of(request), arrival_of(request)
        given = _parameters(request)
        cookie, goes_to = sign_in.complete(
            arrival,
            request.cookies.get(arrival.origin.cookie(ATTEMPT_COOKIE), ""),
            state=given.get("state", ""),
            code=given.get("code", ""),
            issuer=given.get("iss"),
            denied="error" in given,
        )
        answer = RedirectResponse(safe_next(goes_to), 303)
        _set(answer, arrival.origin, SESSION_COOKIE, cookie, None)
        _delete(answer, arrival.origin, ATTEMPT_COOKIE)
        return answer

    return routes


def refusal_without_link() -> HTMLResponse:
    """Return the page that says how to sign in where there is no provider."""
    page = SignInPage(
        "Sign in on this machine",
        "This installation has no identity provider for the console. In a terminal on its machine, this command"
        " opens the console with your token: extproc approvals open",
    )
    return render(page)


def _link_routes() -> APIRouter:
    routes = APIRouter(prefix="/sign-in/link", include_in_schema=False, dependencies=[LIMITED])

    # A GET uses nothing up: browsers and programs that look at links in advance make them.
    @routes.get("", response_model=None)
    def show(request: Request, secret: str = "") -> Response:
        identity = sign_in_of(request).look_at_link(arrival_of(request), secret)
        form = PageForm("/sign-in/link", f"Sign in as {identity.subject}", (("secret", secret),))
        return render(SignInPage("Sign in", "This link signs you in once.", forms=(form,)))

    @routes.post("", response_model=None)
    def use(request: Request, secret: Annotated[str, Form(max_length=256)]) -> Response:
        check_own_form(request)
        arrival = arrival_of(request)
        cookie = sign_in_of(request).use_link(arrival, secret)
        answer = RedirectResponse("/", 303)
        _set(answer, arrival.origin, SESSION_COOKIE, cookie, None)
        return answer

    return routes


def _end_routes() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-out", response_model=None)
    def ask(session: SignedIn) -> Response:
        hidden = (("csrf", session.csrf),)
        here = PageForm("/sign-out", "Sign out", hidden)
        everywhere = PageForm("/sign-out/everywhere", "Sign out everywhere", hidden)
        text = f"You are signed in as {session.name}. Everywhere: on all of your devices and in all browsers."
        return render(SignInPage("Sign out", text, forms=(here, everywhere)))

    @routes.post("/sign-out", response_model=None)
    def sign_out(request: Request, session: Acting) -> Response:
        return _signed_out(request, session, everywhere=False)

    @routes.post("/sign-out/everywhere", response_model=None)
    def sign_out_everywhere(request: Request, session: Acting) -> Response:
        return _signed_out(request, session, everywhere=True)

    @routes.post("/sign-in/back-channel-logout", response_model=None)
    def back_channel_logout(request: Request, logout_token: Annotated[str, Form(max_length=20_000)]) -> Response:
        check_rate(request, LOGOUTS, client_network(request.scope))
        try:
            sign_in_of(request).log_out(logout_token)
        except SignInRefused as refused:
            # Back-Channel Logout section 2.8.
            return problem(400, "The logout token does not count", refused.why)
        return Response(status_code=200)

    return routes


def _signed_out(request: Request, session: Session, *, everywhere: bool) -> Response:
    arrival = arrival_of(request)
    goes_to = sign_in_of(request).sign_out(arrival, session, everywhere=everywhere)
    # No redirect: the policy for forms (form-action) holds for redirects of forms to other sites, too.
    text = "Your session here has ended." + (
        " The next page ends that of your identity provider." if goes_to else ""
    )
    page = SignInPage(
        "You are signed out", text, goes_to or "/sign-in", "Go on" if goes_to else "Sign in", at_once=bool(goes_to)
    )
    answer = render(page)
    _delete(answer, arrival.origin, SESSION_COOKIE)
    return answer


def _parameters(request: Request) -> dict[str, str]:
    """Return the parameters of a provider's answer. None may come twice (RFC 6749 section 3.1)."""
    given = request.query_params.multi_items()
    if len({name for name, _ in given}) < len(given) or any(len(value) > LONGEST_PARAMETER for _, value in given):
        raise SignInRefused(WhyNot.ATTEMPT_UNKNOWN)
    return dict(given)


def _set(answer: Response, origin: Origin, name: str, value: str, max_age_s: int | None) -> None:
    """Set a cookie that scripts cannot read and that other sites' forms do not bring along.

    Lax, not Strict: people come from the provider and from links in messages.
    """
    answer.set_cookie(
        origin.cookie(name),
        value,
        max_age=max_age_s,
        path="/",
        secure=origin.secure,
        httponly=True,
        samesite="lax",
    )


def _delete(answer: Response, origin: Origin, name: str) -> None:
    answer.delete_cookie(origin.cookie(name), path="/", secure=origin.secure, httponly=True, samesite="lax")


def _needed(request: Request, _error: Exception) -> Response:
    """Lead people to the sign-in, and tell programs (and streams of events) that they need a session."""
    if request.headers.get("sec-fetch-mode", "navigate") != "navigate" or "text/html" not in request.headers.get(
        "accept", ""
    ):
        return problem(401, "Sign in to the console first", "sign-in-needed")
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    goes_to = safe_next(path) if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?next={quote(goes_to, safe='')}", 303)


def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, SignInRefused):
        raise error
    return refusal(error.why, error.retry_after_s)


def _provider_unavailable(_request: Request, _error: Exception) -> Response:
    return unavailable("The identity provider does not answer. Try again in a moment.", RETRY_AFTER_S)


def _sessions_unavailable(_request: Request, _error: Exception) -> Response:
    return unavailable(
        "The store of sessions cannot be used. Tell the people who run this installation.", RETRY_AFTER_S
    )
