"""``extproc login`` and commands with ``--server``, as people type them, against servers that may mean harm."""

import base64
import json
import ssl
import subprocess
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from extproc.cli import sign_in_acts
from extproc.cli.exit_status import exit_status
from extproc.cli.explain_error import explain_error
from extproc.cli.main import app
from extproc.console import client as client_module
from extproc.console.afar import device_sign_in
from tests.unit.cli.test_approval_tables import ID
from tests.unit.console.afar.provider import Reply, provider, tokens

pytestmark = pytest.mark.slow
EVIL = "\x1b[2J\x1b]0;owned\x07\u202e[bold red]x[/]\r\nstate approved\u200b"
STEERING = "\x1b\x07\u202e\u200b\r"
NAME = base64.urlsafe_b64encode(json.dumps({"preferred_username": f"alice{EVIL}"}).encode()).decode().rstrip("=")
TOKEN = f"access-canary.{NAME}.sig"


@pytest.fixture
def idp(monkeypatch):
    monkeypatch.setattr(device_sign_in, "wait", partial(device_sign_in.wait, sleep=lambda _s: None))
    with provider() as fake:
        fake.works()
        fake.answers["/token"] = Reply(tokens("first", access_token=TOKEN))
        fake.answers["/api/approvals/search"] = Reply({"approvals": []})
        yield fake


class Ran:
    """What a command has printed, and how it ended."""

    def __init__(self, result):
        self.out, self.err = result.stdout, result.stderr
        self.status = result.exit_code
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            self.err += f"error: {explain_error(result.exception)}\n"
            self.status = int(exit_status(result.exception))
        assert "canary" not in self.out + self.err
        assert not any(char in self.out + self.err for char in STEERING)


@pytest.fixture
def run(idp, tmp_path):
    def command(*words, server=idp.url, env=None):
        more = ["--server", server] if server else []
        folder = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "EXTPROC_SERVER": None, "EXTPROC_TOKEN": None}
        return Ran(CliRunner().invoke(app, [*words, *more], env=folder | (env or {})))

    return command


def approval(**changes):
    given = {"approval_id": ID, "state": "pending", "function": "crm.delete", "requester": "https://idp|bob"}
    return given | {"digest": "d" * 64, "preview_digest": "p" * 64, "arguments": '{"id": 7}'} | changes


def test_sign_in_by_code_then_ask_then_sign_out(idp, run):
    """The person is told where to go, and nobody is told the tokens."""
    said = run("login")
    assert said.status == 0, said.err
    assert f"{idp.url}/go?user_code=WDJB-MJHT" in said.err
    assert "WDJB-MJHT" in said.err
    assert said.out.startswith(f"Signed in to {idp.url} as alice")
    idp.answers["/api/approvals"] = Reply({"approvals": [approval()]})
    assert ID in run("approvals", "list").out
    assert idp.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert "alice" in run("whoami").out
    facts = json.loads(run("whoami", "--json").out)
    assert (facts["server"], facts["issuer"], facts["renewable"]) == (idp.url, idp.url, True)
    assert run("logout").out == f"Signed out of {idp.url}\n"
    assert run("approvals", "list").status == 3
    assert run("logout").out == f"Nobody was signed in to {idp.url}\n"


def test_sign_in_with_a_browser(idp, run, monkeypatch):
    """The address is printed, too: not every terminal has a browser."""
    from tests.unit.console.afar.test_sign_in_from_afar import Browser

    browser = Browser(issuer=idp.url)
    monkeypatch.setattr(sign_in_acts.webbrowser, "open", browser)
    said = run("login", "--browser")
    browser.thread.join()
    assert said.status == 0, said.err
    assert browser.url in said.err


def test_the_variable_names_the_console(idp, run):
    run("login")
    assert (
        run("approvals", "list", server="", env={"EXTPROC_SERVER": idp.url}).out == "No call waits for approval.\n"
    )
    assert "give --server" in run("whoami", server="").err
    assert "give --server" in run("login", server="").err


def test_a_token_that_the_console_refuses_is_not_kept(idp, run):
    """It is for another audience, say."""
    idp.answers["/api/approvals"] = Reply({"title": "No", "reason": "token-rejected"}, 403)
    said = run("login")
    assert said.status == 3
    assert "audience" in said.err
    assert "nobody is signed in" in run("approvals", "list").err


def test_a_token_that_does_not_count_any_more_says_what_to_do(idp, run):
    run("login")
    idp.answers["/api/approvals"] = Reply({"title": "No", "reason": "unauthenticated"}, 401)
    said = run("approvals", "list")
    assert (said.status, f"extproc login --server {idp.url}" in said.err) == (3, True)


def test_a_second_sign_in_stays_with_the_first_provider(idp, run):
    """A console that was taken over must not send people elsewhere."""
    run("login")
    with provider() as other:
        other.works()
        idp.answers["/.well-known/extproc"] = Reply({"issuer": other.url, "client_id": "cli"})
        said = run("login")
        assert said.status == 1
        assert "extproc logout" in said.err
        assert other.asked == []
        run("logout")
        assert run("login", "--issuer", idp.url).status == 1
        assert other.asked == []


def test_the_token_of_the_environment_stays_here(idp, run):
    """It may be for another console."""
    said = run("approvals", "list", env={"EXTPROC_TOKEN": "environment-canary"})
    assert said.status == 3
    assert idp.asked == []


def test_a_token_file_is_sent_as_one_says(idp, run, tmp_path):
    (tmp_path / "token").write_text("file-canary\n")
    assert run("approvals", "list", "--token-file", str(tmp_path / "token")).status == 0
    assert idp.asked[-1].headers["authorization"] == "Bearer file-canary"


def test_a_redirect_gets_no_token(idp, run):
    run("login")
    with provider() as other:
        other.works()
        idp.answers["/api/approvals"] = Reply({}, 307, {"Location": f"{other.url}/api/approvals"})
        assert run("approvals", "list").status == 1
        assert other.asked == []


@pytest.mark.parametrize(
    "address", ["http://approve.example.com", "https://a:b@approve.example.com", "x", "javascript:1"]
)
def test_an_unsafe_address_is_refused_before_anything_is_sent(run, address):
    for words in (
        ["login"],
        ["logout"],
        ["whoami"],
        ["approvals", "list"],
        ["query", "SELECT 1"],
        ["sessions", "list"],
    ):
        said = run(*words, server=address)
        assert said.status == 1
        assert "no address of a console" in said.err
        assert "a:b" not in said.err


def test_sessions_and_queries_are_asked_from_afar_too(idp, run):
    run("login")
    idp.answers["/api/sessions"] = Reply({"sessions": [{"session_id": "s-1"}]})
    idp.answers["/api/sessions/s-1"] = Reply({"entries": []})
    idp.answers["/api/query"] = Reply({"columns": ["n"], "rows": [[1]]})
    assert "s-1" in run("sessions", "list").out
    assert run("sessions", "show", "s-1", "--entries").status == 0
    assert "1" in run("query", "SELECT 1").out
    assert {each.headers["authorization"] for each in idp.asked[-3:]} == {f"Bearer {TOKEN}"}


FIELDS = (
    "approval_id",
    "state",
    "function",
    "requester",
    "actor",
    "reason",
    "rule",
    "source",
    "definition",
    "created",
)


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_hostile_console_steers_the_terminal(idp, run, field):
    """``Ran`` looks at every character of the output."""
    run("login")
    hostile = approval(**{field: EVIL})
    idp.answers["/api/approvals"] = Reply({"approvals": [hostile]})
    idp.answers[f"/api/approvals/{ID}"] = Reply(hostile)
    idp.answers["/api/approvals/search"] = Reply({"approvals": [hostile], "before": EVIL})
    for words in (["list"], ["list", "--json"], ["show", ID], ["show", ID, "--json"], ["history"]):
        assert run("approvals", *words).status == 0


def test_hostile_errors_of_a_console_steer_nothing(idp, run):
    run("login")
    idp.answers["/api/approvals"] = Reply({"title": EVIL, "detail": EVIL, "reason": EVIL, "matches": [EVIL]}, 409)
    assert run("approvals", "list").status == 1


def test_a_name_of_a_million_characters_is_printed_whole_into_a_pipe(idp, run):
    run("login")
    idp.answers["/api/approvals"] = Reply({"approvals": [approval(function="x" * 1_000_000), approval()]})
    assert "x" * 1_000_000 in run("approvals", "list").out


def test_an_endless_answer_of_a_console_ends(idp, run, monkeypatch):
    run("login")
    monkeypatch.setattr(client_module, "ANSWER_S", 0.3)
    idp.answers["/api/approvals"] = Reply({"approvals": []}, slow_s=0.1)
    assert "did not answer" in run("approvals", "list").err


def test_a_vote_from_afar_has_the_digests_of_what_was_read(idp, run):
    run("login")
    idp.answers["/api/approvals"] = Reply({"approvals": [approval()]})
    idp.answers[f"/api/approvals/{ID}"] = Reply(approval())
    bodies = []

    def accept(asked):
        bodies.append(asked)
        return Reply(approval(state="approved"))

    idp.answers[f"/api/approvals/{ID}/approve"] = accept
    assert run("approvals", "approve", ID[-8:], "-m", "checked").out == "Approved: crm.delete\n"
    assert bodies[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(bodies[0].body) == {"note": "checked", "digest": "d" * 64, "preview_digest": "p" * 64}


def test_a_file_with_sessions_that_others_can_read_is_refused(idp, run, tmp_path):
    run("login")
    file = tmp_path / "config" / "extproc" / "sessions.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    said = run("approvals", "list")
    assert said.status == 1
    assert "can be read by others" in said.err


@pytest.fixture
def tls(tmp_path, idp):
    """The same console behind TLS, with an authority of its own."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    made = subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this system has no openssl")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            about = {
                "issuer": idp.url,
                "client_id": "cli",
                "server": f"https://localhost:{self.server.server_port}",
            }
            body = json.dumps(about if path == "/.well-known/extproc" else {"approvals": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, cert
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_console_of_an_authority_of_ones_own_is_trusted_by_its_certificate(tls, run):
    port, cert = tls
    address, trust = f"https://localhost:{port}", {"SSL_CERT_FILE": str(cert)}
    said = run("login", server=address, env=trust)
    assert said.status == 0, said.err
    assert run("approvals", "list", server=address, env=trust).out == "No call waits for approval.\n"


@pytest.mark.parametrize(("host", "trusts"), [("localhost", False), ("127.0.0.1", True)])
def test_a_wrong_certificate_is_named_and_gets_no_token(tls, run, host, trusts):
    """Of an unknown authority, or for another name."""
    port, cert = tls
    trust = {"SSL_CERT_FILE": str(cert)}
    assert run("login", server=f"https://localhost:{port}", env=trust).status == 0
    said = run("login", server=f"https://{host}:{port}", env=trust if trusts else None)
    assert said.status == 1
    assert "no certificate that this machine trusts" in said.err


def test_a_console_that_is_not_there_is_said_in_words(run):
    said = run("login", server="http://127.0.0.1:1")
    assert said.status == 1
    assert "cannot be reached" in said.err


def test_help_needs_no_library_of_oauth():
    """``--help`` must be quick."""
    import sys

    modules = "import extproc.cli.main, sys; print([m for m in ('httpx', 'authlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", modules], capture_output=True, check=True).stdout == b"[]\n"


def test_open_prints_the_address_of_a_page(idp, run):
    run("login")
    assert run("approvals", "open").out == f"{idp.url}/\n"
    idp.answers["/api/approvals"] = Reply({"approvals": [approval()]})
    idp.answers[f"/api/approvals/{ID}"] = Reply(approval())
    assert run("approvals", "open", ID[-8:]).out == f"{idp.url}/approvals/{ID}\n"


def test_the_bell_rings_for_a_new_call_only(monkeypatch, idp, run):
    """And not for those that were there at first."""
    from extproc.cli import approval_acts

    run("login")
    shown = iter([[approval()], [approval()], [approval(), approval(approval_id=ID[:-1] + "8")]])
    idp.answers["/api/approvals"] = lambda _asked: Reply({"approvals": next(shown)})
    rung = []

    def sleep(_s):
        rung.append(len(bells))
        if len(rung) == 3:
            raise KeyboardInterrupt

    bells = []
    monkeypatch.setattr(approval_acts.Console, "bell", lambda _self: bells.append(1))
    monkeypatch.setattr(approval_acts.time, "sleep", sleep)
    assert run("approvals", "list", "--watch", "--bell").status == 0
    assert rung == [0, 0, 1]
