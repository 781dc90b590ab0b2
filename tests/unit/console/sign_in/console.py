"""The console with pages of its own, on loopback, and browsers that visit it."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from fastapi import Depends

from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.schema import Settings
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.console.sign_in.dependencies import acting, signed_in, watching
from extproc.console.sign_in.rate_limits import RateLimits
from extproc.console.sign_in.session import Session
from extproc.console.sign_in.session_store import SessionStore
from extproc.console.sign_in.sign_in import SignIn
from tests.unit.console.desks import make_desk
from tests.unit.console.served import EC, RSA, FakeReader, Switch, jwk, key_set
from tests.unit.console.sign_in.provider import CLIENT, SECRET, FakeProvider

HTML = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
SECONDS = 10**9


class AsBrowsersDo(httpx.HTTPTransport):
    """Takes Keycloak's cookies as browsers do: they ignore ``Version``, and send ``Secure`` ones to loopback."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        fields = [
            (name, value.replace(";Version=1", "").replace(";Secure", ""))
            for name, value in answer.headers.multi_items()
        ]
        answer.headers = httpx.Headers(fields)
        return answer


@dataclass
class Clock:
    """Wall time, and by how much a test has moved it."""

    moved_s: float = 0.0

    def __call__(self) -> int:
        return time.time_ns() + int(self.moved_s * SECONDS)


@dataclass
class Console:
    """The console's applications and what a test can change about them."""

    url: str
    switch: Switch
    folder: Any
    provider: FakeProvider
    clock: Clock
    store: SessionStore
    approvals: SqliteApprovals
    local: Any = None
    """Makes the application of the unix socket."""
    client_id: str = CLIENT
    secret: str = SECRET
    jwks_url: str = ""
    """Empty: the keys are in a file."""

    def settings(self, **control: Any) -> Settings:
        jwks, secret = self.folder / "jwks.json", self.folder / "secret"
        jwks.write_text(key_set(jwk(RSA, "rsa"), jwk(EC, "ec")))
        secret.write_text(f"{self.secret}\n")
        keys = {"jwks_url": self.jwks_url} if self.jwks_url else {"jwks_file": str(jwks)}
        corp = {"issuer": self.provider.issuer, "audiences": ["tools"], **keys}
        sign_in = {"provider": "corp", "client_id": self.client_id, "client_secret_file": str(secret)}
        listen = urlsplit(self.url).netloc
        return Settings.model_validate(
            {
                "version": 1,
                "identity": {"providers": {"corp": corp}},
                "connections": {
                    "crm": {
                        "protocol": "http-json",
                        "hosts": ["crm"],
                        "upstream": {"address": "127.0.0.1:1"},
                        "functions": {"get": {"method": "GET", "path": "/"}},
                    }
                },
                "control": {"listen": listen, "public_url": self.url, "sign_in": sign_in, **control},
            }
        )

    def configure(self, **control: Any) -> SignIn:
        """Put settings in force."""
        settings = self.settings(**control)
        limits = RateLimits(self.clock)
        sign_in = SignIn(settings.control, settings.identity.providers, self.store, limits, self.clock)
        self.switch.app = self._api(settings, sign_in, local=False)
        self.local = partial(self._api, settings, sign_in, local=True)
        add_pages(self.switch.app)
        return sign_in

    def _api(self, settings: Settings, sign_in: SignIn, *, local: bool):
        return make_api(
            desk=make_desk(self.approvals, clock=self.clock),
            pins=None,
            reader=FakeReader(),
            authenticator=make_authenticator(settings, self.clock),
            clock=self.clock,
            settings=settings,
            local=local,
            sign_in=sign_in,
        )

    @contextlib.contextmanager
    def browser(self, **more: Any) -> Iterator[httpx.Client]:
        """A browser without cookies. It does not follow redirects by itself."""
        options = {"base_url": self.url, "headers": HTML, "follow_redirects": False, "trust_env": False, **more}
        with httpx.Client(**{"transport": AsBrowsersDo(), **options}) as client:
            yield client


def add_pages(app) -> None:
    """Pages that show who is signed in, and count what is done."""
    done = []

    @app.get("/")
    def home(session: Annotated[Session, Depends(signed_in)]):
        return {
            "subject": session.identity.subject,
            "groups": session.identity.groups,
            "roles": sorted(session.roles),
            "name": session.name,
            "csrf": session.csrf,
            "source": session.source,
            "by_link": session.by_link,
            "ends_ns": session.ends_ns,
            "done": len(done),
        }

    @app.get("/watch")
    def watch(_session: Annotated[Session, Depends(watching)]):
        return {}

    @app.post("/do")
    def do(_session: Annotated[Session, Depends(acting)]):
        done.append(1)
        return {}

    @app.get("/broken")
    def broken():
        raise RuntimeError("canary-text")


def through_the_provider(browser: httpx.Client, path: str = "/sign-in/start") -> httpx.Response:
    """Go to the provider and come back. Returns the console's last answer."""
    answer = browser.get(path)
    for _ in range(2):
        if answer.status_code not in {302, 303}:
            return answer
        answer = browser.get(answer.headers["location"])
    return answer


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    first = page.partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', first))


def own(console: Console) -> dict[str, str]:
    """What a browser sends with the console's own forms."""
    return {"origin": console.url, "sec-fetch-site": "same-origin"}
