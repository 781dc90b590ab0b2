"""What Envoy says about a connection decides calls, on both doors; secret header fields decide and are kept nowhere."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography import x509

from extproc.demo.canaries import Canary, Search
from extproc.envoy_config.render.bootstrap import GuardFilter
from extproc.wire.attribute_names import EXTENSIONS_NAMESPACE
from tests.integration.guard.stack import PLAIN, Stack, rows, run_stack
from tests.integration.support.certificates import SERVER, Authority, serve_tls

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
POLICY = """package extproc

import input.attributes
import input.attributes.request.http

default decision := {"action": "allow", "rule": "open"}

decision := {"action": "deny", "rule": text} if {
	name := http.headers["x-deny-by"]
	denied[name]
	secrets := [object.get(http.headers, field, "") | some field in ["cookie", "proxy-authorization"]]
	text := sprintf("denied by %s %s", [name, concat(" ", secrets)])
}

denied["principal"] if attributes.source.principal == "spiffe://acme.example/agent"

denied["source_principal"] if startswith(input.source_principal, "spiffe://acme.example/")

denied["certificate"] if contains(urlquery_decoded, "-----BEGIN CERTIFICATE-----")

urlquery_decoded := replace(attributes.source.certificate, "%20", " ")

denied["destination"] if attributes.destination.principal == "crm.example.com"

denied["destination address"] if attributes.destination.address.socketAddress.portValue > 0

denied["protocol"] if http.protocol == "HTTP/2"

denied["sni"] if attributes.tlsSession.sni == "crm.example.com"

denied["extension"] if attributes.contextExtensions.team == "red"

denied["cookie"] if contains(http.headers.cookie, "canary")

denied["authorization"] if startswith(http.headers["proxy-authorization"], "Basic ")

denied["error"] if {
	http.headers["x-deny-by"] == "error"
	to_number(http.headers.cookie) > 0
}
"""
OF_A_CLIENT = ["principal", "source_principal", "certificate", "protocol"]
OF_TLS = ["destination", "sni"]
OF_ANYBODY = ["destination address", "extension"]
SECRETS = ("canary-cookie-8Hs2kq", "canary-proxy-Zx7w1p")


@dataclass
class Door:
    """One installation, and callers of it."""

    name: str
    stack: Stack
    agent: httpx.AsyncClient
    """Has a certificate, and speaks HTTP/2."""
    anonymous: httpx.AsyncClient
    authority: Authority

    async def call(self, client: httpx.AsyncClient, deny_by: str, **headers: str) -> httpx.Response:
        return await client.get(
            f"https://127.0.0.1:{self.stack.port}/customers/1",
            headers={"host": PLAIN, **self.stack.issuer.headers(), "x-deny-by": deny_by, **headers},
            extensions={"sni_hostname": SERVER},
        )


@pytest_asyncio.fixture(loop_scope="session", scope="module", params=["ext_proc", "ext_authz"])
async def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    folder: Path = tmp_path_factory.mktemp("certificates")
    authority = Authority.create(folder)
    (folder / "policy.rego").write_text(POLICY)
    name: GuardFilter = request.param

    def change(rendered: dict[str, Any]) -> None:
        serve_tls(rendered, authority)
        extend(rendered, {"team": "red"})

    policy = {"paths": [str(folder / "policy.rego")], "show_headers": ["cookie", "proxy-authorization"]}
    async with run_stack(workers=1, door=name, change=change, policy=policy) as stack:
        names = [x509.UniformResourceIdentifier("spiffe://acme.example/agent")]
        agent = httpx.AsyncClient(verify=authority.client("agent", names), http2=True, timeout=30.0)
        anonymous = httpx.AsyncClient(verify=authority.anonymous(), timeout=30.0)
        async with agent, anonymous:
            yield Door(name, stack, agent, anonymous, authority)


def extend(rendered: dict[str, Any], extensions: dict[str, str]) -> None:
    """Give every route context extensions, for either filter."""
    manager = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    authz = any(each["name"] == "envoy.filters.http.ext_authz" for each in manager["http_filters"])
    per_route = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
        "check_settings": {"context_extensions": extensions},
    }
    for host in manager["route_config"]["virtual_hosts"]:
        for route in host["routes"]:
            route["metadata"] = {"filter_metadata": {EXTENSIONS_NAMESPACE: extensions}}
            if authz and "route" in route:
                route["typed_per_filter_config"] = {"envoy.filters.http.ext_authz": per_route}


@pytest.mark.parametrize("fact", [*OF_A_CLIENT, *OF_TLS, *OF_ANYBODY])
async def test_a_deny_rule_about_the_connection_applies(door: Door, fact: str) -> None:
    """The rule that nobody asks for does not."""
    assert (await door.call(door.agent, fact)).status_code == 403
    assert (await door.call(door.agent, "nothing")).status_code == 200


@pytest.mark.parametrize("fact", [*OF_A_CLIENT, *OF_TLS, *OF_ANYBODY])
async def test_it_does_not_apply_to_others(door: Door, fact: str) -> None:
    """To callers without a certificate, whatever they write into header fields."""
    forged = {
        "x-forwarded-client-cert": "URI=spiffe://acme.example/agent",
        "x-extproc-peer-certificate": "-----BEGIN CERTIFICATE-----",
    }
    expected = 200 if fact in OF_A_CLIENT else 403
    assert (await door.call(door.anonymous, fact, **forged)).status_code == expected


async def test_a_policy_is_not_asked_without_the_facts_that_it_reads(tmp_path: Path) -> None:
    """A filter from before asks for fewer: a deny rule about the others would not apply."""
    rule = 'package extproc\n\ndecision := {"action": "allow"} if not input.source_principal == "spiffe://a"\n'
    (tmp_path / "policy.rego").write_text(rule)

    def older(rendered: dict[str, Any]) -> None:
        manager = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        (guard,) = [each["typed_config"] for each in manager["http_filters"] if each["name"].endswith("ext_proc")]
        guard["request_attributes"] = ["source.address"]
        del guard["grpc_service"]["initial_metadata"]

    policy = {"paths": [str(tmp_path / "policy.rego")]}
    async with run_stack(workers=1, change=older, policy=policy) as stack:
        answer = await stack.call(host=PLAIN)
        assert (answer.status_code, answer.json()["reason"]) == (403, "policy-error")
        entry = await stack.ended_of(answer)
    assert entry["rule"] == "envoy.attributes"
    assert "input.attributes.source.principal, which Envoy's filter does not send" in entry["detail"]


async def test_a_large_certificate_passes(door: Door) -> None:
    """Larger than the 8 KiB of metadata that gRPC takes by default."""
    names = [x509.UniformResourceIdentifier(f"spiffe://acme.example/agent/{number:060}") for number in range(200)]
    async with httpx.AsyncClient(verify=door.authority.client("large", names), timeout=30.0) as large:
        assert (await door.call(large, "nothing")).status_code == 200
        assert (await door.call(large, "certificate")).status_code == 403


async def test_shown_secrets_decide_and_are_kept_nowhere(door: Door) -> None:
    """Not even where policy's rule is named after them, or where policy fails on them."""
    cookie, proxy = SECRETS
    basic = "Basic " + base64.b64encode(f"u:{proxy}".encode()).decode()
    secrets = {"cookie": f"session={cookie}", "proxy-authorization": basic}
    statuses = {
        name: (await door.call(door.agent, name, **secrets)).status_code
        for name in ("cookie", "authorization", "error", "nothing")
    }
    assert statuses == {"cookie": 403, "authorization": 403, "error": 403, "nothing": 200}
    search = Search([Canary("cookie", cookie), Canary("proxy", proxy), Canary("proxy", basic)])
    search.folder(door.stack.settings.state)
    search.text(door.stack.logs().encode(), "log")
    search.text(repr(door.stack.envoy.access_log()).encode(), "access log")
    assert search.done.hits == set()
    rules = [entry["rule"] for file in door.stack.spools() for _, entry in rows(file, 0)]
    assert any("denied by cookie" in rule and "[cookie]" in rule for rule in rules), rules
