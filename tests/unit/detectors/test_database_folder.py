"""The folder of compiled databases: only what this user stored, whole and unchanged, is taken from it."""

import os

import pytest

from extproc.detectors.database_folder import FILES_MOST, FOLDER, DatabaseFolder, usual_folder


@pytest.fixture
def folder(tmp_path):
    return DatabaseFolder(tmp_path / "patterns")


def test_what_was_stored_comes_back(folder, tmp_path):
    assert folder.load("a") is None
    folder.store("a", b"database")
    assert folder.load("a") == b"database"
    assert folder.load("b") is None
    assert DatabaseFolder(tmp_path / "patterns").load("a") == b"database"


def test_a_changed_file_is_not_taken(folder, tmp_path):
    folder.store("a", b"database")
    (file,) = (tmp_path / "patterns").iterdir()
    content = file.read_bytes()
    for changed in (content[:-1], content[:-1] + b"x", b"", content[:10]):
        file.write_bytes(changed)
        assert folder.load("a") is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(folder, tmp_path, mode):
    folder.store("a", b"database")
    (tmp_path / "patterns").chmod(mode)
    assert folder.load("a") is None
    folder.store("b", b"database")
    (tmp_path / "patterns").chmod(0o700)
    assert folder.load("b") is None


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folder = DatabaseFolder(tmp_path / "link")
    folder.store("a", b"database")
    assert folder.load("a") is None


def test_a_folder_of_somebody_else_is_not_used(folder, monkeypatch):
    folder.store("a", b"database")
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    assert folder.load("a") is None


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path):
    (tmp_path / "file").write_text("")
    folder = DatabaseFolder(tmp_path / "file" / "patterns")
    folder.store("a", b"database")
    assert folder.load("a") is None


def test_old_files_are_forgotten(folder, tmp_path):
    for number in range(FILES_MOST + 20):
        folder.store(str(number), b"")
    assert len(list((tmp_path / "patterns").iterdir())) <= FILES_MOST + 1


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({FOLDER: "/x/patterns", "HOME": "/home/a"}, "/x/patterns"),
        ({FOLDER: "", "HOME": "/home/a"}, None),
        ({"XDG_CACHE_HOME": "/c", "HOME": "/home/a"}, "/c/extproc/patterns"),
        ({"HOME": "/home/a"}, "/home/a/.cache/extproc/patterns"),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_the_usual_folder(monkeypatch, environment, wanted):
    for name in (FOLDER, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    folder = usual_folder()
    assert (folder and str(folder.folder)) == wanted
