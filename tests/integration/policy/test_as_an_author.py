"""An author at a running installation: what a caller is told leads to the rule, and a change is tried on history."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import yaml

from extproc.config.load import load_settings
from tests.integration.guard.stack import Stack, write_config
from tests.integration.guard.test_up import Product, ports
from tests.integration.support.envoy_process import short_folder
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import run_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]

WIDE = os.environ | {"COLUMNS": "200"}
GUARD = {
    "roles": {"*": {"functions": ["crm.*"]}},
    "arguments": [{"rule": "no-sevens", "functions": ["crm.get_customer"], "path": ["id"], "matches": "^[^7]+$"}],
}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def product() -> AsyncIterator[Product]:
    with short_folder() as folder:
        (folder / "guard.yaml").write_text(yaml.safe_dump({"guard": GUARD}))
        async with run_upstream() as upstream:
            issuer = Issuer(folder)
            config = write_config(
                folder, issuer, upstream.address, workers=2, policy={"paths": [], "data": ["guard.yaml"], "reload": 0.2},
                evidence={"ship_every": 0.1}, **ports(),
            )  # fmt: skip
            stack = Stack(folder, config, load_settings(config), issuer, upstream)
            async with Product(stack, folder / "up.log").running() as product:
                yield product


async def say(product: Product, *words: str, fails: int = 0) -> str:
    """What ``extproc policy`` prints."""
    command = [sys.executable, "-m", "extproc", "policy", *words, "--config", str(product.stack.config)]
    ended = await asyncio.to_thread(
        subprocess.run, command, env=WIDE, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == fails, ended.stdout + ended.stderr
    return ended.stdout


async def shipped(product: Product, call_id: str) -> str:
    """What ``explain`` says of a call, once it is in the table."""
    async with asyncio.timeout(60):
        while True:
            command = ["policy", "explain", call_id, "--config", str(product.stack.config)]
            ended = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "extproc", *command],
                env=WIDE,
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode == 0:
                return ended.stdout
            assert "it may not be shipped yet" in ended.stderr


def changed(folder: Path, name: str, **changes: object) -> Path:
    """Written at once, as editors do: nobody reads half of it."""
    file = folder / name
    file.with_suffix(".new").write_text(yaml.safe_dump({"guard": GUARD | changes}))
    return file.with_suffix(".new").replace(file)


async def test_a_denied_callers_id_leads_to_the_rule_the_input_and_the_trace(product: Product) -> None:
    denied = await product.call(path="/customers/17")
    assert (denied.status_code, denied.json()["reason"]) == (403, "forbidden-argument")
    output = await shipped(product, denied.json()["call_id"])
    assert "call.denied deny forbidden-argument no-sevens crm.get_customer" in output
    [status] = {one["revision"] for one in json.loads(await say(product, "status", "--json"))}
    assert f"revision  {status}" in output
    assert "the policy has changed since" not in output
    assert "rule      no-sevens" in output
    assert 'data.extproc.arguments.first_refused "no-sevens"' in " ".join(output.split())
    assert "count(unmet) == 0" in output
    shown = await say(product, "explain", denied.json()["call_id"], "--input")
    assert '"id": "17"' in shown


async def test_decisions_are_counted_by_rule_and_a_rule_that_never_matched_is_0(product: Product) -> None:
    assert (await product.call(path="/customers/71")).status_code == 403
    assert (await product.call(path="/customers/2")).status_code == 200
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://{product.stack.settings.health}/metrics")).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("extproc_policy_"))
    decisions = 'extproc_policy_decisions_total{{action="{}",rule="{}"}}'.format
    assert float(values[decisions("deny", "no-sevens")]) >= 1
    assert float(values[decisions("allow", "granted")]) >= 1
    assert float(values[decisions("deny", "settings-invalid")]) == 0
    assert float(values['extproc_policy_seconds_count{engine="embedded"}']) >= 2


async def test_a_change_is_tried_on_history_before_it_counts(product: Product) -> None:
    allowed = await product.call(path="/customers/2")
    assert allowed.status_code == 200
    denied = await product.call(path="/customers/27")
    await shipped(product, denied.json()["call_id"])
    folder = product.stack.folder
    strict = changed(folder, "strict.yaml", risk={"default": 90}, hold=[{"at": 80, "groups": ["sre"]}])
    starter = str(folder / "starter")
    Path(starter).symlink_to(Path(__file__).parents[3] / "policy" / "rego")
    both = [
        "diff",
        starter,
        starter,
        "--old-data",
        str(folder / "guard.yaml"),
        "--new-data",
        str(strict),
        "--since",
        "1h",
    ]
    found = json.loads(await say(product, *both, "--json"))
    assert {(one["function"], one["old"], one["new"]) for one in found["changed"]} == {
        ("crm.get_customer", "allow granted", "hold risk-80 (high-risk) 1 of sre")
    }
    output = await say(product, *both, "--fail", fails=1)
    assert (
        f"{sum(one['calls'] for one in found['changed'])} of {found['calls']} calls would be decided otherwise"
        in output
    )
    same = ["diff", starter, starter, "--data", str(folder / "guard.yaml"), "--since", "1h", "--fail"]
    assert "0 of" in await say(product, *same)


async def test_a_change_is_taken_while_calls_run_and_a_bad_one_is_shown(product: Product) -> None:
    folder = product.stack.folder
    before = json.loads(await say(product, "status", "--json"))
    changed(folder, "guard.yaml", arguments=[])
    async with asyncio.timeout(60):
        while (await product.call(path="/customers/17")).status_code != 200:
            await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        while {one["revision"] for one in json.loads(await say(product, "status", "--json"))} & {
            one["revision"] for one in before
        }:
            await asyncio.sleep(0.1)
    changed(folder, "guard.yaml", hodl=[])
    async with asyncio.timeout(60):
        while "refused a candidate" not in (output := await refused(product)):
            await asyncio.sleep(0.1)
    assert "hodl" in output
    assert (await product.call(path="/customers/17")).status_code == 200


async def refused(product: Product) -> str:
    command = [sys.executable, "-m", "extproc", "policy", "status", "--config", str(product.stack.config)]
    ended = await asyncio.to_thread(subprocess.run, command, env=WIDE, capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 1)
    return ended.stdout
