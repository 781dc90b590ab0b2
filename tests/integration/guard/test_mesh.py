"""An existing mesh under policy: any path, hosts by wildcard, calls by nobody, callers by certificate. On both doors."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography import x509

from extproc.envoy_config.render.bootstrap import GuardFilter
from tests.integration.guard.raw import Raw, request, speak
from tests.integration.guard.stack import HERE, Stack, run_stack, terminals
from tests.integration.support.certificates import SERVER, Authority, serve_tls
from tests.integration.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
DOORS: list[GuardFilter] = ["ext_proc", "ext_authz"]
ANSWER = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])
MESH = "shop.mesh.example.com"
FUNCTIONS = {
    "all": {"method": "*", "path": "/**"},
    "login": {"method": "POST", "path": "/login", "identity": "none"},
    "health": {"method": "GET", "path": "/health/**", "identity": "none"},
    "secret": {"method": "GET", "path": "/health/secret"},
    "preflight": {"method": "OPTIONS", "path": "/**", "identity": "none"},
}
HOSTS = {
    "mesh": ["*.mesh.example.com", "*.mesh.example.com:8080"],
    "exact": ["pay.mesh.example.com", "pay.mesh.example.com:8080"],
    "longer": ["*.eu.mesh.example.com"],
    "ports": ["docs.example.org:*"],
    "port": ["docs.example.org:99"],
}


def connections(_: Issuer, upstream: str) -> dict[str, Any]:
    """One connection for each list of hosts, all with the same functions and without masking."""
    common = {"protocol": "http-json", "functions": FUNCTIONS, "masking": {"response": []}}
    common["approvals"] = {"groups": ["sre"], "expires_in": 60}
    return {name: {**common, "hosts": hosts, "upstream": {"address": upstream}} for name, hosts in HOSTS.items()}


@pytest_asyncio.fixture(loop_scope="session", scope="module", params=DOORS)
async def mesh(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    async with run_stack(
        workers=1,
        door=request.param,
        answer=ANSWER,
        connections=connections,
        policy={"paths": [str(HERE / "mesh.rego")]},
    ) as stack:
        yield stack


async def say(
    mesh: Stack, method: str, target: str, host: str = MESH, token: str | None = "good", *fields: tuple[str, str]
) -> Raw:
    """One request, written exactly so."""
    mesh.fresh()
    given = mesh.issuer.token() if token == "good" else token
    authorization = [] if given is None else [("authorization", f"Bearer {given}")]
    return await speak(await mesh.connect(), request(method, target, ("host", host), *authorization, *fields))


async def recorded(mesh: Stack) -> dict[str, Any]:
    found = await mesh.until(
        lambda entries: terminals(entries) or any(e["kind"] == "call.reported" for e in entries)
    )
    return (terminals(found) or found)[-1]


# Any path


@pytest.mark.parametrize(
    ("method", "target", "forwarded"),
    [
        ("GET", "/", "/"),
        ("GET", "/a/b/c?x=1", "/a/b/c?x=1"),
        ("PROPFIND", "/a", "/a"),
        ("PUT", "/a/", "/a/"),
        ("HEAD", "/a%20b", "/a%20b"),
        ("GET", "//a///b", "/a/b"),
        ("GET", "/x/../a", "/a"),
    ],
)
async def test_any_method_and_path_is_forwarded_as_it_came(
    mesh: Stack, method: str, target: str, forwarded: str
) -> None:
    got = await say(mesh, method, target)
    if method == "PROPFIND" and got.status == 400:  # Envoy's codec may know no such method
        return
    assert got.status == 200, got.whole
    assert [(each.method, each.path) for each in mesh.reached] == [(method, forwarded)]
    assert (await recorded(mesh))["function"] == "mesh.all"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/admin"),
        ("GET", "/admin/"),
        ("GET", "//admin//"),
        ("GET", "/x/../admin/"),
        ("GET", "/%61dmin/"),
        ("GET", "/admin%2F"),
        ("GET", "/admin;x=1"),
        ("GET", "/admin/%2e"),
        ("DELETE", "/a"),
        ("delete", "/a"),
        ("TRACE", "/a"),
        ("CONNECT", "/a"),
        ("GET", "/LOGIN"),
        ("GET", "/login"),
        ("PUT", "/login/"),
        ("GET", "/a%00"),
        ("GET", "/a%252Fb"),
        ("GET", "*"),
    ],
)
async def test_what_policy_or_a_second_reading_denies_is_not_forwarded(
    mesh: Stack, method: str, target: str
) -> None:
    """By the path without its final slash, whatever the spelling; and never as the wide function what is another's."""
    got = await say(mesh, method, target)
    assert got.status in {0, 400, 403, 404, 502}, got.whole
    assert mesh.reached == []
    await recorded(mesh)


# Hosts


@pytest.mark.parametrize(
    ("host", "connection"),
    [
        ("shop.mesh.example.com", "mesh"),
        ("SHOP.Mesh.example.com", "mesh"),
        ("a.b.mesh.example.com", "mesh"),
        ("shop.mesh.example.com:8080", "mesh"),
        ("pay.mesh.example.com", "exact"),
        ("pay.mesh.example.com:8080", "exact"),
        ("a.pay.mesh.example.com", "mesh"),
        ("a.eu.mesh.example.com", "longer"),
        ("eu.mesh.example.com", "mesh"),
        ("a.eu.mesh.example.com:8080", "mesh"),
        ("docs.example.org:1", "ports"),
        ("docs.example.org:99", "port"),
    ],
)
async def test_guard_and_envoy_find_the_same_connection(mesh: Stack, host: str, connection: str) -> None:
    got = await say(mesh, "GET", "/a", host)
    assert got.status == 200, got.whole
    entry = await recorded(mesh)
    lines = await mesh.envoy.flushed()
    while not (line := next((each for each in lines if each["request_id"] == entry["request_id"]), None)):
        lines = await mesh.envoy.flushed(len(lines) + 1)
    assert (entry["connection"], line["connection"]) == (connection, connection)


@pytest.mark.parametrize(
    "host",
    [
        "mesh.example.com",
        ".mesh.example.com",
        "shop.mesh.example.com:81",
        "shop.mesh.example.com.",
        "xmesh.example.com",
        "evil.test,shop.mesh.example.com",
        "pay.mesh.example.com,shop.mesh.example.com",
        "evil.test:80@shop.mesh.example.com",
        "pay.mesh.example.com@shop.mesh.example.com",
        "docs.example.org",
        "docs.example.org:x",
        "docs.example.org:99:99",
        "docs.example.org:80@evil.test",
        "*.mesh.example.com",
        "[::1]",
    ],
)
async def test_other_hosts_are_refused(mesh: Stack, host: str) -> None:
    """Also those that Envoy would route by a wildcard: the guard takes only plain names."""
    got = await say(mesh, "GET", "/a", host)
    assert got.status in {400, 404}, got.whole
    assert mesh.reached == []


# Calls by nobody


@pytest.mark.parametrize(
    ("method", "target", "function"),
    [
        ("GET", "/health", "mesh.health"),
        ("GET", "/health/", "mesh.health"),
        ("GET", "/health/live?x=1", "mesh.health"),
        ("POST", "/login", "mesh.login"),
        ("OPTIONS", "/a/b", "mesh.preflight"),
    ],
)
async def test_a_call_by_nobody_is_decided_and_recorded(
    mesh: Stack, method: str, target: str, function: str
) -> None:
    got = await say(mesh, method, target, MESH, None)
    assert got.status == 200, got.whole
    entry = await recorded(mesh)
    assert (entry["function"], entry["subject"], entry["issuer"]) == (function, "anonymous", "")
    assert (entry["rule"], len(mesh.reached)) == ("allowed", 1)


async def test_policy_denies_a_call_by_nobody(mesh: Stack) -> None:
    got = await say(mesh, "GET", "/health/private", MESH, None)
    assert (got.status, mesh.reached) == (403, [])
    assert (await recorded(mesh))["rule"] == "nobody"
    assert (await say(mesh, "GET", "/health/private")).status == 200
    assert (await recorded(mesh))["subject"] == "alice"


async def test_a_call_by_nobody_is_not_held(mesh: Stack) -> None:
    got = await say(mesh, "GET", "/health/x?held=yes", MESH, None)
    assert (got.status, mesh.reached) == (503, [])
    assert (await recorded(mesh))["rule"] == "approval.anonymous"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/a"),
        ("GET", "/health/secret"),
        ("GET", "/health/secret/"),
        ("GET", "/health/SECRET"),
        ("GET", "/health/%73ecret"),
        ("POST", "/health"),
        ("HEAD", "/health"),
        ("GET", "/Health"),
        ("GET", "/healthy"),
        ("GET", "/x/health"),
        ("GET", "/a?x=/health"),
        ("GET", "/a#/health"),
        ("PUT", "/login"),
        ("GET", "/nowhere"),
    ],
)
async def test_all_other_calls_need_a_token(mesh: Stack, method: str, target: str) -> None:
    got = await say(mesh, method, target, MESH, None)
    assert (got.status, mesh.reached) in ((401, []), (400, [])), got.whole


async def test_a_bad_token_is_refused_where_none_is_needed(mesh: Stack) -> None:
    """Not taken for a missing one."""
    issuer, other = mesh.issuer, Issuer(mesh.folder, "https://evil.example.com")
    forged = Issuer(mesh.folder, ISSUER + "/")
    forged.name = ISSUER
    bad = [
        "garbage",
        "",
        "a.b.c",
        issuer.token(exp=1),
        issuer.token(exp=None),
        issuer.token(aud="https://other.example.com"),
        issuer.token(sub=""),
        issuer.token()[:-4] + "AAAA",
        other.token(),
        forged.token(),
    ]
    for number, token in enumerate(bad):
        got = await say(mesh, "GET", "/health", MESH, token)
        assert got.status in {401, 403}, (number, got.whole)
        assert mesh.reached == []
    basic = await say(mesh, "GET", "/health", MESH, None, ("authorization", "Basic YTpi"))
    assert (basic.status, mesh.reached) == (401, [])


# Metadata keys


@pytest.mark.parametrize("door", DOORS)
async def test_each_provider_has_its_own_metadata_key(door: GuardFilter) -> None:
    """Istio writes ``payload``, Envoy Gateway the provider's name; a wrong key lets nobody in."""
    async with run_stack(
        workers=1, door=door, answer=ANSWER, connections=connections, policy={"paths": [str(HERE / "mesh.rego")]},
        identity=lambda issuer, _: {
            "providers": {
                "corp": {
                    "issuer": issuer.name,
                    "audiences": [AUDIENCE],
                    "jwks_file": str(issuer.jwks_file),
                    "metadata_key": "payload",
                }
            }
        },
    ) as stack:  # fmt: skip
        got = await say(stack, "GET", "/a")
        assert (got.status, (await recorded(stack))["subject"]) == (200, "alice")


def writes_other_key(rendered: dict[str, Any]) -> None:
    text = json.dumps(rendered)
    assert '"payload_in_metadata": "claims"' in text
    rendered.update(
        json.loads(text.replace('"payload_in_metadata": "claims"', '"payload_in_metadata": "payload"'))
    )


@pytest.mark.parametrize("door", DOORS)
async def test_claims_under_a_key_that_no_provider_has_let_nobody_in(door: GuardFilter) -> None:
    """And are not taken for a call by nobody."""
    async with run_stack(
        workers=1, door=door, answer=ANSWER, connections=connections, policy={"paths": [str(HERE / "mesh.rego")]},
        change=writes_other_key,
    ) as stack:  # fmt: skip
        for target in ("/a", "/health"):
            got = await say(stack, "GET", target)
            assert (got.status, stack.reached) == (401, [])
            assert (await recorded(stack))["rule"] == "jwt.metadata_key"


# Callers by certificate

WEB = "spiffe://cluster.local/ns/shop/sa/web"


async def over_tls(stack: Stack, client: Any, path: str = "/a", **headers: str) -> httpx.Response:
    stack.fresh()
    async with stack.new_client(client) as caller:
        return await caller.get(
            f"https://127.0.0.1:{stack.envoy.port}{path}",
            headers={"host": MESH, **headers},
            extensions={"sni_hostname": SERVER},
        )


async def who(stack: Stack, answer: httpx.Response) -> tuple[int, str, str, list[str]]:
    entry = await recorded(stack)
    return answer.status_code, entry["issuer"], entry["subject"], list(entry["groups"])


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_a_caller_is_known_by_its_certificate(door: GuardFilter, tokens: bool, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    uri = x509.UniformResourceIdentifier
    web = authority.client("web", [uri(WEB), x509.DNSName("web.cluster.local")])
    named = authority.client("named", [x509.DNSName("a.partners.example.com")])
    evil = authority.client("evil", [uri("spiffe://evil.test/ns/shop/sa/web"), x509.DNSName("web.cluster.local")])
    subject = authority.client("subject")
    mtls = {
        "trust_domains": ["cluster.local", "partners.example.com"],
        "groups": {"shop": ["spiffe://cluster.local/ns/shop/*"]},
    }

    def identity(issuer: Issuer, _: str) -> dict[str, Any]:
        provider = {"issuer": issuer.name, "audiences": [AUDIENCE], "jwks_file": str(issuer.jwks_file)}
        return {"mtls": mtls, "providers": {"corp": provider} if tokens else {}}

    async with run_stack(
        workers=1, door=door, answer=ANSWER, connections=connections, policy={"paths": [str(HERE / "mesh.rego")]},
        identity=identity, change=lambda rendered: serve_tls(rendered, authority),
    ) as stack:  # fmt: skip
        assert await who(stack, await over_tls(stack, web)) == (200, "cluster.local", WEB, ["shop"])
        name = "a.partners.example.com"
        assert await who(stack, await over_tls(stack, named)) == (200, "partners.example.com", name, [])
        forged = {"x-forwarded-client-cert": f"By=x;URI={WEB}", "x-extproc-peer-certificate": "x"}
        for client in (evil, subject):
            got = await over_tls(stack, client, **forged)
            assert await who(stack, got) == (403, "", "", [])
            assert got.json()["reason"] == "token-rejected"
        nobody = await over_tls(stack, authority.anonymous(), **forged)
        assert await who(stack, nobody) == (401, "", "", [])
        health = await over_tls(stack, authority.anonymous(), "/health", **forged)
        assert await who(stack, health) == (200, "", "anonymous", [])
        token = stack.issuer.headers()
        if tokens:
            assert await who(stack, await over_tls(stack, web, **token)) == (200, ISSUER, "alice", [])
            for bad in ("Bearer x", "Basic YTpi", stack.issuer.headers(exp=1)["authorization"]):
                assert (await over_tls(stack, web, authorization=bad)).status_code == 401
        else:
            assert await who(stack, await over_tls(stack, web, **token)) == (200, "cluster.local", WEB, ["shop"])
        assert all(each.header("authorization") is None for each in stack.reached)
