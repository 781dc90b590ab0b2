"""A stream tells what changed for its visitor, and ends with the session."""

import asyncio
import json

import pytest

from extproc.console.pages import live_events as module
from extproc.console.pages.live_events import live_events
from extproc.console.pages.open_streams import OpenStreams, TooManyStreams
from extproc.console.pages.queue_watcher import QueueWatcher
from extproc.console.sign_in.session import Session
from extproc.model.identity import Identity
from tests.unit.console.pages.page_samples import approval, numbered, vote
from tests.unit.console.pages.test_queue_watcher import Store

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "CHECK_S", 0.02)
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.06)


def ids(_by, snapshot):
    found = [each.request.approval_id for each in snapshot.pending]
    return ",".join(found), {"ids": found}


class Visit:
    signed_in, in_force = True, True
    groups = ("sre",)

    def session(self):
        identity = Identity("https://idp.example", "bob", self.groups)
        return Session(identity, frozenset(), "bob", "csrf", "a", "console 10.0.0.7", False, 0, 1)


def stream(store, streams, session="a", *, view=ids, visit=None, seen=""):
    visit = visit or Visit()
    return live_events(
        QueueWatcher(store, look_s=0.01),
        streams.opened(session),
        name="queue",
        approval_id="",
        view=view,
        seen=seen,
        who=lambda: visit.session() if visit.signed_in else None,
        is_in_force=lambda: visit.in_force,
    )


async def until(lines, beginning):
    async with asyncio.timeout(5):
        async for line in lines:
            if line.startswith(beginning):
                return json.loads(line.partition("data: ")[2] or "null")
    raise AssertionError("the stream ended")


async def test_it_begins_with_what_is_there_and_tells_changes():
    store = Store(approval())
    lines = stream(store, OpenStreams())
    assert await until(lines, "event: queue") == {"ids": [numbered(1)]}
    store.pending.append(approval(approval_id=numbered(2)))
    assert await until(lines, "event: queue") == {"ids": [numbered(1), numbered(2)]}
    await lines.aclose()


async def test_what_changed_for_others_is_not_told():
    store = Store(approval())
    lines = stream(store, OpenStreams(), view=lambda *_: ("same", {}))
    await until(lines, "event: queue")
    store.pending.append(approval(approval_id=numbered(2)))
    assert await until(lines, ": still here") is None
    await lines.aclose()


async def test_a_page_that_has_seen_it_is_not_told_again():
    store = Store(approval())
    lines = stream(store, OpenStreams(), seen=numbered(1))
    assert await until(lines, ": still here") is None
    store.pending.append(approval(approval_id=numbered(2)))
    assert await until(lines, "event: queue") == {"ids": [numbered(1), numbered(2)]}
    await lines.aclose()


async def test_what_was_seen_does_not_depend_on_order_and_changes_with_votes():
    one, two = approval(), approval(approval_id=numbered(2))
    assert module.queue_seen([one, two]) == module.queue_seen([two, one])
    assert module.queue_seen([one]) != module.queue_seen([approval(votes=[vote()])])
    voted = approval(votes=[vote()])
    assert len({module.request_seen(each) for each in (one, voted, approval(votes=[vote(withdrawn_ns=1)]))}) == 3


async def test_it_ends_with_the_session():
    visit = Visit()
    lines = stream(Store(), OpenStreams(), view=lambda *_: None, visit=visit)
    await anext(lines)
    visit.signed_in = False
    assert await until(lines, "event: ended") == {}
    assert [line async for line in lines] == []


async def test_who_loses_a_group_sees_its_requests_no_more():
    def view(by, snapshot):
        return ids(by, snapshot) if "sre" in by.identity.groups else ("none", {"ids": []})

    visit = Visit()
    lines = stream(Store(approval()), OpenStreams(), view=view, visit=visit)
    assert await until(lines, "event: queue") == {"ids": [numbered(1)]}
    visit.groups = ("dba",)
    assert await until(lines, "event: queue") == {"ids": []}
    await lines.aclose()


async def test_it_ends_when_another_configuration_is_in_force_and_the_browser_comes_again():
    visit = Visit()
    lines = stream(Store(), OpenStreams(), view=lambda *_: None, visit=visit)
    await anext(lines)
    visit.in_force = False
    assert [line async for line in lines] == []


async def test_a_further_page_of_a_session_ends_the_oldest():
    streams = OpenStreams(of_session=2)
    first, second, third = (stream(Store(), streams) for _ in range(3))
    await anext(first)
    await anext(second)
    await anext(third)
    assert await until(first, "event: replaced") == {}
    assert [line async for line in first] == []
    await second.aclose()
    await third.aclose()


async def test_there_are_only_so_many_streams():
    streams = OpenStreams(most=2)
    opened = [stream(Store(), streams, session) for session in "ab"]
    for each in opened:
        await anext(each)
    with pytest.raises(TooManyStreams):
        streams.opened("c")
    await opened[0].aclose()
    streams.opened("c")
    await opened[1].aclose()


async def test_an_event_is_one_line_whatever_it_says():
    assert module.event("queue", {"html": "a\nb\r\n\ndata: c"}).count("\n") == 3
