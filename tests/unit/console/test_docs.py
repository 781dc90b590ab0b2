"""``docs/reference/api.md`` agrees with the API."""

import re
from pathlib import Path

import pytest

from extproc.approvals.approval import State
from extproc.approvals.rules import NOTE_MAX, NOTE_MIN
from extproc.console import api, approval_desk, jwks, middleware, request_models
from extproc.console.authorization import TokenVerifier
from extproc.console.problem_documents import REFUSALS
from extproc.pinning.pins import PinnedDefinition, Verdict
from tests.unit.approvals.samples import REQUEST
from tests.unit.console.served import FakeReader, settings

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference/api.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to/approve-calls.md").read_text(encoding="utf-8")


def rows(heading):
    """Return the cells of the table under a heading."""
    section = REFERENCE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in section.splitlines()
        if line[:3] == "| `"
    ]


def test_every_endpoint_is_listed(tmp_path):
    """The page lists no route that does not exist."""
    documented = {cells[0].strip("`").partition("?")[0] for cells in rows("Endpoints")}
    made = api.make_api(
        desk=None,
        pins=None,
        reader=FakeReader(),
        authenticator=TokenVerifier,
        clock=int,
        settings=settings(tmp_path),
    )
    served = {
        f"{method.upper()} {path}" for path, methods in made.openapi()["paths"].items() for method in methods
    }
    served.add("POST /api/sign-in-links")  # on the socket alone: see sign_in/test_links.py
    assert documented == {re.sub(r":path}", "}", line) for line in served}


def test_every_refusal_is_listed():
    """Each reason has its status."""
    documented = {cells[0].strip("`"): cells[1] for cells in rows("Errors")}
    for why, (status, _) in REFUSALS.items():
        assert documented[why] == str(status)


def test_every_member_of_an_approval_is_listed():
    """Members have the names that are sent."""
    from extproc.approvals.approval import Approval
    from extproc.console.response_models import approval_shape

    documented = {name for cells in rows("An approval") for name in re.findall(r"`(\w+)`", cells[0])}
    assert documented == set(approval_shape(Approval(REQUEST, State.PENDING), 0))


def test_every_member_of_a_definition_is_listed(tmp_path):
    from extproc.console.definition_routes import definition_shape

    documented = {name for cells in rows("A definition") for name in re.findall(r"`(\w+)`", cells[0])}
    known = PinnedDefinition("crm", "get", "sha256:1", Verdict.CHANGED, 1, 2)
    assert documented == set(definition_shape(known, settings(tmp_path).connections["crm"]))


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (f"{NOTE_MIN} to {NOTE_MAX:,} characters", REFERENCE),
        (f"{NOTE_MIN} to {NOTE_MAX:,} characters", HOW_TO),
        (f"newest {approval_desk.LOOKED_AT:,}", REFERENCE),
        (f"looks at {approval_desk.HISTORY_SCANNED:,} at a time", REFERENCE),
        (f"at most {approval_desk.PER_CALLER} of one requester", REFERENCE),
        (f"`limit` at most {request_models.LIST_MAX}", REFERENCE),
        (f"{api.QUERY_S:.0f} seconds and return {request_models.ROWS_MAX:,} rows", REFERENCE),
        (f"Bodies may have {middleware.MAX_BODY // 1024} KiB", REFERENCE),
        ("RS256, PS256, ES256 or EdDSA", REFERENCE),
    ],
)
def test_limits_are_the_codes(text, page):
    """The page repeats numbers of the code."""
    assert text in " ".join(page.split())


def test_keys_live_as_long_as_said():
    """The page names five minutes and an hour."""
    assert (jwks.FRESH_NS, jwks.STALE_NS) == (300 * 10**9, 3_600 * 10**9)
