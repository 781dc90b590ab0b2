"""A copy of the policy in force is exactly that, or counts for nothing."""

import json
import os
import stat
from dataclasses import replace

import pytest

from extproc.policy.bundle.last_good import LastGoodPolicy, discard_all
from extproc.policy.bundle.policy_status import PolicyStatus, write_status
from extproc.policy.contract.policy_sources import Module, Sources

GOOD = Sources((Module("t.rego", "package t\n"), Module("p/u.rego", "package u\n", "u.rego")), {"a": [1.5, "é\ud800", 1 << 70]}, "data.t.x")  # fmt: skip
OTHER = replace(GOOD, query="data.t.y")
GONE = 2**22 + 1
"""No process has this number: the system's own limit is below."""


def say(folder, sources, process="worker-0", since_ns=1, pid=None):
    write_status(folder, PolicyStatus(process, "embedded", sources.revision, sources.query, since_ns))
    if pid:
        file = folder / f"{process}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"pid": pid}))


def kept(folder, sources=GOOD, process="worker-0", **status):
    say(folder, sources, process, **status)
    made = LastGoodPolicy(folder, process)
    made.save(sources)
    return made


def test_what_was_kept_is_read_again_by_whoever_comes_after(tmp_path):
    kept(tmp_path, since_ns=7, pid=GONE)
    assert LastGoodPolicy(tmp_path, "worker-0").load() == (GOOD, 7)


def test_nobody_else_can_read_it_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        kept(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "worker-0.kept").stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["worker-0.json", "worker-0.kept"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-9]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes().replace(b"1.5", b"1.6")),
        lambda file: file.write_bytes(b"[" * 100_000),
        lambda file: file.write_bytes(b'{"modules": [{"name": 1, "text": 2}], "tests": [], "data": {}, "query": 3}'),
        lambda file: file.write_bytes(OTHER.to_json()),
        lambda file: file.unlink(),
        lambda file: file.chmod(0o644),
        lambda file: file.chmod(0o620),
        lambda file: file.rename(file.with_name("else")).with_name(file.name).symlink_to("else"),
    ],
)  # fmt: skip
def test_what_is_not_that_exact_policy_does_not_count(tmp_path, harm):
    made = kept(tmp_path)
    assert made.load()
    harm(tmp_path / "worker-0.kept")
    assert made.load() is None


def test_without_a_word_on_what_was_in_force_nothing_counts(tmp_path):
    made = kept(tmp_path)
    (tmp_path / "worker-0.json").unlink()
    assert made.load() is None


def test_a_copy_that_is_older_than_what_was_in_force_does_not_count(tmp_path):
    made = kept(tmp_path)
    say(tmp_path, OTHER, since_ns=2)
    assert made.load() is None


def test_what_is_in_force_elsewhere_since_counts(tmp_path):
    made = kept(tmp_path, pid=GONE)
    kept(tmp_path, OTHER, "worker-1", since_ns=2)
    assert made.load() == (OTHER, 2)
    assert LastGoodPolicy(tmp_path, "worker-2").load() == (OTHER, 2)


def test_a_copy_of_the_same_policy_stands_in_for_one_that_is_torn(tmp_path):
    made = kept(tmp_path, pid=GONE)
    kept(tmp_path, process="worker-1")
    (tmp_path / "worker-0.kept").write_text("{")
    assert made.load() == (GOOD, 1)


def test_another_process_that_is_gone_does_not_count(tmp_path):
    kept(tmp_path, OTHER, "worker-1", since_ns=2, pid=GONE)
    assert LastGoodPolicy(tmp_path, "worker-0").load() is None


def test_a_stop_takes_it_away_and_nothing_brings_it_back(tmp_path):
    made = kept(tmp_path)
    made.discard()
    made.save(GOOD)  # a thread that was late
    assert not list(tmp_path.glob("*.kept"))
    made.discard()


def test_what_cannot_be_kept_takes_the_older_copy_along(tmp_path, monkeypatch):
    made = kept(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    made.save(OTHER)
    assert not list(tmp_path.glob("*.kept"))


def test_all_are_forgotten_where_nothing_runs(tmp_path):
    kept(tmp_path)
    kept(tmp_path, process="worker-1")
    (tmp_path / ".worker-1.kept").write_text("half")
    discard_all(tmp_path)
    discard_all(tmp_path / "nowhere")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["worker-0.json", "worker-1.json"]
