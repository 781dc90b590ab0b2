"""opa-envoy-plugin itself behind the real Envoy: its answers do there what the guard's do. Where its binary is present."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from extproc.envoy_config.render.bootstrap import render_bootstrap
from tests.integration.guard.stack import PLAIN, run_stack
from tests.integration.policy.test_opa_envoy_answers import BACKEND, POLICY
from tests.integration.support.envoy_process import run_envoy, short_folder
from tests.integration.support.settings import HOST, small_settings
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import RunningUpstream, run_upstream
from tests.opa_envoy.corpus import read_policy
from tests.opa_envoy.plugin import VARIABLE, find_plugin, run_plugin

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
SAME = ["cookies", "query", "denied", "typed"]
CLOSED = [
    "status-0",
    "status-299",
    "status-600",
    "status-text",
    "body-number",
    "no-allowed",
    "not-boolean",
    "list",
    "undefined",
]
HEADERS = {"x-many": "caller's", "x-own": "caller's", "x-both": "caller's"}
PATH = "/lookup?b=1&a=0&gone=0"
OURS = {"date", "server", "x-extproc-call-id", "content-length"}
SENT = {"x-many", "x-own", "x-both"}


def plugins_own(document: dict[str, Any]) -> None:
    """Without what only the guard has: health checks, the mark that Envoy asks of it, raw headers, another error."""
    static = document["static_resources"]
    for cluster in static["clusters"]:
        if cluster["name"] == "extproc-guard":
            del cluster["health_checks"]
    manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = [
        each for each in manager["http_filters"] if not each["name"].endswith("rbac.marked")
    ]
    for each in manager["http_filters"]:
        for key in (
            "encode_raw_headers",
            "status_on_error",
            "validate_mutations",
            "decoder_header_mutation_rules",
        ):
            each["typed_config"].pop(key, None)


@contextlib.asynccontextmanager
async def behind_envoy() -> AsyncIterator[tuple[httpx.AsyncClient, RunningUpstream]]:
    """The plugin behind Envoy; a client that has a token."""
    binary = find_plugin()
    if binary is None:
        pytest.skip(f"no opa-envoy-plugin ({VARIABLE}, PATH)")
    async with contextlib.AsyncExitStack() as ending:
        folder = ending.enter_context(short_folder())
        upstream = await ending.enter_async_context(run_upstream(BACKEND))
        plugin = await ending.enter_async_context(run_plugin(binary, read_policy(POLICY)))
        issuer = Issuer(folder)
        document = render_bootstrap(
            small_settings(folder, issuer, upstream.address),
            guard_endpoints=[plugin.address],
            guard_filter="ext_authz",
        )
        plugins_own(document)
        envoy = await ending.enter_async_context(run_envoy(document))
        headers = {"host": HOST, **issuer.headers()}
        client = httpx.AsyncClient(base_url=envoy.url, headers=headers, trust_env=False, timeout=20.0)
        yield await ending.enter_async_context(client), upstream


def effect(answered: httpx.Response, upstream: RunningUpstream) -> dict[str, Any]:
    """What the caller got, and what reached the backend."""
    seen = upstream.requests[-1:]
    fields = [(name.decode(), value) for name, value in answered.headers.raw]
    return {
        "status": answered.status_code,
        "headers": sorted((pair for pair in fields if pair[0] not in OURS), key=lambda pair: pair[0]),
        "body": answered.content,
        "sent": [(name, value) for each in seen for name, value in each.headers if name in SENT],
        "query": [sorted(each.path.partition("?")[2].split("&")) for each in seen],
    }


async def effects(client: httpx.AsyncClient, upstream: RunningUpstream, **headers: str) -> dict[str, Any]:
    found = {}
    for case in SAME + CLOSED:
        upstream.requests.clear()
        answered = await client.get(PATH, headers={**headers, **HEADERS, "x-case": case})
        found[case] = effect(answered, upstream)
    return found


@pytest.mark.parametrize("door", ["ext_proc", "ext_authz"])
async def test_answers_do_the_same_on_envoy(door: Any) -> None:
    async with behind_envoy() as (client, upstream):
        theirs = await effects(client, upstream)
    policy = {"paths": [str(POLICY)], "query": "data.envoy.authz.allow"}
    async with run_stack(workers=1, door=door, policy=policy, answer=BACKEND) as stack:
        client = httpx.AsyncClient(base_url=stack.envoy.url, trust_env=False, timeout=20.0)
        async with client:
            ours = await effects(client, stack.upstream, **stack.headers(PLAIN))
    assert {case: ours[case] for case in SAME} == {case: theirs[case] for case in SAME}
    for case in CLOSED:
        assert ours[case]["status"] == theirs[case]["status"] == 403, case
        assert ours[case]["query"] == theirs[case]["query"] == [], case
