"""Each part of a state folder has one owner at a time, whoever dies."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from extproc.config.owner_lock import owned, owner_of
from extproc.model.errors import ConfigError

HOLD = (
    "import sys, time; from pathlib import Path; from extproc.config.owner_lock import owned\n"
    "with owned(Path(sys.argv[1]), sys.argv[2]): print('owned', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that owns the folder as a whole."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), "up"], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"owned\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_owner_is_refused_with_the_first_ones_process_id(tmp_path, holder):
    assert owner_of(tmp_path, "up") == holder.pid
    with (
        pytest.raises(ConfigError, match=rf"used by `extproc up` \(process {holder.pid}\)"),
        owned(tmp_path, "up"),
    ):
        pytest.fail("owned twice")
    assert owner_of(tmp_path, "up") == holder.pid


def test_a_killed_owner_stops_nobody(tmp_path, holder):
    """The file with its process id stays, and means nothing."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "up.lock").read_text() == f"{holder.pid}\n"
    assert owner_of(tmp_path, "up") is None
    with owned(tmp_path, "up"):
        assert (tmp_path / "up.lock").read_text() == f"{os.getpid()}\n"


def test_other_parts_are_free(tmp_path, holder):
    with owned(tmp_path, "worker-0"), owned(tmp_path, "control"):
        for part in ("worker-0", "control"):
            with pytest.raises(ConfigError, match=f"another process as {part}"), owned(tmp_path, part):
                pytest.fail("owned twice")
    assert owner_of(tmp_path, "worker-0") is None


def test_a_part_without_an_owner_has_no_file_made(tmp_path):
    assert owner_of(tmp_path, "worker-3") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_locks_is_an_error(tmp_path, monkeypatch, number):
    """A network's, for example: nobody may believe to be alone there."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigError, match="cannot lock"), owned(tmp_path, "up"):
        pytest.fail("owned without a lock")
    (tmp_path / "up.lock").touch()
    with pytest.raises(ConfigError, match="cannot lock"):
        owner_of(tmp_path, "up")


def test_a_full_disk_is_an_error_that_leaves_the_part_free(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(ConfigError, match="No space left"), owned(tmp_path, "up"):
            pytest.fail("owned without an id")
    with owned(tmp_path, "up"):
        pass


def test_a_folder_of_another_user_is_an_error(tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "up.lock").mkdir()
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot lock"), owned(tmp_path, "up"):
        pytest.fail("owned")
