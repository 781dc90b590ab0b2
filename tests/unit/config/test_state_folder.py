"""What is in the state folder is nobody else's."""

import os
import stat

import pytest
import structlog

from extproc.config.state_folder import keep_private
from extproc.model.errors import ConfigError


def mode(folder):
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.mark.parametrize("before", [0o755, 0o777, 0o750, 0o701])
def test_a_folder_that_is_open_to_others_is_closed_and_logged(tmp_path, before):
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(before)
    with structlog.testing.capture_logs() as logs:
        keep_private(folder)
    assert mode(folder) == 0o700
    assert [(log["log_level"], log["was"]) for log in logs] == [("warning", oct(before))]


def test_a_new_folder_is_private_and_a_private_one_stays_unchanged(tmp_path):
    for _ in range(2):
        with structlog.testing.capture_logs() as logs:
            keep_private(tmp_path / "a" / "state")
        assert mode(tmp_path / "a" / "state") == 0o700
        assert logs == []


def test_a_shared_folder_is_refused(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigError, match="open to others"):
        keep_private(tmp_path)
    assert mode(tmp_path) == 0o1777


@pytest.mark.parametrize(("before", "refused"), [(0o777, True), (0o755, True), (0o770, False)])
def test_a_folder_of_another_user_may_be_open_to_its_group_only(tmp_path, monkeypatch, before, refused):
    tmp_path.chmod(before)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    if refused:
        with pytest.raises(ConfigError):
            keep_private(tmp_path)
    else:
        keep_private(tmp_path)
    assert mode(tmp_path) == before
