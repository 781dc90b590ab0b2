"""Envoy's own facts about a request reach the guard alike over ext_proc and ext_authz, and no header can forge them."""

import dataclasses
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from cryptography import x509
from envoy.service.auth.v3 import external_auth_pb2 as auth

from extproc.envoy_config.lint.check_file import check_document
from extproc.envoy_config.render.bootstrap import GuardFilter
from extproc.model.call import Attributes
from extproc.wire.attribute_names import EXTENSIONS_NAMESPACE
from extproc.wire.decode import decode
from extproc.wire.ext_authz import decode_check
from tests.integration.support.certificates import SERVER, Authority, serve_tls
from tests.integration.support.guarded import guarded
from tests.integration.support.scripted_guard import Talk, allow_all
from tests.integration.support.settings import HOST

pytestmark = pytest.mark.envoy
DOORS: list[GuardFilter] = ["ext_proc", "ext_authz"]
NAMES = [x509.UniformResourceIdentifier("spiffe://acme.example/agent"), x509.DNSName("agent.acme.example")]
FORGED = {
    "x-forwarded-client-cert": "By=a;URI=spiffe://forged",
    "x-extproc-peer-certificate": "forged",
    "x-extproc-context-extensions": '{"team":"forged"}',
    "x-envoy-downstream-service-cluster": "forged",
    "x-envoy-peer-metadata": "forged",
}


@dataclass
class Heard:
    """Remembers what the guard decodes of each request."""

    attributes: list[Attributes] = field(default_factory=list)

    async def script(self, talk: Talk) -> None:
        context = talk.context

        class Telling(Talk):
            async def receive(inner) -> Any:  # noqa: N805 - the outer self is needed
                message = await super().receive()
                if message is not None and message.HasField("request_headers"):
                    event = decode(message.SerializeToString(), context.invocation_metadata)
                    self.attributes.append(event.head.attributes)
                return message

        await allow_all(Telling(context, talk.heard))

    def check(self, asked: auth.CheckRequest) -> auth.CheckResponse:
        self.attributes.append(decode_check(asked.SerializeToString()).head.attributes)
        answer = auth.CheckResponse()
        answer.status.SetInParent()
        answer.dynamic_metadata.fields["guard"].string_value = "done"
        return answer


async def attributes_of(
    door: GuardFilter,
    change: Callable[[dict[str, Any]], None],
    client: ssl.SSLContext | None,
    *,
    http2: bool = False,
) -> Attributes:
    """Call once, with forged fields, and return what the guard understood."""
    heard = Heard()
    async with guarded(heard.script, guard_filter=door, check=heard.check, change=change) as run:
        scheme = "https" if client else "http"
        async with httpx.AsyncClient(verify=client or False, http2=http2) as caller:
            got = await caller.get(
                f"{scheme}://127.0.0.1:{run.envoy.port}/customers/1?q=1",
                headers={"host": HOST, **run.issuer.headers(), **FORGED},
                extensions={"sni_hostname": SERVER} if client else {},
            )
        assert got.status_code == 200, got.text
        (found,) = heard.attributes
        assert found.destination == f"127.0.0.1:{run.envoy.port}"
        assert found.unsent == frozenset()
    assert "forged" not in str(dataclasses.astuple(found))
    return found


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("names", "principal"),
    [
        (NAMES, "spiffe://acme.example/agent"),
        (NAMES[1:], "agent.acme.example"),
        ([], "CN=agent,O=acme\\, inc"),
    ],
)
async def test_a_client_certificate_names_the_caller(
    door: GuardFilter, names: list[Any], principal: str, authority: Authority
) -> None:
    """By its URI, else by its DNS name, else by its subject, on both doors."""
    client = authority.client("agent", names)
    found = await attributes_of(door, lambda rendered: serve_tls(rendered, authority), client, http2=True)
    assert (found.source_principal, found.destination_principal) == (principal, SERVER)
    assert unquote(found.source_certificate) == (authority.folder / "agent.crt").read_text()
    assert (found.protocol, found.sni) == ("HTTP/2", SERVER)


@pytest.mark.parametrize("door", DOORS)
async def test_without_a_certificate_there_is_no_principal(door: GuardFilter, authority: Authority) -> None:
    """Over TLS, and without TLS."""
    over_tls = await attributes_of(door, lambda rendered: serve_tls(rendered, authority), authority.anonymous())
    plain = await attributes_of(door, lambda _: None, None)
    assert (over_tls.source_principal, over_tls.source_certificate) == ("", "")
    assert (over_tls.sni, over_tls.protocol) == (SERVER, "HTTP/1.1")
    assert (plain.source_principal, plain.destination_principal, plain.sni) == ("", "", "")


@pytest.mark.parametrize(("door", "sni"), [("ext_proc", ""), ("ext_authz", SERVER)])
async def test_ext_proc_sees_the_server_name_only_with_a_tls_inspector(
    door: GuardFilter, sni: str, authority: Authority
) -> None:
    """Which is what ``hidden-attributes`` of the check says."""
    found = await attributes_of(
        door, lambda rendered: serve_tls(rendered, authority, inspector=False), authority.anonymous()
    )
    assert found.sni == sni


@pytest.mark.parametrize("door", DOORS)
async def test_a_route_has_context_extensions(door: GuardFilter) -> None:
    """Of the filter for ext_authz, and as metadata of the route for ext_proc; other letters than ASCII too."""
    extensions = {"team": "réd", "tier": '"1"'}

    def change(rendered: dict[str, Any]) -> None:
        manager = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        route = manager["route_config"]["virtual_hosts"][0]["routes"][0]
        per_route = {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
            "check_settings": {"context_extensions": extensions},
        }
        if door == "ext_authz":
            route["typed_per_filter_config"] = {"envoy.filters.http.ext_authz": per_route}
        else:
            route["metadata"] = {"filter_metadata": {EXTENSIONS_NAMESPACE: extensions}}

    assert (await attributes_of(door, change, None)).context_extensions == extensions
    assert (await attributes_of(door, lambda _: None, None)).context_extensions == {}


@pytest.mark.parametrize("door", DOORS)
async def test_named_metadata_of_a_route_arrives(door: GuardFilter) -> None:
    """A namespace that the filter asks for."""

    def change(rendered: dict[str, Any]) -> None:
        manager = rendered["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["route_config"]["virtual_hosts"][0]["routes"][0]["metadata"] = {
            "filter_metadata": {"my.route": {"tier": 1, "tags": ["a"]}, "unasked": {"a": 1}}
        }
        (guard,) = [each["typed_config"] for each in manager["http_filters"] if each["name"].endswith(door)]
        if door == "ext_authz":
            guard["route_metadata_context_namespaces"] = ["my.route"]
        else:
            guard["grpc_service"]["initial_metadata"].append(
                {"key": "x-extproc-route-metadata.my.route", "value": "%METADATA(ROUTE:my.route)%"}
            )

    assert (await attributes_of(door, change, None)).route_metadata == {"my.route": {"tier": 1, "tags": ["a"]}}


@pytest.mark.parametrize("door", DOORS)
async def test_a_certificate_of_ones_own_making_names_nobody(
    door: GuardFilter, authority: Authority, tmp_path: Path
) -> None:
    """Unless the listener does not verify it, which is the danger ``clients-unverified``."""
    (tmp_path / "own").mkdir()
    forger = Authority.create(tmp_path / "own", "own")
    client = forger.client("agent", NAMES)
    client.load_verify_locations(cafile=str(authority.certificate))

    def loose(rendered: dict[str, Any]) -> None:
        serve_tls(rendered, authority, check=False)
        assert "clients-unverified" in {each.danger for each in check_document(rendered)}

    assert (await attributes_of(door, loose, client)).source_principal == "spiffe://acme.example/agent"
    with pytest.raises((httpx.HTTPError, ssl.SSLError)):
        await attributes_of(door, lambda rendered: serve_tls(rendered, authority), client)
