"""A configuration takes effect whole or not at all: edited files, killed workers, reloads while calls run."""

import asyncio
import copy
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from extproc.config.configuration_status import running
from extproc.supervise.children import worker_endpoint
from extproc.supervise.probes import answers_grpc
from tests.integration.guard.stack import CREDENTIAL, CRM, DOCS, POLICY, Stack, rows, tolerant_policy, write_config
from tests.integration.guard.test_up import Product, children, ports
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import AUDIENCE, Issuer
from tests.integration.support.upstream import RunningUpstream, Scripted, run_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

WITHIN_S = 60.0
EMAIL, SSN = "ada.lovelace@example.org", "536-22-1847"
BODY = json.dumps({"mail": EMAIL, "ssn": SSN}).encode()
BOTH = {"mail": "[EMAIL_ADDRESS]", "ssn": "[US_SSN]"}
SSN_ONLY = {"mail": EMAIL, "ssn": "[US_SSN]"}
JSON = {"content-type": "application/json"}
OTHER_CREDENTIAL = "canary-other-credential-7Kq2w"


@dataclass
class Edited:
    """An installation whose configuration file a test edits."""

    product: Product
    other: RunningUpstream
    """Another backend."""
    original: dict[str, Any] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        return self.product.stack

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the file, from what it was at first."""
        document = copy.deepcopy(self.original)
        change(document)
        self.write(json.dumps(document, indent=1))

    def write(self, text: str) -> None:
        self.stack.config.write_text(text)

    def restore(self) -> None:
        self.write(json.dumps(self.original, indent=1))

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "extproc", *words, "--config", str(self.stack.config)]
        return await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=WITHIN_S * 3, check=False
        )

    async def reload(self) -> None:
        done = await self.run("reload")
        assert done.returncode == 0, done.stderr + self.product.log()[-3000:]

    async def refused(self, *words: str) -> None:
        """A reload is refused with these words, and changes no process."""
        before = self.in_force()
        done = await self.run("reload")
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        for word in words:
            assert word in done.stderr, done.stderr
        assert self.in_force() == before

    def in_force(self) -> dict[str, str]:
        return {each.process: each.digest for each in running(self.stack.settings.state)}

    async def answers(self, count: int = 8, **options: Any) -> Counter[str]:
        """The bodies of that many calls."""
        answers = await asyncio.gather(*(self.product.call(**options) for _ in range(count)))
        return Counter(answer.text for answer in answers)

    async def kill(self, index: int) -> None:
        """Kill a worker, and wait until it serves again."""
        victim = self.product.worker(index)
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(WITHIN_S):
            while not await answers_grpc(worker_endpoint(self.stack.settings, index)) or not self.serves(
                index, victim
            ):
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)  # Envoy's health check takes it in again

    def serves(self, index: int, unlike: int) -> bool:
        found = [each for each in running(self.stack.settings.state) if each.process == f"worker-{index}"]
        return bool(found) and found[0].pid != unlike

    async def held(self, body: bytes = b'{"n":1}') -> tuple["asyncio.Task[httpx.Response]", Any]:
        """A call that waits for people, and its approval."""
        known = {each.request.approval_id for each in self.stack.approvals.recent(pending_only=False, limit=100)}
        call = asyncio.create_task(self.product.call("POST", "/deploys", content=body, headers=JSON))
        async with asyncio.timeout(WITHIN_S):
            while True:
                for each in self.stack.approvals.recent(pending_only=True, limit=100):
                    if each.request.approval_id not in known:
                        return call, each
                await asyncio.sleep(0.02)

    def ends(self) -> list[dict[str, Any]]:
        """All terminal entries."""
        found = [entry for file in self.stack.spools() for _, entry in rows(file, 0)]
        return [each for each in found if each["kind"] in ("call.completed", "call.denied", "call.failed")]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def installation() -> AsyncIterator[Edited]:
    with short_folder() as folder:
        async with run_upstream() as upstream, run_upstream() as other:
            issuer = Issuer(folder)
            policy = {"paths": [str(tolerant_policy(folder))]}
            config = write_config(
                folder, issuer, upstream.address, limits={"drain": 3.0}, policy=policy, **ports()
            )
            (folder / "other-credential").write_text(OTHER_CREDENTIAL)
            from extproc.config.load import load_settings

            stack = Stack(folder, config, load_settings(config), issuer, upstream)
            async with Product(stack, folder / "up.log").running() as product:
                yield Edited(product, other, json.loads(config.read_text()))


@pytest_asyncio.fixture(loop_scope="session")
async def edited(installation: Edited) -> AsyncIterator[Edited]:
    """In force is the first configuration, before and after the test."""
    answer = Scripted(200, [("content-type", "application/json")], [BODY])
    installation.stack.upstream.answer = installation.other.answer = answer
    installation.stack.upstream.requests.clear()
    installation.other.requests.clear()
    yield installation
    installation.restore()
    await installation.reload()


def ssn_only(document: dict[str, Any]) -> None:
    """Mask one entity where all were masked before."""
    document["connections"]["crm"]["masking"] = {"response": [{"entity": "US_SSN"}]}


def expected(*bodies: dict[str, str]) -> set[str]:
    return {json.dumps(each) for each in bodies}


async def test_a_worker_that_restarts_runs_what_its_siblings_run(edited: Edited) -> None:
    """The file was edited, nobody reloaded it, and each worker was killed: every call is masked as before."""
    before = edited.in_force()
    edited.edit(ssn_only)
    for index in (0, 1):
        await edited.kill(index)
        assert set(await edited.answers()) == expected(BOTH)
    assert edited.in_force() == before
    assert len(set(before.values())) == 1
    await edited.reload()
    assert set(await edited.answers()) == expected(SSN_ONLY)
    await edited.kill(0)
    assert set(await edited.answers()) == expected(SSN_ONLY)


@pytest.mark.parametrize("text", ["version: 1\nidentity: [\n", "", "version: 1\nworkerz: 2\n"])
async def test_a_broken_file_stops_no_worker_and_is_refused(edited: Edited, text: str) -> None:
    edited.write(text)
    await edited.kill(0)
    assert set(await edited.answers()) == expected(BOTH)
    await edited.refused("extproc.yaml:")


async def test_what_cannot_be_used_is_refused_with_its_place(edited: Edited) -> None:
    """Mistakes that only the parts find: an entity that no detector finds, a policy that does not compile."""

    def unknown_entity(document: dict[str, Any]) -> None:
        document["connections"]["crm"]["masking"] = {"response": [{"entity": "CREDITCARD"}]}

    edited.edit(unknown_entity)
    await edited.refused("extproc.yaml:", "CREDITCARD")
    bad = edited.stack.folder / "bad.rego"
    bad.write_text("package extproc\n\ndecision := {\n")
    edited.edit(lambda document: document["policy"].update(paths=[str(bad)]))
    await edited.refused("bad.rego:4")
    assert set(await edited.answers()) == expected(BOTH)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("workers", 3),
        ("state", "elsewhere"),
        ("health", "127.0.0.1:1"),
        ("evidence", {"spool": "elsewhere"}),
        ("control", {"socket": "other.sock"}),
        ("limits", {"drain": 4.0}),
        ("limits", {"request_body": 1 << 20}),
    ],
)
async def test_what_needs_a_restart_is_named_and_refused(edited: Edited, key: str, value: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
        ssn_only(document)

    edited.edit(change)
    if key == "state":
        done = await edited.run("reload")
        assert (done.returncode, "no `extproc up` runs on the state folder" in done.stderr) == (1, True)
    else:
        name = ".".join((key, *value)) if isinstance(value, dict) else key
        await edited.refused(f"{name} cannot change while processes run", "extproc.yaml:")
    assert set(await edited.answers()) == expected(BOTH)


async def test_no_call_is_dropped_or_decided_by_halves(edited: Edited) -> None:
    """200 calls while the masks change twice: each body is the old one or the new one, and none is missing."""
    gate = asyncio.Semaphore(20)

    async def call() -> tuple[int, str]:
        async with gate:
            answer = await edited.product.call()
            return answer.status_code, answer.text

    calls = [asyncio.create_task(call()) for _ in range(100)]
    edited.edit(ssn_only)
    await edited.reload()
    calls += [asyncio.create_task(call()) for _ in range(100)]
    edited.restore()
    reloading = asyncio.create_task(edited.reload())
    found = Counter(await asyncio.gather(*calls))
    while not reloading.done():
        found.update([await call()])
    await reloading
    assert {status for status, _ in found} == {200}
    assert {body for _, body in found} <= expected(BOTH, SSN_ONLY)
    assert set(await edited.answers()) == expected(BOTH)
    assert len(set(edited.in_force().values())) == 1


async def test_a_new_connection_needs_no_restart(edited: Edited) -> None:
    """With its backend, credential and function; and it can be removed again."""
    before = set(children(edited.product.process.pid))
    await expect_status(edited, 404, headers={"host": "new.example.com"})

    def add(document: dict[str, Any]) -> None:
        new = copy.deepcopy(document["connections"]["crm"])
        new |= {"hosts": ["new.example.com"], "upstream": {"address": edited.other.address}}
        new["credential"] = {"file": "other-credential"}
        document["connections"]["new"] = new
        policy = (
            Path(document["policy"]["paths"][0])
            .read_text()
            .replace('"crm.get_customer"', '"crm.get_customer", "new.get_customer"')
        )
        (edited.stack.folder / "new.rego").write_text(policy)
        document["policy"]["paths"] = [str(edited.stack.folder / "new.rego")]

    edited.edit(add)
    await edited.reload()
    await expect_status(edited, 200, headers={"host": "new.example.com"})
    assert edited.other.requests[-1].header("authorization") == f"Bearer {OTHER_CREDENTIAL}"
    await expect_status(edited, 200)
    assert edited.stack.upstream.requests[-1].header("authorization") == f"Bearer {CREDENTIAL}"
    edited.restore()
    await edited.reload()
    await expect_status(edited, 404, headers={"host": "new.example.com"})
    assert set(children(edited.product.process.pid)) == before


async def test_applications_come_and_go(edited: Edited) -> None:
    """Envoy's CORS filter and its policies are in two files, which Envoy reads one after the other."""
    app = {"host": DOCS, "origin": "https://app.example.com", "access-control-request-method": "POST"}

    def allow(document: dict[str, Any]) -> None:
        document["connections"]["docs"]["cors"] = {"origins": [app["origin"]]}

    async def preflight() -> int:
        return (await edited.product.call("OPTIONS", "/mcp", headers=app)).status_code

    assert await preflight() == 403
    edited.edit(allow)
    await edited.reload()
    assert await preflight() == 200
    edited.restore()
    await edited.reload()
    assert await preflight() == 403
    assert (await edited.product.call()).status_code == 200


async def expect_status(edited: Edited, status: int, **options: Any) -> None:
    for _ in range(6):
        assert (await edited.product.call(**options)).status_code == status


async def test_a_credential_never_goes_to_a_backend_that_it_is_not_for(edited: Edited) -> None:
    """A connection's backend and credential change under load: each request has the credential of its backend."""

    def move(document: dict[str, Any]) -> None:
        crm = document["connections"]["crm"]
        crm["upstream"], crm["credential"] = {"address": edited.other.address}, {"file": "other-credential"}

    edited.edit(move)
    reloading = asyncio.create_task(edited.reload())
    statuses: Counter[int] = Counter()
    while not reloading.done():
        answers = await asyncio.gather(*(edited.product.call() for _ in range(8)))
        statuses.update(answer.status_code for answer in answers)
    await reloading
    assert set(statuses) == {200}
    await expect_status(edited, 200)
    assert {seen.header("authorization") for seen in edited.stack.upstream.requests} == {f"Bearer {CREDENTIAL}"}
    assert {seen.header("authorization") for seen in edited.other.requests} == {f"Bearer {OTHER_CREDENTIAL}"}


async def test_a_held_call_is_released_under_the_configuration_in_force(edited: Edited) -> None:
    """It survives the change of masks, limits, filters and routes, and its response is masked as it is now."""
    call, approval = await edited.held()

    def change(document: dict[str, Any]) -> None:
        ssn_only(document)
        document["limits"]["message_timeout"] = 4.0  # in Envoy's filters
        document["connections"]["more"] = {**document["connections"]["docs"], "hosts": ["more.example.com"]}

    edited.edit(change)
    await edited.reload()
    edited.stack.vote(approval)
    answer = await asyncio.wait_for(call, WITHIN_S)
    assert answer.status_code == 200
    assert {answer.text} == expected(SSN_ONLY)
    assert [seen.body for seen in edited.stack.upstream.requests] == [b'{"n":1}']


@pytest.mark.parametrize("what", ["gone", "other backend", "other protocol", "other function"])
async def test_a_held_call_whose_connection_changed_does_not_go(edited: Edited, what: str) -> None:
    """Approvers released a call of the connection as it was."""
    call, approval = await edited.held(f'{{"what":"{what}"}}'.encode())

    def change(document: dict[str, Any]) -> None:
        connections, crm = document["connections"], document["connections"]["crm"]
        match what:
            case "gone":
                del connections["crm"]
            case "other backend":
                crm["upstream"] = {"address": edited.other.address}
            case "other protocol":
                connections["crm"] = {**connections.pop("docs"), "hosts": [CRM], "path": "/deploys"}
            case _:
                crm["functions"]["another"] = crm["functions"].pop("deploy")

    edited.edit(change)
    await edited.reload()
    edited.stack.vote(approval)
    answer = await asyncio.wait_for(call, WITHIN_S)
    assert answer.json()["reason"] == ("unknown-function" if what == "gone" else "approval-outdated")
    assert edited.stack.upstream.requests == edited.other.requests == []


async def test_a_function_that_policy_names_cannot_go(edited: Edited) -> None:
    """The rule about it would never match again."""

    def change(document: dict[str, Any]) -> None:
        document["policy"]["paths"] = [str(POLICY)]
        functions = document["connections"]["crm"]["functions"]
        functions["deploi"] = functions.pop("deploy")

    edited.edit(change)
    wrong = 'policy.rego:40:11: input.call.function: no function "crm.deploy"; did you mean "crm.deploi"?'
    await edited.refused("nothing was changed", wrong)


async def test_a_long_response_ends_under_the_configuration_that_it_began_with(edited: Edited) -> None:
    """Its backend is removed meanwhile, and its stream goes on, masked as before."""
    go_on = asyncio.Event()
    event = b"data: " + BODY + b"\n\n"
    edited.stack.upstream.answer = Scripted(
        200, [("content-type", "text/event-stream")], [event, go_on, event], "chunked"
    )
    headers = {**edited.stack.headers()}
    got: list[str] = []
    async with (
        httpx.AsyncClient(timeout=WITHIN_S, trust_env=False) as client,
        client.stream("GET", edited.product.url + "/events", headers=headers) as stream,
    ):
        pieces = stream.aiter_text()
        got.append(await anext(pieces))

        def move(document: dict[str, Any]) -> None:
            ssn_only(document)
            document["connections"]["crm"]["upstream"] = {"address": edited.other.address}

        edited.edit(move)
        await edited.reload()
        assert (await edited.product.call()).status_code == 200
        assert len(edited.other.requests) == 1
        await asyncio.sleep(2.0)  # the old configuration would be settled by now
        go_on.set()
        got += [piece async for piece in pieces]
    text = "".join(got)
    assert text.count("[EMAIL_ADDRESS]") == text.count("[US_SSN]") == 2
    assert EMAIL not in text


async def test_sighup_reloads_and_a_refusal_is_in_the_log(edited: Edited) -> None:
    edited.edit(ssn_only)
    edited.product.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(WITHIN_S):
        while set(await edited.answers()) != expected(SSN_ONLY):
            await asyncio.sleep(0.1)
    edited.write("version: 2\n")
    edited.product.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(WITHIN_S):
        while "configuration refused" not in edited.product.log():
            await asyncio.sleep(0.1)
    assert set(await edited.answers()) == expected(SSN_ONLY)


async def test_a_worker_that_dies_during_a_reload_runs_what_is_in_force(edited: Edited) -> None:
    """Whenever it dies: in the end all processes run one configuration, and it is the new one."""
    for delay_s, index in ((0.5, 0), (1.5, 1), (2.5, 0), (3.5, 1)):
        edited.edit(ssn_only) if index == 0 else edited.restore()
        reloading = asyncio.create_task(edited.reload())
        await asyncio.sleep(delay_s)
        await edited.kill(index)
        await reloading
        async with asyncio.timeout(WITHIN_S):
            while len(edited.in_force()) < 3 or len(set(edited.in_force().values())) != 1:
                await asyncio.sleep(0.1)
        assert set(await edited.answers()) == expected(SSN_ONLY if index == 0 else BOTH)


async def test_a_new_provider_of_tokens_needs_no_restart(edited: Edited) -> None:
    """Envoy's own filter verifies its tokens, and refuses them again once it is removed."""
    folder = edited.stack.folder / "another"
    folder.mkdir(exist_ok=True)
    another = Issuer(folder)
    token = {"authorization": f"Bearer {another.token('dora', iss='https://another.example')}"}
    await expect_status(edited, 401, headers=token)

    def add(document: dict[str, Any]) -> None:
        provider = {
            "issuer": "https://another.example",
            "audiences": [AUDIENCE],
            "jwks_file": str(another.jwks_file),
        }
        document["identity"]["providers"]["another"] = provider

    edited.edit(add)
    await edited.reload()
    await expect_status(edited, 200, headers=token)
    await expect_status(edited, 200)
    edited.restore()
    await edited.reload()
    await expect_status(edited, 401, headers=token)


async def test_metrics_and_health_tell_the_digest(edited: Edited) -> None:
    edited.edit(ssn_only)
    await edited.reload()
    digest = edited.in_force()["worker-0"]
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        base = f"http://{edited.stack.settings.health}"
        health, metrics = (await client.get(f"{base}/healthz")).json(), (await client.get(f"{base}/metrics")).text
    assert health["parts"]["configuration"] == "ok"
    assert health["configuration"] == {
        "digest": digest,
        "processes": dict.fromkeys(("control", "worker-0", "worker-1"), digest),
    }
    ones = [
        line
        for line in metrics.splitlines()
        if line.startswith("extproc_configuration_info{") and line.endswith(" 1.0")
    ]
    assert len(ones) == 3
    assert all(digest in line for line in ones)
