"""``extproc login`` from another machine: a real Keycloak, a console behind TLS with an authority of its own."""

import contextlib
import html
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import uvicorn
from cryptography import x509

from extproc.approvals.approval import State
from extproc.approvals.sqlite import SqliteApprovals
from extproc.config.schema import Settings
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.console.sign_in.rate_limits import RateLimits
from extproc.console.sign_in.session_store import FILE, SessionStore
from extproc.console.sign_in.sign_in import SignIn
from tests.integration.support.certificates import Authority
from tests.integration.support.keycloak import API_AUDIENCE, CLI_CLIENT, PASSWORDS, Keycloak
from tests.unit.approvals.samples import request
from tests.unit.console.desks import make_desk
from tests.unit.console.served import FakeReader
from tests.unit.console.sign_in.console import Clock

SECONDS = 10**9
ROOT = Path(__file__).parents[3]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Far:
    """A console, and a person's machine."""

    keycloak: Keycloak
    url: str
    approvals: SqliteApprovals
    authority: Authority
    home: Path
    clock: Clock
    """The console's."""

    def start(self, *words: str, trust: bool = True, server: str = "") -> subprocess.Popen[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("EXTPROC_", "XDG_", "SSL_"))
        }
        environment = kept | {
            "HOME": str(self.home),
            "EXTPROC_SERVER": server or self.url,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            "BROWSER": "true",
            **({"SSL_CERT_FILE": str(self.authority.certificate)} if trust else {}),
        }
        command = [sys.executable, "-m", "extproc", *words]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.home
        )

    def run(self, *words: str, **how: Any) -> tuple[int, str, str]:
        process = self.start(*words, **how)
        out, err = process.communicate(timeout=90)
        self.check_no_secret(out + err)
        return process.returncode, out, err

    def sessions(self) -> dict[str, Any]:
        return json.loads((self.home / ".config/extproc/sessions.json").read_text())["sessions"]

    def change_session(self, **changes: Any) -> None:
        file = self.home / ".config/extproc/sessions.json"
        document = json.loads(file.read_text())
        document["sessions"][self.url] |= changes
        file.write_text(json.dumps(document))

    def check_no_secret(self, text: str) -> None:
        file = self.home / ".config/extproc/sessions.json"
        if file.exists():
            for session in self.sessions().values():
                assert session["access_token"] not in text
                assert session["refresh_token"] not in text

    def held(self, **changes: Any):
        now = time.time_ns()
        made = request(created_ns=now, expires_ns=now + 600 * SECONDS, groups=("sre",), minimum=1, **changes)
        self.approvals.open(made)
        return made

    def login(self, person: str, *more: str, approve: bool = True) -> tuple[int, str, str]:
        """Sign in by a code, and be the person with the browser."""
        process = self.start("login", *more)
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("Open "):
                approve_device(line.split()[1], person, approve=approve)
        assert process.wait(90) is not None
        out = process.stdout.read()
        self.check_no_secret(out + said)
        return process.returncode, out, said


class _Loopback(httpx.HTTPTransport):
    """Browsers keep secure cookies of loopback without TLS, as Keycloak expects; httpx does not."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        fields = [
            (name, value.replace(";Secure", "") if name.lower() == "set-cookie" else value)
            for name, value in response.headers.multi_items()
        ]
        response.headers = httpx.Headers(fields)
        return response


def browser_of_a_person() -> httpx.Client:
    return httpx.Client(transport=_Loopback(), follow_redirects=True, timeout=60)


def approve_device(url: str, person: str, *, approve: bool = True) -> None:
    """Fill in Keycloak's pages, as a person with a browser does."""
    with browser_of_a_person() as browser:
        page = browser.get(url)
        page = browser.post(form_target(page), data={"username": person, "password": PASSWORDS[person]})
        assert 'name="accept"' in page.text, page.text[:3_000]
        page = browser.post(
            form_target(page), data={**hidden(page), **({"accept": "Yes"} if approve else {"cancel": "No"})}
        )
        assert page.status_code < 500, page.text[:3_000]


def form_target(page: httpx.Response) -> str:
    found = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert found, page.text[:3_000]
    return urljoin(str(page.url), html.unescape(found[1]))


def hidden(page: httpx.Response) -> dict[str, str]:
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    }


@contextlib.contextmanager
def console(
    keycloak: Keycloak, authority: Authority, folder: Path, name: str, clock: Clock
) -> Iterator[tuple[str, SqliteApprovals]]:
    """Serve a console by https."""
    certificate, key = authority.certify(name, [x509.DNSName("localhost")])
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    url = f"https://localhost:{bound.getsockname()[1]}"
    client_id, secret = keycloak.add_console(url)
    (folder / f"{name}.secret").write_text(secret)
    provider = {"issuer": keycloak.issuer, "audiences": [API_AUDIENCE], "jwks_url": keycloak.jwks_url}
    sign_in = {
        "provider": "corp",
        "client_id": client_id,
        "client_secret_file": str(folder / f"{name}.secret"),
        "cli_client_id": CLI_CLIENT,
    }
    crm = {"protocol": "http-json", "hosts": ["crm"], "upstream": {"address": "127.0.0.1:1"}}
    settings = Settings.model_validate(
        {
            "version": 1,
            "identity": {"providers": {"corp": provider}},
            "connections": {"crm": {**crm, "functions": {"get": {"method": "GET", "path": "/"}}}},
            "control": {
                "listen": "127.0.0.1:1",
                "public_url": url,
                "sign_in": sign_in,
                "analyst_groups": ["audit"],
            },
        }
    )
    approvals, sessions = SqliteApprovals(folder / f"{name}.db"), SessionStore(folder / f"{name}-{FILE}")
    app = make_api(
        desk=make_desk(approvals, clock=clock),
        pins=None,
        reader=FakeReader(),
        authenticator=make_authenticator(settings, clock),
        clock=clock,
        settings=settings,
        sign_in=SignIn(settings.control, settings.identity.providers, sessions, RateLimits(clock), clock),
    )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", ssl_certfile=certificate, ssl_keyfile=key
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield url, approvals
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
        approvals.close()
        sessions.close()


@pytest.fixture
def far(keycloak, tmp_path):
    authority = Authority.create(tmp_path)
    (tmp_path / "home").mkdir(mode=0o700)
    clock = Clock()
    with console(keycloak, authority, tmp_path, "approve", clock) as (url, approvals):
        yield Far(keycloak, url, approvals, authority, tmp_path / "home", clock)


def test_sign_in_by_a_code_then_decide_then_sign_out(far):
    """All of it on another machine than the console's, without its configuration."""
    held = far.held()
    status, out, said = far.login("maya")
    assert status == 0, said
    assert out == f"Signed in to {far.url} as maya\n"
    assert re.search(r"^code +[A-Z]{4}-[A-Z]{4}$", said, re.MULTILINE), said
    status, out, err = far.run("approvals", "list")
    assert (status, held.approval_id in out) == (0, True), err
    status, out, err = far.run("approvals", "approve", held.approval_id[-8:], "-m", "ticket 4711")
    assert (status, out) == (0, "Approved: crm.delete_customer\n"), err
    kept = far.approvals.get(held.approval_id)
    assert kept.state is State.APPROVED
    assert kept.votes[0].voter == f"{far.keycloak.issuer}|{far.keycloak.user_id('maya')}"
    assert kept.votes[0].source.startswith("api ")
    facts = json.loads(far.run("whoami", "--json")[1])
    assert (facts["person"], facts["issuer"], facts["renewable"]) == ("maya", far.keycloak.issuer, True)
    stored = far.sessions()[far.url]
    assert far.run("logout")[1] == f"Signed out of {far.url}\n"
    assert far.run("approvals", "list")[0] == 3
    assert not refreshes(far.keycloak, stored["refresh_token"]), "Keycloak has ended the session, too"


def refreshes(keycloak: Keycloak, refresh_token: str) -> bool:
    form = {"grant_type": "refresh_token", "client_id": CLI_CLIENT, "refresh_token": refresh_token}
    return httpx.post(f"{keycloak.issuer}/protocol/openid-connect/token", data=form, trust_env=False).is_success


def test_a_refusal_in_the_browser_signs_nobody_in(far):
    status, out, said = far.login("maya", approve=False)
    assert (status, out) == (3, ""), said
    assert "was refused in the browser" in said
    assert not (far.home / ".config/extproc/sessions.json").exists()


def test_sign_in_with_a_browser_of_this_machine(far):
    """The address is printed; the redirect comes back to a free loopback port."""
    process = far.start("login", "--browser")
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("http"):
            with browser_of_a_person() as browser:
                page = browser.get(line.strip())
                page = browser.post(form_target(page), data={"username": "omar", "password": PASSWORDS["omar"]})
                assert "You are signed in" in page.text
    assert process.wait(90) == 0, said
    assert process.stdout.read() == f"Signed in to {far.url} as omar\n"


def test_a_token_is_renewed_and_a_revoked_session_ends(far):
    assert far.login("maya")[0] == 0
    before = far.sessions()[far.url]
    far.change_session(expires_s=time.time())
    assert far.run("approvals", "list")[0] == 0
    assert far.sessions()[far.url]["access_token"] != before["access_token"]
    far.keycloak.log_out("maya")
    far.change_session(expires_s=time.time())
    status, _, err = far.run("approvals", "list")
    assert (status, "the session has ended" in err) == (3, True), err
    assert far.sessions() == {}


def test_an_expired_token_is_refused_by_the_console(far):
    """As where this machine's clock goes wrong: the command does not know that the token has ended."""
    assert far.login("maya")[0] == 0
    far.clock.moved_s = 400
    status, _, err = far.run("approvals", "list")
    assert (status, f"extproc login --server {far.url}" in err) == (3, True), err


def test_two_consoles_have_a_session_each(far, tmp_path):
    """A token of one is not sent to the other."""
    assert far.login("maya")[0] == 0
    with console(far.keycloak, far.authority, tmp_path, "second", far.clock) as (url, _):
        status, _, err = far.run("approvals", "list", server=url)
        assert (status, f"nobody is signed in at {url}" in err) == (3, True), err
    assert far.run("approvals", "list")[0] == 0


def test_a_console_with_an_unknown_certificate_gets_nothing(far):
    status, _, err = far.run("login", trust=False)
    assert (status, "no certificate that this machine trusts" in err) == (1, True), err
    assert far.login("maya")[0] == 0
    status, _, err = far.run("approvals", "list", trust=False)
    assert (status, "no certificate that this machine trusts" in err) == (1, True), err


def test_a_token_for_another_audience_is_not_kept(far):
    """A client without the audience mapper: the console refuses its tokens."""
    realm = far.keycloak.realm
    (client,) = far.keycloak.admin("GET", f"/{realm}/clients", params={"clientId": CLI_CLIENT}).json()
    mappers = f"/{realm}/clients/{client['id']}/protocol-mappers/models"
    (audience,) = [each for each in far.keycloak.admin("GET", mappers).json() if each["name"] == "audience"]
    far.keycloak.admin("DELETE", f"{mappers}/{audience['id']}")
    try:
        status, out, said = far.login("maya")
    finally:
        audience.pop("id")
        far.keycloak.admin("POST", mappers, json=audience)
    assert (status, out) == (3, ""), said
    assert "audience" in said
    assert not (far.home / ".config/extproc/sessions.json").exists()


def test_people_see_and_ask_what_their_groups_let_them(far):
    """Maya approves and does not query; Noor queries, and sees no approval of other groups."""
    held = far.held()
    assert far.login("noor")[0] == 0
    assert held.approval_id not in far.run("approvals", "list")[1]
    assert far.run("query", "SELECT 1")[0] == 0
    assert far.login("maya")[0] == 0
    assert held.approval_id in far.run("approvals", "list")[1]
    assert far.run("query", "SELECT 1")[0] == 5
