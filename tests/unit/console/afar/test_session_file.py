"""The file with the sessions: private, whole, and changed by one command at a time."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from extproc.console.afar import session_file
from extproc.console.afar.session_file import FILE, LOCK, SessionFile, StoredSession, default_folder
from extproc.model.errors import ConfigError

SERVER = "https://approve.example.com"


def session(name="one"):
    return StoredSession(
        issuer="https://login.example.com",
        client_id="cli",
        token_endpoint="https://login.example.com/token",
        revocation_endpoint="",
        access_token=f"access-canary-{name}",
        refresh_token=f"refresh-canary-{name}",
        expires_s=1.0,
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "config" / "extproc"


@pytest.fixture
def stored(folder):
    file = SessionFile(folder)
    with file.changing() as sessions:
        sessions[SERVER] = session()
    return file


def test_what_is_stored_is_read_and_nobody_else_can(stored, folder):
    assert stored.read() == {SERVER: session()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert sorted(each.name for each in folder.iterdir()) == [FILE, LOCK]


def test_a_wide_umask_changes_nothing_of_that(folder):
    before = os.umask(0)
    try:
        with SessionFile(folder).changing() as sessions:
            sessions[SERVER] = session()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in (folder, *folder.iterdir())} == {0}


def test_without_a_file_there_is_no_session(folder):
    assert SessionFile(folder).read() == {}
    folder.mkdir(parents=True, mode=0o700)
    assert SessionFile(folder).read() == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o602])
def test_a_file_that_others_can_open_is_refused(stored, folder, mode):
    """Its tokens are no secret any more, or are not ours."""
    (folder / FILE).chmod(mode)
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        stored.read()
    with pytest.raises(ConfigError, match="can be read by others"), stored.changing():
        pytest.fail("it was given")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o770, 0o777])
def test_a_folder_that_others_can_open_is_refused(stored, folder, mode):
    folder.chmod(mode)
    with pytest.raises(ConfigError, match="is open to others"):
        stored.read()
    with pytest.raises(ConfigError, match="is open to others"), stored.changing():
        pytest.fail("it was given")


def test_a_link_in_the_place_of_the_file_is_refused(stored, folder, tmp_path):
    """Somebody could have put it there, to have us write or read elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text((folder / FILE).read_text())
    elsewhere.chmod(0o600)
    (folder / FILE).unlink()
    (folder / FILE).symlink_to(elsewhere)
    with pytest.raises(ConfigError, match="cannot be opened"):
        stored.read()


def test_a_link_in_the_place_of_the_folder_is_refused(stored, folder, tmp_path):
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    with pytest.raises(ConfigError, match="is no folder, or a link"):
        stored.read()


def test_a_link_in_the_place_of_the_lock_is_refused(stored, folder, tmp_path):
    (folder / LOCK).unlink()
    (folder / LOCK).symlink_to(tmp_path / "made-by-us")
    with pytest.raises(ConfigError, match="cannot be opened"), stored.changing():
        pytest.fail("it was given")
    assert not (tmp_path / "made-by-us").exists()


def test_a_second_name_of_the_file_is_refused(stored, folder, tmp_path):
    os.link(folder / FILE, tmp_path / "second")
    with pytest.raises(ConfigError, match="is no file of its own"):
        stored.read()


def test_a_pipe_in_the_place_of_the_file_is_refused_at_once(stored, folder):
    (folder / FILE).unlink()
    os.mkfifo(folder / FILE, 0o600)
    with pytest.raises(ConfigError, match="is no file of its own"):
        stored.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [FILE, ""])
def test_a_file_of_another_user_is_refused(stored, folder, name):
    os.chown(folder / name, 65_534, 65_534)
    with pytest.raises(ConfigError, match="others"):
        stored.read()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"sessions": []}',
        '{"sessions": {"a": {}}}',
        "[" * 100_000,
        '{"sessions": {"a": 1}}',
    ],
)
def test_a_damaged_file_is_named_and_nothing_of_it_repeated(stored, folder, text):
    (folder / FILE).write_text(text)
    with pytest.raises(ConfigError, match="does not hold sessions"):
        stored.read()


def test_a_huge_file_is_not_read_whole(stored, folder):
    with (folder / FILE).open("r+b") as opened:
        opened.truncate(1 << 40)
    with pytest.raises(ConfigError, match="does not hold sessions"):
        stored.read()


def test_an_error_in_the_block_stores_nothing(stored):
    def change():
        with stored.changing() as sessions:
            sessions.clear()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert stored.read() == {SERVER: session()}


def test_a_write_that_fails_leaves_the_old_file_whole(stored, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"), stored.changing() as sessions:
        sessions[SERVER] = session("two")
    assert stored.read() == {SERVER: session()}
    assert sorted(each.name for each in folder.iterdir()) == [FILE, LOCK]


ADD = """
import sys
from pathlib import Path
from extproc.console.afar.session_file import SessionFile
from tests.unit.console.afar.test_session_file import session
for number in range(20):
    with SessionFile(Path(sys.argv[1])).changing() as sessions:
        sessions[f"https://{sys.argv[2]}-{number}"] = session()
"""


def test_two_commands_at_once_lose_nothing(folder):
    """Each reads what the other has written."""
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", ADD, str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))}
    running = [subprocess.Popen([*command, name], env=environment) for name in ("a", "b")]
    assert [each.wait(60) for each in running] == [0, 0]
    assert len(SessionFile(folder).read()) == 40


def test_a_lock_that_another_command_keeps_is_an_error_in_time(stored, monkeypatch):
    monkeypatch.setattr(session_file, "LOCK_S", 0.1)
    with stored.changing(), pytest.raises(ConfigError, match=r"keeps .* locked"), stored.changing():
        pytest.fail("it was given")


def test_a_session_shows_no_token():
    assert "canary" not in repr(session())


def test_the_folder_follows_the_base_directory_specification(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder({"XDG_CONFIG_HOME": "/somewhere"}) == Path("/somewhere/extproc")
    assert default_folder({}) == tmp_path / ".config" / "extproc"
    assert default_folder({"XDG_CONFIG_HOME": "relative"}) == tmp_path / ".config" / "extproc"


def test_the_file_is_json_for_people_to_look_at(stored, folder):
    assert json.loads((folder / FILE).read_text())["version"] == 1
