"""Held calls of functions that leave method or host open: approvers see both, and approve both."""

import asyncio

import pytest

from tests.unit.flow.dialogue import ScriptedEngine, answers, approve, asks, held, make_services, play

HOLD = {"action": "hold", "reason": "high-risk", "rule": "r", "approval": {"groups": ["sre"], "min": 1}}
WIDE = {
    "connections.crm.functions.all": {"method": "*", "path": "/**"},
    "connections.crm.hosts": ["crm.internal", "*.crm.internal"],
}


async def asked_for(tmp_path, method, path, host):
    """What approvers are shown of this call."""
    services = make_services(tmp_path, engine=ScriptedEngine(HOLD), changes=WIDE)
    task = asyncio.create_task(play(services, asks(method, path, host, end=True), answers(end=True)))
    request = await held(services)
    approve(services, request)
    assert (await task).is_forwarded
    assert services.recorder.last.function in ("crm.all", "crm.get_customer")
    return request


@pytest.mark.parametrize(
    ("method", "path", "host", "shown"),
    [
        ("DELETE", "/orders/1", "crm.internal", "crm.all (DELETE)"),
        ("PUT", "/orders/1", "A.crm.internal", "crm.all (PUT a.crm.internal)"),
        ("GET", "/customers/1", "a.crm.internal", "crm.get_customer (a.crm.internal)"),
        ("GET", "/customers/1", "CRM.internal", "crm.get_customer"),
    ],
)
async def test_approvers_see_what_the_function_leaves_open(tmp_path, method, path, host, shown):
    assert (await asked_for(tmp_path, method, path, host)).function == shown


async def test_the_record_has_the_host_that_a_wildcard_leaves_open(tmp_path):
    """Masked, like all that callers write."""
    services = make_services(tmp_path, changes=WIDE)
    for host in ("crm.internal", "A.crm.internal", "078-05-1120.ssn.crm.internal"):
        await play(services, asks("DELETE", "/orders/1", host, end=True), answers(end=True))
    paths = [entry.path for entry in services.recorder.entries if entry.kind == "call.completed"]
    assert paths == ["/orders/1", "//a.crm.internal/orders/1", "//[US_SSN].ssn.crm.internal/orders/1"]


async def test_another_method_path_or_host_is_another_digest(tmp_path):
    calls = [
        ("DELETE", "/orders/1", "crm.internal"),
        ("PUT", "/orders/1", "crm.internal"),
        ("DELETE", "/orders/2", "crm.internal"),
        ("DELETE", "/orders/1", "a.crm.internal"),
        ("DELETE", "/orders/1", "b.crm.internal"),
    ]
    digests = set()
    for number, call in enumerate(calls):
        folder = tmp_path / str(number)
        folder.mkdir()
        digests.add((await asked_for(folder, *call)).digest)
    assert len(digests) == len(calls)
