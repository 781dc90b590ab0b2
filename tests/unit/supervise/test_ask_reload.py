"""``extproc reload`` without an answer says what to do."""

import os
from contextlib import contextmanager

import pytest

from extproc.console.client import ControlClient
from extproc.model.errors import ControlError
from extproc.supervise.ask_reload import SOCKET, ask_reload

NOBODY = 65_534


@contextmanager
def as_another_user(folder):
    """Let this process open nothing in the folder: root becomes somebody else, others lose their access."""
    folder.mkdir(mode=0o700)
    if os.geteuid() != 0:
        folder.chmod(0)
        yield folder
        folder.chmod(0o700)
        return
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "ask",
    [
        lambda state: ask_reload(state, state / "extproc.yaml", within_s=1),
        lambda state: ControlClient(state / SOCKET).get("approvals"),
    ],
)
def test_a_state_folder_of_another_user_is_named(tmp_path, ask):
    with as_another_user(tmp_path / "state") as state, pytest.raises(ControlError) as caught:
        ask(state)
    assert str(caught.value) == f"{state / SOCKET}: Permission denied\n  Run this as the user that runs extproc."


def test_where_nothing_runs_a_changed_state_is_thought_of(tmp_path):
    with pytest.raises(ControlError) as caught:
        ask_reload(tmp_path, tmp_path / "extproc.yaml", within_s=1)
    assert f"no `extproc up` runs on the state folder {tmp_path}" in str(caught.value)
    assert "If `state` was changed in the file, it needs a restart" in str(caught.value)
