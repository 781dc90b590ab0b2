"""Commands that ask running processes end with a plain message, whoever runs them and whatever answers."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extproc.cli.explain_error import explain_error
from extproc.cli.main import app
from extproc.model.errors import ControlError, ExtprocError
from tests.unit.cli.test_control_commands import CONFIG
from tests.unit.console.served import RSA, jwk, key_set

pytestmark = pytest.mark.slow
NOBODY = 65_534
ASK_CONTROL = (
    ["approvals", "list"],
    ["approvals", "list", "--json"],
    ["approvals", "show", "0189c2d4"],
    ["approvals", "show", "0189c2d4-7777-7777-8777-777777777777"],
    ["approvals", "approve", "0189c2d4", "-m", "checked"],
    ["approvals", "deny", "0189c2d4", "-m", "checked"],
    ["sessions", "list"],
    ["sessions", "show", "s-1"],
    ["sessions", "show", "s-1", "--entries"],
    ["query", "SELECT 1"],
    ["tools", "list"],
    ["tools", "diff", "docs.search"],
    ["tools", "accept", "docs.search", "-m", "read the diff"],
    ["tools", "reject", "docs.search", "-m", "read the diff"],
    ["policy", "explain", "0189c2d4-7777-7777-8777-777777777777"],
    ["policy", "unused"],
)
ASK_OTHERS = (["reload"], ["config", "status"], ["policy", "status"])
WRONG = {
    "approvals": [1],
    "sessions": "x",
    "entries": [7],
    "columns": ["a"],
    "rows": [[1, 2]],
    "definitions": [{}],
}
HOSTILE_PROBLEM = {"title": "\x1b[2Jno", "reason": ["x"], "detail": {"a": 1}, "matches": 7}


def answer(status, body, more=b""):
    return b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n%s\r\n%s" % (status, len(body), more, body)


IMPOSTORS = {
    "a list": answer(200, b"[]"),
    "null": answer(200, b"null"),
    "an empty object": answer(200, b"{}"),
    "other members": answer(200, json.dumps(WRONG).encode()),
    "deep nesting": answer(200, b"[" * 100_000),
    "a web page": answer(200, b"<html>"),
    "no text": answer(200, b"\xff\xfe"),
    "a redirect": answer(302, b"", b"location: http://127.0.0.1:1/\r\n"),
    "an error that is a list": answer(500, b"[]"),
    "a hostile error": answer(403, json.dumps(HOSTILE_PROBLEM).encode()),
    "another protocol": b"SSH-2.0-x\r\n",
    "broken compression": answer(200, b"abc", b"content-encoding: gzip\r\n"),
    "half an answer": answer(200, b"{}")[:-1],
    "nothing": b"",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A configuration whose state folder has both sockets of an impostor, and what it answers."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "extproc.yaml").write_text(CONFIG)
    (folder / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    (folder / "state").mkdir(mode=0o700)
    says = [b""]
    with contextlib.ExitStack() as stack:
        for name in ("control.sock", "up.sock"):
            stack.enter_context(impostor(folder / "state" / name, says))
        yield folder / "extproc.yaml", says


@contextlib.contextmanager
def impostor(path, says):
    """Answer every connection with the same bytes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(says[0])
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65_536)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    listener.close()


def told(words, config):
    """Run a command, and return the message of its error."""
    result = CliRunner().invoke(app, [*words, "--config", str(config)], env={"EXTPROC_TOKEN": "a.b.c"})
    assert isinstance(result.exception, ExtprocError | OSError), (words, result.exception, result.output)
    return explain_error(result.exception)


@pytest.mark.parametrize("kind", IMPOSTORS)
def test_something_else_that_answers_is_an_error_in_words(installed, kind):
    """This holds for each command that asks the control process."""
    config, says = installed
    says[0] = IMPOSTORS[kind]
    for words in ASK_CONTROL:
        text = told(words, config)
        assert len(text.split("\n")) <= 2, (words, text)
        assert "\x1b" not in text


def test_entries_that_make_no_timeline_are_an_error_in_words(installed):
    config, says = installed
    says[0] = answer(200, b'{"entries": [{"kind": "call.completed"}]}')
    assert "is not what the control process sends" in told(["sessions", "show", "s-1"], config)


@pytest.mark.parametrize("kind", IMPOSTORS)
def test_something_else_than_the_supervisor_that_answers_a_reload_is_named(installed, kind):
    config, says = installed
    says[0] = IMPOSTORS[kind]
    assert any(
        part in told(["reload"], config) for part in ("is not `extproc up`", "no `extproc up` runs", "refused")
    )


@contextlib.contextmanager
def as_nobody():
    """Let root become somebody else. Others close the folder to themselves."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.fixture
def closed(installed, tmp_path):
    """A configuration that everybody may read, whose state folder its owner alone may open."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = tmp_path
    for each in (folder, *folder.parents):
        is_ours = Path(tempfile.gettempdir()).resolve() in each.resolve().parents
        if is_ours and stat.S_IMODE(each.stat().st_mode) & 0o005 != 0o005:
            each.chmod(0o755)
    (folder / "extproc.yaml").write_text(CONFIG)
    (folder / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    (folder / "state").mkdir(mode=0o700)
    with impostor(folder / "state" / "control.sock", [b""]), impostor(folder / "state" / "up.sock", [b""]):
        yield folder / "extproc.yaml"


@pytest.mark.parametrize(
    "words", [*ASK_CONTROL, ["reload"], ["config", "status"], ["policy", "status"]], ids=" ".join
)
def test_another_user_is_told_in_two_lines_what_to_do(closed, words):
    with as_nobody():
        text = told(words, closed)
    first, second = text.split("\n")
    assert "Permission denied" in first
    assert str(closed.parent / "state") in first
    assert "as the user that runs extproc" in second


@pytest.mark.parametrize("words", [*ASK_CONTROL, *ASK_OTHERS], ids=" ".join)
def test_a_configuration_that_this_user_may_not_read_is_named(closed, words):
    CliRunner().invoke(app, [*words, "--config", str(closed)])  # another user may not be able to import more
    closed.chmod(0o600)
    with as_nobody():
        first, second = told(words, closed).split("\n")
    assert f"{closed}: cannot be read: Permission denied" in first
    assert "as a user that may read it" in second


@pytest.mark.parametrize("words", [*ASK_CONTROL, ["reload"]], ids=" ".join)
def test_a_missing_state_folder_is_said_in_words(tmp_path, words):
    (tmp_path / "extproc.yaml").write_text(CONFIG)
    (tmp_path / "jwks.json").write_text(key_set(jwk(RSA, "rsa")))
    assert "extproc up" in told(words, tmp_path / "extproc.yaml")


def test_the_whole_program_prints_two_lines_for_another_user(closed):
    """As a shell of another user runs it."""
    if subprocess.run(["setpriv", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this system has no setpriv")
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*other, sys.executable, "-c", "import typer"], capture_output=True, check=False).returncode:
        pytest.skip("another user cannot run this Python")
    command = [*other, sys.executable, "-m", "extproc", "approvals", "list", "--config", str(closed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first == f"error: {closed.parent / 'state/control.sock'}: Permission denied"
    assert "as the user that runs extproc" in second


def test_a_status_says_why_a_command_failed():
    """Scripts can tell signing in, an unknown id and a refusal apart."""
    from extproc.cli.exit_status import ExitStatus, exit_status

    expected = {
        "": ExitStatus.FAILED,
        "approval-unavailable": ExitStatus.FAILED,
        "unauthenticated": ExitStatus.SIGN_IN,
        "token-rejected": ExitStatus.SIGN_IN,
        "unknown": ExitStatus.NOT_FOUND,
        "ambiguous": ExitStatus.NOT_FOUND,
        "own-call": ExitStatus.REFUSED,
        "wrong-group": ExitStatus.REFUSED,
        "not-pending": ExitStatus.REFUSED,
    }
    assert {reason: exit_status(ControlError("no", "", reason)) for reason in expected} == expected
    assert exit_status(OSError()) == ExitStatus.FAILED
