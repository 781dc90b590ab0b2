"""What a user can cause is said in one message with a remedy: no command ends with a traceback."""

import errno
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from extproc.cli.explain_error import explain_error
from extproc.model.errors import ControlError

pytestmark = pytest.mark.slow
FULL = Path("/dev/full")


def run(*words: str, stdout=subprocess.PIPE, **environment: str) -> tuple[int, str]:
    """Run a command as a user would, and return its status and what it says on standard error."""
    command = [sys.executable, "-m", "extproc", *words]
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, env=os.environ | environment, check=False, timeout=60
    )
    return done.returncode, done.stderr.decode()


def says(words: list[str], *parts: str, stdout=subprocess.PIPE) -> None:
    status, text = run(*words, stdout=stdout)
    assert status == 1, text
    assert "Traceback" not in text
    assert text.startswith("error: ")
    for part in parts:
        assert part in text


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["config", "schema"], ["policy", "schema", "input"]])
def test_a_full_disk_is_named(words):
    with FULL.open("wb") as full:
        says(words, "No space left on device", "free some space", stdout=full)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    says(["approvals", "list", "--config", str(tmp_path)], str(tmp_path))


def test_a_file_that_this_user_may_not_read_is_named(tmp_path):
    if os.geteuid() != 0:
        (tmp_path / "extproc.yaml").write_text("version: 1\n")
        tmp_path.chmod(0)
        says(["approvals", "list", "--config", str(tmp_path / "extproc.yaml")], "Permission denied")
        tmp_path.chmod(0o700)
    else:  # root may read everything, so only the words are held
        error = PermissionError(errno.EACCES, "Permission denied", "/state/extproc.yaml")
        assert explain_error(error).startswith("/state/extproc.yaml: Permission denied\n  this user may not")


def test_a_socket_that_nothing_listens_on_is_named(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
    config = tmp_path / "extproc.yaml"
    config.write_text(f"""version: 1
state: {tmp_path}
identity: {{providers: {{corp: {{issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}}}}
connections:
  files: {{protocol: mcp, hosts: [f.test], upstream: {{address: "127.0.0.1:1"}}, tools: [a]}}
control: {{socket: {path}}}
""")
    says(["approvals", "list", "--config", str(config)], str(path), "extproc up")


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m extproc config schema | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=60)
    assert done.stderr == b""


def test_a_store_that_is_no_database_is_named():
    assert "doctor --only state" in explain_error(sqlite3.DatabaseError("file is not a database"))


def test_errors_of_the_guard_keep_their_words():
    assert explain_error(ControlError("it is gone", "start it")) == "it is gone\n  start it"


def test_an_error_without_a_file_has_no_empty_place():
    assert explain_error(OSError(errno.EIO, "Input/output error")) == "Input/output error"
