"""Each call has one configuration; a switch happens between two messages; the former ends with its last call."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.assembly.engine_reports import EngineReports
from extproc.assembly.make_services import LatestServices
from extproc.config.configuration import Configuration
from extproc.flow.exchange import exchange
from extproc.model.call import Attributes
from extproc.policy.bundle.policy_status import PolicyStatus, read_statuses
from extproc.server.configurations import Configurations, Generation
from tests.unit.flow.dialogue import (
    ScriptedEngine,
    ScriptedPeer,
    answers,
    approve,
    asks,
    held,
    make_services,
    play,
    returns,
    sends,
)

HOLD = {"action": "hold", "reason": "high-risk", "rule": "two-eyes", "approval": {"groups": ["sre"], "min": 1}}
SSN = b'{"ssn":"219-09-9999"}'


class WatchedEngine(ScriptedEngine):
    """Remembers whether it is watched."""

    uses = 0

    @contextlib.asynccontextmanager
    async def watching(self):
        self.uses += 1
        try:
            yield
        finally:
            self.uses -= 1


class Stage:
    """A worker's configurations, made of real parts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.latest = folder, LatestServices()
        self.first = self.generation("first")
        self.all = Configurations(self.first, self.latest)

    def generation(self, digest: str, *, answer=None, **changes) -> Generation:
        engine = WatchedEngine(answer or {"action": "allow"})
        made = make_services(self.folder, engine=engine, changes=changes)
        services = replace(made, latest=self.latest)
        if hasattr(self, "first"):  # what a worker opens once
            kept = self.first.services
            services = replace(services, approvals=kept.approvals, waiter=kept.waiter, recorder=kept.recorder)
        reports = EngineReports(self.folder / "state", "worker-0", in_force=not hasattr(self, "first"))
        reports.publish(PolicyStatus("worker-0", "embedded", digest, "q", 0))
        return Generation(Configuration(None, digest, Path(digest)), None, services, reports)

    def switch(self, generation: Generation) -> None:
        self.all.prepare(generation)
        self.all.commit()

    def revision(self) -> str:
        [(status, _)] = read_statuses(self.folder / "state" / "policy")
        return status.revision


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


async def test_a_prepared_configuration_changes_nothing(stage):
    async with stage.all.watching():
        prepared = stage.generation("second")
        stage.all.prepare(prepared)
        with stage.all.call() as services:
            assert services is stage.first.services
        assert stage.revision() == "first"
        assert prepared.services.engine.uses == 0
        stage.all.discard()
        with pytest.raises(LookupError):
            stage.all.commit()


async def test_a_call_keeps_its_configuration_and_the_next_has_the_new_one(stage):
    async with stage.all.watching():
        second = stage.generation("second")
        with stage.all.call() as services:
            stage.switch(second)
            assert services is stage.first.services
            with stage.all.call() as next_one:
                assert next_one is second.services
            assert stage.all.running == 1
        assert stage.revision() == "second"
        assert stage.latest() is second.services
    assert (stage.first.services.engine.uses, second.services.engine.uses) == (0, 0)


async def test_the_former_ends_with_its_last_call(stage):
    """Its engine can be asked about a response until then."""
    async with stage.all.watching():
        await asyncio.sleep(0)
        with stage.all.call():
            stage.switch(stage.generation("second"))
            stage.all.settle()
            waiting = asyncio.create_task(stage.all.settled())
            await asyncio.sleep(0.01)
            assert not waiting.done()
            assert stage.first.services.engine.uses == 1
        await asyncio.wait_for(waiting, 10)
        assert stage.first.services.engine.uses == 0


async def test_a_revert_puts_the_former_in_force_again(stage):
    async with stage.all.watching():
        stage.switch(stage.generation("second"))
        stage.all.revert()
        stage.all.settle()
        with stage.all.call() as services:
            assert services is stage.first.services
        assert stage.revision() == "first"
        with pytest.raises(LookupError):
            stage.all.revert()


def routed(cluster: str):
    opened = asks()
    return replace(opened.head, attributes=Attributes(cluster=cluster))


async def test_a_call_on_a_former_route_is_served_by_the_former_configuration_until_it_is_settled(stage):
    """A credential must not go to the backend of the other configuration."""
    async with stage.all.watching():
        second = stage.generation("second", **{"connections.crm.upstream": {"address": "127.0.0.1:10"}})
        old, new = (each.services.hosts["crm.internal"].cluster for each in (stage.first, second))
        assert old != new
        stage.switch(second)
        for cluster, expected in (
            (old, stage.first),
            (new, second),
            ("", second),
            ("upstream-of-somebody", second),
        ):
            with stage.all.call(routed(cluster)) as services:
                assert services is expected.services
        stage.all.settle()
        with stage.all.call(routed(old)) as services:
            assert services is second.services
        peer = ScriptedPeer().say(replace(asks(), head=routed(old)))
        await exchange(peer, second.services)
        assert peer.refusal.reason == "route-mismatch"
        assert not peer.is_forwarded


async def test_a_host_that_is_gone_is_served_by_nobody_once_settled(stage):
    async with stage.all.watching():
        second = stage.generation("second", **{"connections.crm.hosts": ["other.internal"]})
        stage.switch(second)
        old = stage.first.services.hosts["crm.internal"].cluster
        with stage.all.call(routed(old)) as services:
            assert services is stage.first.services
        with stage.all.call(routed("")) as services:
            assert services is second.services
        stage.all.settle()
        with stage.all.call(routed(old)) as services:
            assert services is second.services


async def broken(stage):
    async with stage.all.watching():
        await asyncio.sleep(0)
        raise RuntimeError


async def test_a_worker_that_breaks_leaves_its_policy_to_the_next(stage):
    """Only a stop discards the copy of the last good policy."""
    with pytest.raises(RuntimeError):
        await broken(stage)
    assert stage.first.services.engine.uses == 0


# Held calls


async def release_under(stage, change):
    """Hold a call, change the configuration, approve; return the peer."""
    request = asks("POST", "/customers", content_type="application/json")
    old = stage.generation("old", answer=HOLD)
    stage.switch(old)
    task = asyncio.create_task(
        play(
            old.services, request, sends(SSN), answers(), returns(b'{"ssn":"219-09-9999","mail":"a@example.org"}')
        )
    )
    approval = await held(old.services)
    stage.switch(change)
    approve(old.services, approval)
    return await task


async def test_a_held_call_is_released_and_answered_under_the_configuration_in_force(stage):
    """Its masks apply to the request that goes, to the response and to the record."""
    new = stage.generation(
        "new",
        answer=HOLD,
        **{"connections.crm.masking": {"request": [{"path": "$.ssn"}], "response": [{"path": "$.mail"}]}},
    )
    peer = await release_under(stage, new)
    assert peer.upstream_body == b'{"ssn":"[REDACTED]"}'
    assert peer.delivered == b'{"ssn":"219-09-9999","mail":"[REDACTED]"}'
    assert len(new.services.engine.asked) == 1


@pytest.mark.parametrize(
    ("changes", "reason", "rule"),
    [
        ({"connections.crm.upstream": {"address": "127.0.0.1:10"}}, "approval-outdated", "approval.connection"),
        ({"connections.crm.hosts": ["other.internal"]}, "unknown-function", "hosts"),
        (
            {"connections.crm.functions": {"another": {"method": "POST", "path": "/customers"}}},
            "approval-outdated",
            "approval.call",
        ),
        ({"identity.providers.demo.issuer": "https://other.example"}, "unauthenticated", "jwt.expired-while-held"),
        ({"limits.json_depth": 4}, None, None),
    ],
    ids=["another backend", "no such host", "another function", "another issuer", "another limit"],
)
async def test_a_held_call_that_the_configuration_reads_otherwise_does_not_go(stage, changes, reason, rule):
    peer = await release_under(stage, stage.generation("new", answer=HOLD, **changes))
    assert peer.is_forwarded is (reason is None)
    if reason:
        assert peer.refusal.reason == reason
        assert stage.first.services.recorder.last.rule == rule


async def test_a_policy_of_the_new_configuration_decides_the_release(stage):
    deny = {"action": "deny", "reason": "outside-hours", "rule": "closed"}
    peer = await release_under(stage, stage.generation("new", answer=deny))
    assert not peer.is_forwarded
    assert peer.refusal.reason == "outside-hours"
