"""Checks of the storage on this machine: folder, disk, spools, approvals."""

import contextlib
import os
import shutil
import sqlite3
import time
from types import SimpleNamespace

import pytest

from extproc.doctor import check_storage
from extproc.evidence.spool.spool import Spool
from extproc.evidence.spool.watermark import write_mark
from extproc.model.entries import Entry, EntryKind
from extproc.pinning.pins import SeenDefinition
from extproc.pinning.sqlite_pins import SqlitePins
from tests.unit.doctor.installations import GOOD, doctor, installed, minutes_ago, only

STATE = ("--only", "state")


def spool(folder, *times_ns, size=10):
    """The spool of worker-0, with an entry for each time."""
    with contextlib.closing(Spool(folder / "state" / "spool", "worker-0")) as made:
        for at_ns in times_ns:
            made.record_relaxed(Entry(EntryKind.COMPLETED, "c", at_ns, arguments="x" * size))
        return made.writer


def test_a_folder_that_is_open_to_others_is_a_warning(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o755)
    one = only(doctor(file, *STATE), "state folder", "warning")
    assert "(mode 0755)" in one["what"]
    assert one["key"] == "state"


@pytest.mark.parametrize("which", ["state folder", "spool folder"])
def test_a_folder_that_cannot_be_written_to_is_a_problem(tmp_path, monkeypatch, which):
    file = installed(tmp_path, GOOD + f"evidence: {{spool: {tmp_path}/spools/deep}}\n")
    (tmp_path / "spools").mkdir()
    denied = tmp_path if which == "state folder" else tmp_path / "spools"
    really = os.access
    monkeypatch.setattr(check_storage.os, "access", lambda path, mode: path != denied and really(path, mode))
    assert f"{denied} cannot be written to" in only(doctor(file, *STATE, fails=1), which, "problem")["what"]


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (10 << 20, "problem", "10 MiB are free: soon"),
        (1 << 30, "warning", "1.0 GiB are free, but unshipped entries may take 3.0 GiB"),
        (3 << 30, "ok", "3.0 GiB are free"),
    ],
)
def test_room_is_held_against_what_spools_may_take(tmp_path, monkeypatch, free, level, words):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    found = doctor(installed(tmp_path), *STATE, fails=int(level == "problem"))
    assert only(found, "disk of the spools", level)["what"].startswith(words)


@pytest.mark.parametrize(("kind", "level"), [("nfs4", "problem"), ("tmpfs", "warning"), ("ext4", "")])
def test_a_disk_that_keeps_nothing_is_named(tmp_path, monkeypatch, kind, level):
    file = installed(tmp_path)
    monkeypatch.setattr(check_storage, "file_system", lambda _: kind)
    found = doctor(file, *STATE, fails=int(level == "problem"))["disk of the spools"]
    assert [kind in one["what"] for one in found if one["level"] == level] == ([True] if level else [])


def test_the_kind_of_a_disk_is_read_from_the_system(tmp_path):
    assert check_storage.file_system(tmp_path)
    assert check_storage.file_system(tmp_path / "nowhere") == ""


def test_a_disk_that_cannot_sync_is_a_problem_and_a_slow_one_a_warning(tmp_path, monkeypatch):
    file = installed(tmp_path)

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(check_storage.os, "fsync", full)
    assert "No space left" in only(doctor(file, *STATE, fails=1), "sync of the spools", "problem")["what"]
    monkeypatch.setattr(check_storage.os, "fsync", lambda _: time.sleep(0.02))
    monkeypatch.setattr(check_storage, "SLOW_SYNC_S", 0.01)
    assert "waits for one" in only(doctor(file, *STATE), "sync of the spools", "warning")["what"]
    assert list(tmp_path.glob(".doctor*")) == []


def test_shipped_spools_are_well_and_old_ones_that_wait_are_not(tmp_path):
    file = installed(tmp_path)
    writer = spool(tmp_path, minutes_ago(90), minutes_ago(1))
    found = doctor(file, *STATE)
    assert only(found, "spool worker-0", "warning")["what"].startswith("2 entries (")
    assert "the oldest has waited for 1:30:0" in only(found, "spool worker-0", "warning")["what"]
    write_mark(tmp_path / "state" / "spool" / "worker-0.spool", writer, 2)
    assert only(doctor(file, *STATE), "spool worker-0", "ok")["what"] == "all of its 2 entries are shipped"
    write_mark(tmp_path / "state" / "spool" / "worker-0.spool", writer, 3)
    assert "from 3 to 2" in only(doctor(file, *STATE, fails=1), "spool worker-0", "problem")["what"]


def test_a_spool_that_fills_up_is_a_warning_and_a_full_one_a_problem(tmp_path):
    file = installed(tmp_path, GOOD + "evidence: {max_spool: 1048576}\n")
    spool(tmp_path, *[time.time_ns()] * 6, size=100_000)
    assert "more than half full: 6 entries" in only(doctor(file, *STATE), "spool worker-0", "warning")["what"]
    spool(tmp_path, *[time.time_ns()] * 6, size=100_000)
    one = only(doctor(file, *STATE, fails=1), "spool worker-0", "problem")
    assert one["what"].startswith("full: 12 entries")
    assert one["key"] == "evidence.max_spool"


def test_entries_from_the_future_tell_of_a_clock_that_was_set_back(tmp_path):
    file = installed(tmp_path)
    spool(tmp_path, minutes_ago(-60))
    assert "clock was set back" in only(doctor(file, *STATE), "spool worker-0", "warning")["what"]


def test_a_broken_spool_and_a_broken_store_are_problems(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "state" / "spool").mkdir(mode=0o700, parents=True)
    (tmp_path / "state" / "spool" / "worker-1.spool").write_bytes(b"damaged " * 1000)
    (tmp_path / "state" / "approvals.db").write_bytes(b"damaged " * 1000)
    found = doctor(file, *STATE, fails=1)
    assert "cannot be read" in only(found, "spool worker-1", "problem")["what"]
    assert "move worker-1.spool aside" in only(found, "spool worker-1", "problem")["hint"]
    assert "approvals.store" in only(found, "approvals", "problem")["hint"]


def test_another_program_s_database_is_no_store(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "approvals.db")) as db:
        db.execute("CREATE TABLE t (x)")
    assert only(doctor(file, *STATE, fails=1), "approvals", "problem")


MCP = """version: 1
state: state
identity:
  providers:
    corp: {issuer: https://i.test, audiences: [a], jwks_file: jwks.json}
connections:
  docs:
    protocol: mcp
    hosts: [docs.test]
    upstream: {address: "127.0.0.1:9000"}
    tools: [search, read]
policy: {data: [data.yaml]}
"""


def seen(folder, *digests, name="search"):
    with contextlib.closing(SqlitePins(folder / "state" / "definitions.db")) as store:
        for at_ns, digest in enumerate(digests):
            store.saw("docs", (SeenDefinition(name, f"sha256:{digest}"),), at_ns, first_sight=True)


def test_tools_that_wait_for_people_are_a_warning(tmp_path):
    file = installed(tmp_path, MCP)
    assert "makes" in only(doctor(file, *STATE), "definitions", "ok")["what"]
    seen(tmp_path, 1)
    assert only(doctor(file, *STATE), "definitions", "ok")["what"] == "none of 1 tools has changed"
    seen(tmp_path, 1, 2)
    seen(tmp_path, 1, 2, name="gone\x1b[2J")
    one = only(doctor(file, *STATE), "definitions", "warning")
    assert one["what"] == r"nobody accepted the definition of docs.gone\u001b[2J, docs.search"
    assert "extproc tools diff" in one["hint"]


def test_a_damaged_store_of_definitions_is_a_problem(tmp_path):
    file = installed(tmp_path, MCP)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "definitions.db").write_bytes(b"damaged " * 1000)
    one = only(doctor(file, *STATE, fails=1), "definitions", "problem")
    assert "move this file aside" in one["hint"]
