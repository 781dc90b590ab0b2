"""docs/how-to/guard-an-existing-mesh.md, with listeners as Istio and Envoy Gateway make them.

Neither control plane runs here. Its listener has the form that it has in its own source and published output, and its
patches are applied as it documents them.
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.integration.guard.stack import Stack, run_stack, terminals
from tests.integration.support.certificates import SERVER, Authority, serve_tls
from tests.integration.support.envoy_process import EnvoyProcess, run_envoy
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import Scripted

pytestmark = pytest.mark.envoy
PAGE = (Path(__file__).parents[3] / "docs/how-to/guard-an-existing-mesh.md").read_text(encoding="utf-8")
TYPE = "type.googleapis.com/envoy.extensions"
HOST = "web.shop.svc.cluster.local"
WEB = "spiffe://cluster.local/ns/shop/sa/web"
ANSWER = Scripted(200, [("content-type", "application/json")], [b'{"ok":true}'])


def blocks(language: str) -> list[str]:
    """The page's code in this language."""
    return [block.partition("\n```")[0] for block in PAGE.split(f"```{language}\n")[1:]]


FULL, GATEWAY = (yaml.safe_load(block) for block in blocks("yaml"))
(POLICY,) = blocks("rego")
ISTIO_SCRIPT, GATEWAY_SCRIPT = blocks("python")


def listener(jwt: dict[str, Any], cluster: str, **routes: Any) -> dict[str, Any]:
    """A bootstrap with one listener, whose only filters are the control plane's jwt_authn and the router."""
    manager = {
        "@type": f"{TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mesh",
        "http_filters": [
            {
                "name": "envoy.filters.http.jwt_authn",
                "typed_config": {"@type": f"{TYPE}.filters.http.jwt_authn.v3.JwtAuthentication", **jwt},
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}.filters.http.router.v3.Router"},
            },
        ],
        "route_config": {
            "name": "http-80",
            "virtual_hosts": [
                {
                    "name": "inbound|http|8080",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"prefix": "/"}, "route": {"cluster": cluster}, **routes.pop("route", {})}
                    ],
                }
            ],
            **routes,
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "node": {"id": "mesh", "cluster": "mesh"},
        "static_resources": {
            "listeners": [
                {
                    "name": "tcp-80",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                    "filter_chains": [{"filters": filters}],
                }
            ],
            "clusters": [],
        },
    }


def upstream(name: str, address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    socket = {"socket_address": {"address": host, "port_value": int(port)}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": socket}}]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def istio(issuer: Issuer) -> dict[str, Any]:
    """An inbound listener of a sidecar, with RequestAuthentication (istio: pilot/pkg/security/authn)."""
    provider = {
        "issuer": issuer.name,
        "audiences": ["https://tools.example.com"],
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
        "local_jwks": {"inline_string": issuer.jwks_file.read_text()},
    }
    needs = [{"provider_name": "origins-0"}, {"allow_missing": {}}]
    rule = {"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": needs}}}
    jwt = {"providers": {"origins-0": provider}, "rules": [rule], "bypass_cors_preflight": True}
    return listener(jwt, "inbound|8080||")


def gateway(issuer: Issuer) -> dict[str, Any]:
    """A listener with a SecurityPolicy (gateway: internal/xds/translator/testdata/out/xds-ir/jwt-*)."""
    provider = {
        "issuer": issuer.name,
        "audiences": ["https://tools.example.com"],
        "forward": True,
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": "login",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope", "scp"]},
        "local_jwks": {"inline_string": issuer.jwks_file.read_text()},
    }
    needs = {"requires_any": {"requirements": [{"provider_name": "login_ced7"}, {"allow_missing": {}}]}}
    jwt = {"providers": {"login_ced7": provider}, "requirement_map": {"login_670b": needs}}
    per_route = {"@type": f"{TYPE}.filters.http.jwt_authn.v3.PerRouteConfig", "requirement_name": "login_670b"}
    route = {"typed_per_filter_config": {"envoy.filters.http.jwt_authn": per_route}}
    return listener(jwt, "first-route-dest", route=route, ignore_port_in_host_matching=True)


def merge(into: Any, value: Any) -> Any:
    """Merge as protocol buffers do: lists are appended to, objects merged."""
    if isinstance(into, dict) and isinstance(value, dict):
        return {
            **into,
            **{name: merge(into[name], each) if name in into else each for name, each in value.items()},
        }
    return [*into, *value] if isinstance(into, list) and isinstance(value, list) else value


def apply_envoy_filter(document: dict[str, Any], made: dict[str, Any]) -> None:
    """What istiod does with an EnvoyFilter."""
    resources = document["static_resources"]
    (found,) = resources["listeners"]
    (chain,) = found["filter_chains"][0]["filters"]
    for each in made["spec"]["configPatches"]:
        value, manager = each["patch"]["value"], chain["typed_config"]
        match (each["applyTo"], each["patch"]["operation"]):
            case ("HTTP_FILTER", "INSERT_BEFORE"):
                name = each["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"]
                names = [one["name"] for one in manager["http_filters"]]
                manager["http_filters"].insert(names.index(name), value)
            case ("NETWORK_FILTER", "MERGE"):
                chain |= merge(chain, value)
            case ("LISTENER", "MERGE"):
                found |= merge(found, value)
            case ("HTTP_ROUTE", "MERGE"):
                for host in manager["route_config"]["virtual_hosts"]:
                    host["routes"] = [merge(route, value) for route in host["routes"]]
            case ("CLUSTER", "ADD"):
                resources["clusters"].append(value)
            case other:
                pytest.fail(f"unknown patch {other}")


def apply_patch_policy(document: dict[str, Any], made: dict[str, Any]) -> None:
    """What Envoy Gateway does with an EnvoyPatchPolicy (RFC 6902, add)."""
    resources = document["static_resources"]
    (found,) = resources["listeners"]
    found["default_filter_chain"] = found.pop("filter_chains")[0]
    manager = found["default_filter_chain"]["filters"][0]["typed_config"]
    roots = {("listener", "tcp-80"): found, ("route", "http-80"): manager["route_config"]}
    for each in made["spec"]["jsonPatches"]:
        kind, operation = each["type"].split(".")[4], each["operation"]
        assert operation["op"] == "add"
        if kind == "cluster":
            assert (operation["path"], each["name"]) == ("", operation["value"]["name"])
            resources["clusters"].append(operation["value"])
            continue
        *parents, last = operation["path"].split("/")[1:]
        place: Any = roots[kind, each["name"]]
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place[parent]
        if isinstance(place, list):
            place.insert(int(last), operation["value"])
        else:
            place[last] = operation["value"]
    found["filter_chains"] = [found.pop("default_filter_chain")]


def run_script(stack: Stack, script: str, output: str) -> dict[str, Any]:
    """The page's commands, as printed."""
    (line,) = [each for each in PAGE.splitlines() if each.startswith("$ extproc envoy render")]
    words = line.removeprefix("$ extproc ").split()
    file = stack.config.name
    for command in (
        [sys.executable, "-m", "extproc", *(file if word == "extproc.yaml" else word for word in words)],
        [sys.executable, "-c", script],
    ):
        done = subprocess.run(command, cwd=stack.folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    made: dict[str, Any] = yaml.safe_load((stack.folder / output).read_text())
    return made


@dataclass(frozen=True)
class Plane:
    """A control plane: its listener, the page's script for it, and how it applies what the script writes."""

    listener: Callable[[Issuer], dict[str, Any]]
    script: str
    output: str
    apply: Callable[[dict[str, Any], dict[str, Any]], None]


ISTIO = Plane(istio, ISTIO_SCRIPT, "envoy-filter.yaml", apply_envoy_filter)
ENVOY_GATEWAY = Plane(gateway, GATEWAY_SCRIPT, "patch-policy.yaml", apply_patch_policy)


async def in_mesh(
    plane: Plane, identity: dict[str, Any], change: Callable[[dict[str, Any]], None] = lambda _: None
) -> AsyncIterator[tuple[Stack, EnvoyProcess, dict[str, Any]]]:
    """The page's configuration and policy behind such a listener."""

    def providers(issuer: Issuer, _: str) -> dict[str, Any]:
        login = {**identity["providers"]["login"], "jwks_file": str(issuer.jwks_file)}
        del login["jwks_url"]
        return {**identity, "providers": {"login": login}}

    def connections(_: Issuer, address: str) -> dict[str, Any]:
        mesh = FULL["connections"]["mesh"]
        return {"mesh": {**mesh, "upstream": {"address": address}}}

    def policy(issuer: Issuer, _: str) -> dict[str, Any]:
        folder = issuer.jwks_file.parent / "policy"
        folder.mkdir()
        (folder / "mesh.rego").write_text(POLICY)
        return FULL["policy"]

    async with run_stack(
        workers=1, answer=ANSWER, identity=providers, connections=connections, policy=policy
    ) as stack:
        document = plane.listener(stack.issuer)
        cluster = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        name = cluster["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"]
        document["static_resources"]["clusters"].append(upstream(name, stack.upstream.address))
        plane.apply(document, run_script(stack, plane.script, plane.output))
        change(document)
        async with run_envoy(document) as envoy:
            yield stack, envoy, document


async def outcome(
    stack: Stack, envoy: EnvoyProcess, method: str, path: str, client: Any = None, **headers: str
) -> tuple[int, str, str, str, int]:
    """Status, reason, rule and subject of one call, and how many requests reached the backend."""
    stack.fresh()
    scheme = "https" if client else "http"
    async with stack.new_client(client or False) as caller:
        answer = await caller.request(
            method,
            f"{scheme}://127.0.0.1:{envoy.port}{path}",
            headers={"host": HOST, **headers},
            extensions={"sni_hostname": SERVER} if client else {},
        )
    (entry,) = terminals(await stack.until(terminals))
    return answer.status_code, entry["reason"], entry["rule"], entry["subject"], len(stack.reached)


def dangers_of(stack: Stack, document: dict[str, Any]) -> set[str]:
    """What the page's check says."""
    file = stack.folder / "listener.yaml"
    file.write_text(yaml.safe_dump(document))
    command = [
        sys.executable,
        "-m",
        "extproc",
        "envoy",
        "check",
        str(file),
        "--config",
        str(stack.config),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return {each["danger"] for each in json.loads(done.stdout)}


async def calls(stack: Stack, envoy: EnvoyProcess, client: Any) -> None:
    """What the page promises, apart from callers by certificate."""
    token = stack.issuer.headers()
    bad = stack.issuer.headers(exp=1)
    no_end = stack.issuer.headers(exp=None)
    preflight = {"origin": "https://a.test", "access-control-request-method": "GET"}

    async def tried(method: str, path: str, **headers: str) -> tuple[int, str, str, str, int]:
        return await outcome(stack, envoy, method, path, client, **headers)

    allowed = "policy-allowed"
    assert await tried("GET", "/any/path?x=1", **token) == (200, allowed, "known", "alice", 1)
    assert await tried("PATCH", "/any/", **token) == (200, allowed, "known", "alice", 1)
    assert await tried("GET", "/admin/", **token) == (403, "policy-denied", "admin", "alice", 0)
    for spelled in ("/Admin", "/ADMIN/x", "/admin.", "/admin./x", "/%61dmin.", "/Admin.json", "/admin%20"):
        for method in ("GET", "POST", "PATCH"):
            assert (await tried(method, spelled, **token))[0:5:4] == (404, 0), (method, spelled)
    for spelled in ("/admin", "/%61dmin", "/admin/x"):
        assert (await tried("POST", spelled, **token))[0::4] in ((403, 0), (404, 0)), spelled
    assert (await tried("OPTIONS", "/admin", **preflight))[0::4] == (401, 0)
    assert await tried("GET", "/healthz") == (200, allowed, "anonymous", "anonymous", 1)
    assert await tried("GET", "/healthz/") == (200, allowed, "anonymous", "anonymous", 1)
    assert await tried("OPTIONS", "/any", **preflight) == (200, allowed, "anonymous", "anonymous", 1)
    assert (await tried("GET", "/any"))[0::4] == (401, 0)
    for caller in ({}, token):
        assert (await tried("TRACE", "/any", **caller))[0:3] == (403, "unknown-function", "envoy")
    assert (await tried("PUT", "/login", **token))[0::4] == (404, 0)
    for headers in (bad, no_end, {"authorization": "Bearer x"}, {"authorization": "Basic YTpi"}):
        assert (await tried("GET", "/healthz", **headers))[0::4] in ((401, 0), (403, 0)), headers


async def test_istio(tmp_path: Path) -> None:
    """With STRICT PeerAuthentication: a certificate is required, and names callers without a token."""
    authority = Authority.create(tmp_path)
    uri = x509.UniformResourceIdentifier
    web, other = (authority.client(name, [uri(each)]) for name, each in {
        "web": WEB, "other": "spiffe://cluster.local/ns/other/sa/x"}.items())  # fmt: skip
    evil = authority.client("evil", [uri("spiffe://evil.test/ns/shop/sa/web")])

    def strict(document: dict[str, Any]) -> None:
        serve_tls(document, authority)

    async for stack, envoy, document in in_mesh(ISTIO, FULL["identity"], strict):
        assert await outcome(stack, envoy, "GET", "/any", web) == (200, "policy-allowed", "known", WEB, 1)
        assert await outcome(stack, envoy, "GET", "/admin/x", web) == (200, "policy-allowed", "known", WEB, 1)
        assert (await outcome(stack, envoy, "GET", "/admin/x", other))[:3] == (403, "policy-denied", "admin")
        forged = {"x-forwarded-client-cert": f"By=x;URI={WEB}"}
        assert (await outcome(stack, envoy, "GET", "/any", evil, **forged))[:2] == (403, "token-rejected")
        await calls(stack, envoy, authority.anonymous())
        assert dangers_of(stack, document) == {"jwt-expiration"}


async def test_envoy_gateway() -> None:
    async for stack, envoy, document in in_mesh(ENVOY_GATEWAY, GATEWAY["identity"]):
        await calls(stack, envoy, None)
        found = dangers_of(stack, document)
        assert found == {"jwt-expiration", "jwt-forward", "route-override"}


def test_the_pages_configuration_is_good(tmp_path: Path) -> None:
    """As printed, with its notes."""
    (tmp_path / "extproc.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "mesh.rego").write_text(POLICY)
    (line,) = [each for each in PAGE.splitlines() if each.startswith("$ extproc config check")]
    command = [sys.executable, "-m", "extproc", *line.split()[2:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    for name in ("'all' is any method", "'health' without a token", "'*.shop.svc.cluster.local'", "identity: "):
        assert name in done.stdout + done.stderr
