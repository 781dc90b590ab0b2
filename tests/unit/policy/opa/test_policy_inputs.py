"""Policies in OPA that cannot tell a response from its request are not asked about responses."""

import asyncio
import contextlib
import json
import subprocess

import httpx
import pytest

from extproc.policy.contract.response_interest import TELLING, ResponseInterest
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.opa.policy_inputs import may_read

SOON_S = 30.0
PLUGIN = """package envoy.authz
import input.attributes.request.http as http_request
import input.parsed_body as body
default allow := false
allow if {
	http_request.method == "GET"
	not denied
}
denied if body.admin
denied if [1 | input.parsed_query[_][_] == "x"] != []
response := "input.response"
direction(x) := x.direction
allow if direction(data.x) == 1
"""


@pytest.fixture(scope="module")
def client(opa_binary, tmp_path_factory):
    """A client of an OPA server without policies."""
    uds = tmp_path_factory.mktemp("opa") / "s"
    command = [opa_binary, "run", "--server", "--addr", f"unix://{uds}", "--log-level", "error"]
    with (
        subprocess.Popen(command) as server,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(uds), retries=8)) as one,
    ):
        yield one
        server.terminate()


def listed(client, *texts):
    """The list of policies in an OPA that holds these."""
    for number, text in enumerate(texts):
        client.put(f"http://opa/v1/policies/p{number}", content=text.encode()).raise_for_status()
    found = client.get("http://opa/v1/policies").json()["result"]
    for number, _ in enumerate(texts):
        client.delete(f"http://opa/v1/policies/p{number}").raise_for_status()
    assert len(found) == len(texts)
    return found


def test_a_policy_written_for_the_plugin_cannot_tell(client):
    assert not may_read(listed(client, PLUGIN), TELLING)
    assert not may_read(listed(client, PLUGIN, "package other\n\nx := input.call.response"), TELLING)


@pytest.mark.parametrize(
    "text",
    [
        "x if input.response.status == 200",
        'x if input["direction"] == "response"',
        "import input.response as answer\n\nx if answer.status == 200",
        "import input as whole\n\nx if whole.response",
        "x if {\n\tsome key\n\tinput[key] == 1\n}",
        'x if input[concat("", ["resp", "onse"])]',
        "x if count(input) > 1",
        "f(y) := y.response\n\nx := f(input)",
        "x if {\n\tall := input\n\tall.response\n}",
        'x := object.get(input, "response", 1)',
        "x if walk(input, [[`a`], _])",
        "x := {y | y := input.response.body[_]}",
        "x if input.call[input.direction]",
        "x if not input.response",
        "x if every y in [1] { y == input.response }",
        "x[input.direction] := 1",
        "default x := 1\n\nx := 2 if false\nelse := input.response",
        "x if data.y with input as {}",
    ],
)
def test_whatever_may_read_it_counts(client, text):
    assert may_read(listed(client, PLUGIN, f"package other\n\n{text}"), TELLING)


@pytest.mark.parametrize("policies", [[None], [{}], [{"raw": "package a"}]])
def test_a_policy_without_its_tree_may_read_anything(policies):
    assert may_read(policies, TELLING)


class ScriptedOpa:
    """Answers as an OPA with one bundle, whose policies can be listed or not."""

    revision, reads, lists = "1", "parsed_body", True

    def answer(self, target):
        if target.startswith("/v1/policies"):
            ref = [{"type": "var", "value": "input"}, {"type": "string", "value": self.reads}]
            return {"result": [{"ast": {"rules": [{"type": "ref", "value": ref}]}}]} if self.lists else None
        if target.startswith("/v1/data/extproc/directions"):
            return {}
        return {"result": True, "provenance": {"bundles": {"b": {"revision": self.revision}}}}

    async def handle(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (line for line in head.lower().split("\r\n") if line.startswith("content-length:")), ":0"
                )
                await reader.readexactly(int(length.partition(":")[2]))
                found = self.answer(head.split()[1])
                body = json.dumps(found).encode()
                status = "200 OK" if found is not None else "403 Forbidden"
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()


@contextlib.asynccontextmanager
async def asking(tmp_path, scripted, interest=ResponseInterest.UNKNOWN):
    """An engine that is polled when the test says so."""
    server = await asyncio.start_unix_server(scripted.handle, tmp_path / "s")
    opa = OpaEngine(
        OpaServer(f"unix:{tmp_path}/s", SOON_S, response_interest=interest), "data.a.allow", poll_every_s=SOON_S
    )
    try:
        yield opa
    finally:
        await opa.close()
        server.close()


async def test_an_opa_whose_policies_cannot_tell_is_not_asked(tmp_path):
    async with asking(tmp_path, ScriptedOpa()) as opa:
        assert opa.response_interest is ResponseInterest.UNKNOWN
        await opa.poll()
        assert opa.response_interest is ResponseInterest.NEVER
        await opa.evaluate(b"{}")
        assert opa.response_interest is ResponseInterest.NEVER


async def test_a_bundle_that_comes_with_rules_about_responses_counts_from_its_first_answer(tmp_path):
    scripted = ScriptedOpa()
    async with asking(tmp_path, scripted) as opa:
        await opa.poll()
        await opa.evaluate(b"{}")
        scripted.revision, scripted.reads = "2", "response"
        await opa.evaluate(b"{}")
        assert opa.response_interest is ResponseInterest.UNKNOWN
        scripted.revision, scripted.reads = "3", "call"
        await opa.evaluate(b"{}")
        assert opa.response_interest is ResponseInterest.NEVER


async def test_an_opa_that_does_not_list_its_policies_is_asked(tmp_path):
    scripted = ScriptedOpa()
    scripted.lists = False
    async with asking(tmp_path, scripted) as opa:
        await opa.poll()
        assert opa.response_interest is ResponseInterest.UNKNOWN
        scripted.lists = True
        await opa.poll()
        assert opa.response_interest is ResponseInterest.NEVER


async def test_the_setting_has_the_last_word(tmp_path):
    async with asking(tmp_path, ScriptedOpa(), ResponseInterest.ALWAYS) as opa:
        await opa.poll()
        await opa.evaluate(b"{}")
        assert opa.response_interest is ResponseInterest.ALWAYS
