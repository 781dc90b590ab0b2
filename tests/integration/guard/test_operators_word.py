"""The operator's word about values, and masked values that come back, with the starter policies."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.integration.guard.stack import CARD, CRM, SSN, Stack, run_stack
from tests.integration.support.upstream import Scripted

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

OURS, THEIRS, CALLER = "help@example.com", "alice@example.org", "203.0.113.7"
RECORD = {"name": "Alice", "email": THEIRS, "owner": OURS, "card": CARD, "ssn": SSN}
GUARD = {"roles": {"*": {"functions": ["crm.*"]}}, "masked_values": {"allowed": ["crm.complete"]}}
REASON = "our own support addresses"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    data = tmp_path_factory.mktemp("data") / "data.yaml"
    Path(data).write_text(yaml.safe_dump({"guard": GUARD}))

    def connections(_issuer: object, upstream: str) -> dict[str, object]:
        everything = {"entity": "*"}
        exempt = [
            {"entity": "EMAIL_ADDRESS", "domain": "example.com", "reason": REASON},
            {
                "entity": "IP_ADDRESS",
                "path": "header.x-client",
                "direction": "request",
                "reason": "the backend limits by caller",
            },
        ]
        masking = {
            "request": [everything],
            "response": [{"path": "$.card", "how": "partial"}, everything],
            "exempt": exempt,
        }
        functions = {
            "get": {"method": "GET", "path": "/customers/{id}"},
            "update": {"method": "POST", "path": "/customers"},
            "complete": {"method": "POST", "path": "/complete"},
        }
        return {
            "crm": {
                "protocol": "http-json",
                "hosts": [CRM],
                "functions": functions,
                "upstream": {"address": upstream},
                "masking": masking,
            }
        }

    policy = {"paths": [], "data": [str(data)]}
    async with run_stack(workers=1, connections=connections, policy=lambda *_: policy) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def stack(running: Stack) -> AsyncIterator[Stack]:
    running.upstream.answer = Scripted(200, [("content-type", "application/json")], [json.dumps(RECORD).encode()])
    running.fresh()
    yield running
    await running.settled()


async def test_exempt_values_pass_and_the_record_says_which_and_not_what(stack: Stack) -> None:
    """Both bodies, a header field and a URL, through Envoy."""
    answer = await stack.call("GET", f"/customers/{OURS}", headers={"x-client": CALLER, "x-other": CALLER})
    assert answer.json() == {
        "name": "Alice",
        "email": "[EMAIL_ADDRESS]",
        "owner": OURS,
        "card": "***************1111",
        "ssn": "[US_SSN]",
    }
    (seen,) = stack.reached
    fields = dict(seen.headers)
    assert (fields["x-client"], fields["x-other"]) == (CALLER, "[IP_ADDRESS]")
    entry = await stack.ended()
    found = {(each["entity"], each["path"], each["how"], each["side"]) for each in entry["findings"]}
    assert found >= {
        ("EMAIL_ADDRESS", "$.owner", f"exempt: {REASON}", "response"),
        ("EMAIL_ADDRESS", "url", f"exempt: {REASON}", "request"),
        ("IP_ADDRESS", "header.x-client", "exempt: the backend limits by caller", "request"),
        ("EMAIL_ADDRESS", "$.email", "redact", "response"),
        ("FIELD", "$.card", "partial", "response"),
    }
    assert json.loads(entry["response"])["owner"] == "[EMAIL_ADDRESS]"
    assert OURS not in json.dumps(entry)
    assert THEIRS not in json.dumps(entry)


async def test_a_masked_value_is_not_written_back(stack: Stack) -> None:
    """An agent reads a record and writes it back: denied, with a reason that says what to do."""
    record = (await stack.call()).json()
    stack.reached.clear()
    denied = await stack.call("POST", "/customers", json={**record, "name": "Alice B."})
    assert (denied.status_code, denied.json()["reason"]) == (403, "masked-value")
    assert denied.json()["title"] == "A value in the call was masked: leave that field out"
    assert stack.reached == []
    entry = await stack.ended_of(denied)
    found = {(each["entity"], each["path"]) for each in entry["findings"]}
    assert {("MASKED_VALUE", f"$.{name}") for name in ("email", "card", "ssn")} <= found
    allowed = await stack.call("POST", "/customers", json={"name": "Alice B."})
    assert allowed.status_code == 200
    assert [json.loads(each.body) for each in stack.reached] == [{"name": "Alice B."}]


async def test_a_function_that_may_have_masked_values(stack: Stack) -> None:
    """A model's prompt quotes what masking left."""
    answer = await stack.call("POST", "/complete", json={"prompt": "write to [EMAIL_ADDRESS]"})
    assert answer.status_code == 200
    assert [json.loads(each.body) for each in stack.reached] == [{"prompt": "write to [EMAIL_ADDRESS]"}]
    found = (await stack.ended())["findings"]
    assert "MASKED_VALUE" in {each["entity"] for each in found}
