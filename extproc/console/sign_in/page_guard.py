"""Middleware of the whole console: hosts, requests of other sites, rates, and the header fields of every answer.

The API is bound to no host, for its callers send tokens, which browsers never add by themselves.
"""

from ipaddress import IPv6Network

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from extproc.console.problem_documents import problem
from extproc.console.sign_in.rate_limits import PAGES, RateLimits
from extproc.console.sign_in.site import Origin, Site

ORIGIN = "extproc.origin"
"""Key of the scope: the address of the console that the request came to. The API's requests have none."""
SAFE_METHODS = ("GET", "HEAD")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No code and no style inside a page (CSP level 3)."""
FIELDS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Not no-referrer: browsers would then send `Origin: null` with our own forms (Fetch section 3.2).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
STATIC = "/static/"
"""Files that hold nothing of anybody: their addresses name their content, and browsers may keep them."""
STRICT_TRANSPORT = "max-age=31536000"


class PageGuard:
    """ASGI middleware, outside all others."""

    def __init__(self, app: ASGIApp, *, site: Site, limits: RateLimits) -> None:
        self._app = app
        self._site = site
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        origin = self._site.origin_of(hosts[0]) if len(hosts) == 1 else None

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                kept = sent.get("Cache-Control") if scope["path"].startswith(STATIC) else None
                sent.update(FIELDS)
                if kept:
                    sent["Cache-Control"] = kept
                if origin is not None and origin.secure:
                    sent["Strict-Transport-Security"] = STRICT_TRANSPORT
            await send(message)

        if is_api(scope["path"]):
            await self._app(scope, receive, answer)
            return
        refused = self._refused(scope, headers, origin)
        if refused is not None:
            await refused(scope, receive, answer)
            return
        await self._app({**scope, ORIGIN: origin}, receive, answer)

    def _refused(self, scope: Scope, headers: Headers, origin: Origin | None) -> ASGIApp | None:
        """Return the answer to a request that gets no further."""
        if origin is None:
            structlog.get_logger().warning("a request for another host was refused")
            return problem(421, "This is not the address of the console", "misdirected")
        if is_foreign(scope["method"], headers, origin):
            return problem(403, "Requests of other sites are refused", "cross-site")
        wait_s = self._limits.wait_s(PAGES, client_network(scope))
        if wait_s:
            return problem(429, "Too many requests", "too-many", headers={"Retry-After": str(wait_s)})
        return None


def is_api(path: str) -> bool:
    """Return whether the path belongs to the API, whose callers send bearer tokens, or to probes."""
    return path == "/healthz" or path.startswith("/api/")


def is_foreign(method: str, headers: Headers, origin: Origin) -> bool:
    """Return whether a page of another site caused the request. People may follow links from anywhere.

    A browser says so in ``Sec-Fetch-Site`` (W3C Fetch Metadata), and in ``Origin`` with every form.
    """
    sent = headers.getlist("origin")
    if sent and method not in SAFE_METHODS and sent != [str(origin)]:
        return True
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    return not (
        method in SAFE_METHODS
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"
    )


def client_address(scope: Scope) -> str:
    """Return the client's address; of a trusted proxy on this machine, the one that it tells (uvicorn)."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def client_network(scope: Scope) -> str:
    """Return what rates are counted by: the client's address; of IPv6, the network that one client has (/64).

    Source: RFC 6177 section 2. Whoever has such a network could use another address for each request.
    """
    address = client_address(scope)
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
