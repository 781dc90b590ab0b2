"""The API answers as its OpenAPI document says, whatever it is asked: by schemathesis, with a token and without."""

import json
import time

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from extproc.approvals.sqlite import SqliteApprovals
from extproc.console.api import make_api
from extproc.console.authenticator import make_authenticator
from extproc.console.openapi_reference import render_reference
from extproc.pinning.pins import SeenDefinition
from extproc.pinning.sqlite_pins import SqlitePins
from tests.unit.approvals.samples import request
from tests.unit.console.desks import make_desk
from tests.unit.console.served import ISSUER, FakeReader, token
from tests.unit.console.served import settings as settings_in

pytestmark = pytest.mark.slow

EXAMPLES = 12
"""Requests for each endpoint and token."""
HOUR_NS = 3_600 * 10**9
KNOWN = request(created_ns=time.time_ns(), expires_ns=time.time_ns() + HOUR_NS, requester=f"{ISSUER}|alice")
APPROVER = {"Authorization": f"Bearer {token('bob', ('sre', 'dpo'))}"}
DOCUMENT = json.loads(render_reference())
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
OPEN = ("/healthz", "/.well-known/extproc")
"""What everybody may ask."""
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
WITH_INPUT = [
    (path, method)
    for path, method in OPERATIONS
    if {"parameters", "requestBody"} & set(DOCUMENT["paths"][path][method.lower()])
]


@pytest.fixture(scope="module")
def api_schema(tmp_path_factory):
    """The description that the real application serves."""
    folder = tmp_path_factory.mktemp("control")
    store = SqliteApprovals(folder / "approvals.db")
    pins = SqlitePins(folder / "definitions.db")
    pins.saw("crm", (SeenDefinition("get", f"sha256:{'1' * 64}", "{}"),), 1, first_sight=True)
    store.open(KNOWN)
    configured = settings_in(folder, analyst_groups=["sre"])
    app = make_api(
        desk=make_desk(store),
        pins=pins,
        reader=FakeReader(),
        authenticator=make_authenticator(configured, time.time_ns),
        clock=time.time_ns,
        settings=configured,
    )
    yield schemathesis.openapi.from_asgi("/api/openapi.json", app)
    store.close()
    pins.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_approver_gets_what_is_described(api_schema, path, method):
    """No 5xx, and no undocumented status, type or shape."""

    @QUIET
    @given(case=api_schema[path][method].as_strategy(), known=st.booleans())
    def ask(case, known):
        about_a_known_one(case, known)
        case.call_and_validate(headers=APPROVER)

    ask()


@pytest.mark.parametrize(("path", "method"), WITH_INPUT)
def test_what_is_not_as_described_is_refused(api_schema, path, method):
    @QUIET
    @given(case=api_schema[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case):
        response = case.call(headers=APPROVER)
        if response.status_code != 413:  # refused, before anybody could tell what it is
            case.validate_response(response, headers=APPROVER)

    ask()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_stranger_gets_nothing(api_schema, path, method):
    """And is told so as described."""

    @QUIET
    @given(case=api_schema[path][method].as_strategy(), known=st.booleans())
    def ask(case, known):
        about_a_known_one(case, known)
        response = case.call()
        case.validate_response(response)
        assert response.status_code in ({200, 404} if path in OPEN else {401, 422}), response.status_code

    ask()


def about_a_known_one(case, known):
    if known and "approval_id" in (case.path_parameters or {}):
        case.path_parameters["approval_id"] = KNOWN.approval_id
