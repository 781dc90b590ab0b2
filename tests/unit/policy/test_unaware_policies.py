"""A policy that knows nothing of this guard does not open on a body that cannot be read: both engines, both doors.

One policy is written for opa-envoy-plugin and denies ``role: admin``; the other allows everything. Neither is asked
about a request that cannot be read.
"""

import asyncio
import subprocess
from dataclasses import replace

import pytest
import pytest_asyncio

from extproc.assembly.make_engine import make_engine
from extproc.config.schema import Settings
from extproc.flow.check import check
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine
from extproc.wire.ext_authz import CheckAsked
from tests.integration.support.shop import Item, framed
from tests.integration.support.shop import settings as shop
from tests.unit.flow.dialogue import SETTINGS, MemoryRecorder, answers, asks, make_services, play, sends
from tests.unit.policy.dodges import CRM, DODGES, FORMS, GRPC, READABLE

SOON_S = 30.0
STREAM = GRPC | {"path": GRPC["path"].replace("GetItem", "AddItems")}
ADMINS = framed(Item(role="guest"), Item(role="admin"))
POLICIES = {
    "denies-admins": """package denies.admins
default allow := true
allow := false if input.parsed_body.role == "admin"
allow := false if input.parsed_body.role[_] == "admin"
allow := false if input.parsed_body.params.arguments.role == "admin"
""",
    "allows-all": "package allows.all\nallow := true\n",
}
REFUSED = [(head, body) for _, head, body in DODGES]


def query(name):
    return f"data.{name.replace('-', '.')}.allow"


def embedded(name):
    return EmbeddedEngine.from_sources(Sources((Module("p.rego", POLICIES[name]),), {}, query(name)))


@pytest.fixture(scope="module")
def opa_address(opa_binary, tmp_path_factory):
    """An OPA server with both policies."""
    folder = tmp_path_factory.mktemp("opa")
    for name, text in POLICIES.items():
        (folder / f"{name}.rego").write_text(text)
    command = [opa_binary, "run", "--server", "--addr", f"unix://{folder}/s", "--log-level", "error", folder]
    with subprocess.Popen(command) as server:
        yield f"unix:{folder}/s"
        server.terminate()


@pytest_asyncio.fixture
async def engine(request, kind, name):
    """A policy in an engine, as a configuration without ``policy.uninspectable`` makes it."""
    if kind == "embedded":
        yield embedded(name)
        return
    policy = {"engine": "opa", "query": query(name), "opa": {"address": request.getfixturevalue("opa_address")}}
    made = make_engine(Settings.model_validate(SETTINGS | {"policy": policy}))
    assert made.is_remote
    async with asyncio.timeout(SOON_S):
        while not await made.healthy():
            await asyncio.sleep(0.05)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A guard without masks, which would refuse some of these calls for a reason of their own."""
    folder = tmp_path_factory.mktemp("guard")
    plain = {f"connections.{name}.masking": {"response": []} for name in ("crm", "docs")}
    return make_services(folder, changes=plain | {"connections.shop": shop(folder, masking={"response": []})})


@pytest.fixture
def guard(base, engine):
    return replace(base, engine=engine, recorder=MemoryRecorder())


async def through_ext_proc(guard, head, body):
    """The entries that a call leaves, whose response is empty if it has one."""
    await play(guard, asks(**head), *([sends(body)] if head.get("end") is not True else []), answers(end=True))
    return guard.recorder


async def through_ext_authz(guard, head, body):
    opened = asks(**head)
    await check(CheckAsked(opened.head, body, False, opened.metadata), guard)
    return guard.recorder


pytestmark = [
    pytest.mark.parametrize("kind", ["embedded", "opa"]),
    pytest.mark.parametrize("enter", [through_ext_proc, through_ext_authz], ids=["ext_proc", "ext_authz"]),
]
named = pytest.mark.parametrize("name", POLICIES)


@named
@pytest.mark.parametrize(("head", "body"), REFUSED)
async def test_what_cannot_be_read_is_refused_before_policy_is_asked(guard, enter, head, body):
    recorder = await enter(guard, head, body)
    assert recorder.kinds == ["call.denied"]
    entry = recorder.last
    assert (entry.reason, entry.rule, entry.action) == ("uninspectable", "policy.uninspectable", "")
    assert entry.uninspectable != ""


@pytest.mark.parametrize("name", ["denies-admins"])
@pytest.mark.parametrize(("head", "body"), [each for each in READABLE if each[0] is not GRPC])
async def test_what_can_be_read_is_decided(guard, enter, head, body):
    recorder = await enter(guard, head, body)
    assert (recorder.kinds, recorder.last.reason) == (["call.denied"], "policy-denied")
    assert (await enter(guard, head, body.replace(b"admin", b"guest"))).kinds[-1] == "call.completed"


@named
@pytest.mark.parametrize(("head", "body"), FORMS)
async def test_a_form_is_decided_by_a_policy_that_is_known_to_see_it(guard, enter, *, kind, name, head, body):
    recorder = await enter(guard, head, body)
    seen = (kind, name) == ("embedded", "denies-admins")
    assert recorder.kinds == ["call.denied"]
    assert recorder.last.reason == ("policy-denied" if seen else "uninspectable")
    assert recorder.last.rule == ("" if seen else "policy.uninspectable")


@named
async def test_messages_that_parsed_body_lacks_are_not_taken_for_none(guard, enter, kind, name):
    """A policy that reads no body at all has nothing to miss; of one in OPA that is not known."""
    recorder = await enter(guard, STREAM, ADMINS)
    blind = (kind, name) == ("embedded", "allows-all")
    assert recorder.last.reason == ("policy-allowed" if blind else "uninspectable")


@pytest.mark.parametrize("name", ["denies-admins"])
async def test_dry_run_softens_nothing_of_it(guard, enter):
    recorder = await enter(replace(guard, dry_run=True), CRM, b'{"role":"admin",}')
    assert (recorder.kinds, recorder.last.reason) == (["call.denied"], "uninspectable")
