"""A rule that denies by an argument is not gone around by a body that cannot be read: one attempt of each kind.

The policy denies ``role: admin`` and allows everything else; it says nothing of what cannot be inspected but by the
starter policies' first line.
"""

import pytest

from extproc.model.reasons import Uninspectable
from extproc.policy.bundle.policy_files import read_sources
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from tests.integration.support.shop import settings as shop
from tests.unit.flow.dialogue import asks, make_services, play, sends
from tests.unit.policy.dodges import DODGES, FORMS, READABLE

NEVER_MADE = {Uninspectable.STREAMED}
"""Trailers are refused before policy is asked; only responses stream."""
GUARD = {
    "roles": {"*": {"functions": ["*"]}},
    "arguments": [
        {"rule": "no-admins", "functions": ["*"], "path": ["role"], "one_of": ["guest"], "optional": True}
    ],
}


@pytest.fixture(scope="module")
def guard(tmp_path_factory):
    """A guard that decides by the starter policies."""
    sources = read_sources([], [], "data.extproc.decision")
    engine = EmbeddedEngine.from_sources(Sources(sources.modules, {"guard": GUARD}, sources.query))
    folder = tmp_path_factory.mktemp("guard")
    return make_services(folder, engine=engine, changes={"connections.shop": shop(folder)})


async def played(guard, head, body):
    """The one entry of a call that is refused."""
    guard.recorder.entries.clear()
    peer = await play(guard, asks(**head), sends(body))
    assert len(peer.refusals) == 1
    assert guard.recorder.kinds == ["call.denied"]
    return guard.recorder.last


@pytest.mark.parametrize(("why", "head", "body"), DODGES)
async def test_what_cannot_be_read_is_denied_by_its_name(guard, why, head, body):
    entry = await played(guard, head, body)
    assert (entry.reason, entry.rule, entry.uninspectable) == ("uninspectable", "uninspectable", why.value)


@pytest.mark.parametrize(("head", "body"), FORMS)
async def test_a_form_is_denied_although_its_fields_can_be_read(guard, head, body):
    entry = await played(guard, head, body)
    assert (entry.rule, entry.uninspectable) == ("uninspectable", "content-type")


@pytest.mark.parametrize(("head", "body"), READABLE)
async def test_what_can_be_read_is_denied_by_the_rule(guard, head, body):
    assert (await played(guard, head, body)).rule == "no-admins"


def test_each_kind_is_tried():
    assert {why for why, _, _ in DODGES} | NEVER_MADE == set(Uninspectable)
