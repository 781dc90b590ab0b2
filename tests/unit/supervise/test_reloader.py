"""A change of the configuration is prepared everywhere, and then happens everywhere or nowhere."""

import asyncio
import time
from pathlib import Path

import pytest

from extproc.config.load import load_settings
from extproc.config.snapshot import SnapshotInForce, Snapshots
from extproc.model.errors import ConfigError
from extproc.supervise import reloader as reloading
from extproc.supervise.children import make_discovery
from extproc.supervise.envoy_live import EnvoyRefusedError
from extproc.supervise.line import LineClosedError, RefusedError, SilentError
from extproc.supervise.reloader import Reloader
from extproc.supervise.supervisor import Child
from tests.unit.doctor.installations import installed


class Process:
    """A process that can be killed."""

    returncode = None

    def kill(self):
        self.returncode = -9


class ScriptedLine:
    """Answers as a child would, fails where it is told to, and remembers the questions."""

    def __init__(self):
        self.asked, self.faults, self.waits = [], {}, {}

    async def ask(self, do, within_s, **more):
        self.asked.append(do)
        await asyncio.sleep(0)
        if do in self.waits:
            await self.waits[do].wait()
        if do in self.faults:
            raise self.faults[do]
        return {"ok": True}


class ScriptedEnvoy:
    """Takes each change, or refuses the next one."""

    def __init__(self):
        self.shown, self.fault = [], None

    async def change(self, discovery):
        fault, self.fault = self.fault, None
        if fault:
            raise fault
        self.shown.append(discovery)


class Stage:
    """An installation of scripted processes, with real snapshots."""

    def __init__(self, folder: Path) -> None:
        self.file = installed(folder)
        self.snapshots = Snapshots(load_settings(self.file).state)
        self.first = self.snapshots.take(self.file)
        self.snapshots.put_in_force(SnapshotInForce(self.first.digest, str(self.file), 0))
        names = ("control", "worker-0", "worker-1", "envoy")
        self.children = [Child(name, ["old"], None, has_line=name != "envoy") for name in names]
        for child in self.children[:3]:
            child.process, child.line = Process(), ScriptedLine()
        self.envoy = ScriptedEnvoy()
        discovery = make_discovery(self.first.settings)
        self.reloader = Reloader(self.first, self.file, self.children, discovery, self.envoy)

    def edit(self, old: str, new: str) -> None:
        self.file.write_text(self.file.read_text().replace(old, new))

    def asked(self) -> set[tuple[str, ...]]:
        """What each process was asked, but for the end of the old configuration."""
        return {
            tuple(each for each in child.line.asked if each not in ("settle", "settled")) for child in self.lines()
        }

    def lines(self):
        return [child for child in self.children if child.line]

    def unchanged(self) -> bool:
        return (
            self.reloader.configuration == self.first
            and self.snapshots.in_force().digest == self.first.digest
            and all(child.process.returncode is None for child in self.lines())
        )


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setattr(reloading, "validate", lambda *_: None)
    monkeypatch.setattr(reloading, "SETTLE_AFTER_S", 0.0)
    return Stage(tmp_path)


async def test_all_prepare_before_one_commits(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    changed = await stage.reloader.reload()
    assert changed.keys == (("connections", "crm"),)
    assert stage.asked() == {("prepare", "commit")}
    assert stage.snapshots.in_force().digest == changed.digest == stage.reloader.configuration.digest
    assert all(str(stage.snapshots.path(changed.digest)) in child.argv for child in stage.lines())
    await asyncio.sleep(0.05)
    with_old, without = stage.envoy.shown
    assert len(with_old.resources["clusters.json"]) == len(without.resources["clusters.json"]) + 1
    assert not stage.first.file.exists()


async def test_the_same_configuration_changes_nothing(stage):
    stage.edit("version: 1", "version: 1  # a comment")
    assert (await stage.reloader.reload()).keys is None
    assert stage.asked() == {()}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version: 1", "version: 2", r"extproc\.yaml:\d+"),
        ("policy:", "workers: 3\npolicy:", "workers cannot change"),
        ("policy: {", "masking: {detectors: {BADGE: {pattern: '.*'}}}\npolicy: {", "BADGE"),
    ],
)
async def test_a_file_that_cannot_be_used_asks_no_process(stage, old, new, words):
    stage.edit(old, new)
    with pytest.raises(ConfigError, match=words):
        await stage.reloader.reload()
    assert stage.asked() == {()}
    assert stage.unchanged()
    assert [each.name for each in stage.first.file.parent.glob("*.yaml")] == [stage.first.file.name]


async def test_one_refusal_makes_all_forget_it(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    stage.children[2].line.faults["prepare"] = RefusedError("no memory")
    with pytest.raises(ConfigError, match="worker-1: no memory"):
        await stage.reloader.reload()
    assert stage.asked() == {("prepare", "discard")}
    assert stage.unchanged()
    assert stage.envoy.shown in ([], [stage.reloader.configuration])


async def test_a_process_that_hangs_refuses_it(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    stage.children[2].line.faults["prepare"] = SilentError("it did not answer within 120 s")
    with pytest.raises(ConfigError, match="worker-1: it did not answer"):
        await stage.reloader.reload()
    assert stage.unchanged()


async def test_a_process_that_died_while_preparing_starts_with_what_is_in_force(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    stage.children[1].line.faults["prepare"] = LineClosedError("it has ended")
    changed = await stage.reloader.reload()
    assert str(stage.snapshots.path(changed.digest)) in stage.children[1].argv


@pytest.mark.parametrize("fault", [LineClosedError("it did not answer"), RefusedError("nothing is prepared")])
async def test_a_process_that_does_not_commit_is_killed(stage, fault):
    """It may have been started with the old configuration in the moment of the change."""
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    stage.children[1].line.faults["commit"] = fault
    await stage.reloader.reload()
    assert [child.process.returncode for child in stage.lines()] == [None, -9, None]


async def test_what_cannot_be_stored_is_in_force_nowhere(stage, monkeypatch):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")

    def full(*_):
        raise ConfigError("the configuration cannot be stored: No space left on device")

    monkeypatch.setattr(Snapshots, "put_in_force", full)
    with pytest.raises(ConfigError, match="No space left"):
        await stage.reloader.reload()
    assert stage.asked() == {("prepare", "discard")}
    assert stage.reloader.configuration == stage.first


@pytest.mark.parametrize("fault", [EnvoyRefusedError("Envoy refused routes.json"), OSError(28, "No space left")])
async def test_what_envoy_does_not_take_is_taken_back(stage, fault):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    stage.envoy.fault = fault
    with pytest.raises(ConfigError, match="nothing was changed"):
        await stage.reloader.reload()
    assert stage.asked() == {("prepare", "commit", "revert")}
    assert stage.unchanged()
    assert all("old" not in child.argv for child in stage.lines())
    assert (
        stage.envoy.shown[0].resources["routes.json"]
        == make_discovery(stage.first.settings).resources["routes.json"]
    )


async def test_two_reloads_at_once_happen_one_after_the_other(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    both = await asyncio.gather(stage.reloader.reload(), stage.reloader.reload())
    assert sorted(each.keys is None for each in both) == [False, True]


async def test_the_end_of_the_last_configuration_keeps_the_snapshot_of_the_next(stage, monkeypatch):
    """It comes while the next file is checked, whose snapshot is taken and not yet in force."""
    loop, is_taken = asyncio.get_running_loop(), asyncio.Event()
    stage.children[0].line.waits["settled"] = is_taken

    def validate(*_):
        loop.call_soon_threadsafe(is_taken.set)
        time.sleep(0.3)

    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    await stage.reloader.reload()
    monkeypatch.setattr(reloading, "validate", validate)
    stage.edit("127.0.0.1:9001", "127.0.0.1:9002")
    changed = await stage.reloader.reload()
    assert stage.snapshots.path(changed.digest).exists()
    await asyncio.sleep(0.05)
    assert [each.name for each in stage.first.file.parent.glob("*.yaml")] == [f"{changed.digest}.yaml"]


async def test_nothing_changes_while_the_installation_stops(stage):
    stage.edit("127.0.0.1:9000", "127.0.0.1:9001")
    await stage.reloader.stop()
    with pytest.raises(ConfigError, match="is stopping"):
        await stage.reloader.reload()
    assert stage.unchanged()


async def test_a_variable_that_envoy_knows_cannot_become_a_credential(stage, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", "canary-credential")
    stage.edit("credential: {file: credential}", "credential: {env: CRM_TOKEN}")
    with pytest.raises(ConfigError, match="CRM_TOKEN") as refused:
        await stage.reloader.reload()
    assert "canary" not in str(refused.value)
    assert stage.unchanged()
