"""What the console tells the command line on other machines, before anybody has signed in."""

import time

import pytest
from fastapi.testclient import TestClient

from extproc.console.api import make_api
from extproc.settings.control import ControlSettings
from tests.unit.console.desks import make_desk
from tests.unit.console.served import ISSUER, FakeReader, settings

ABOUT = "/.well-known/extproc"
SIGN_IN = {"provider": "idp", "client_id": "console", "client_secret_env": "CANARY_SECRET", "scopes": ["groups"]}


@pytest.fixture
def ask(tmp_path, monkeypatch):
    monkeypatch.setenv("CANARY_SECRET", "canary-of-the-console")

    def get(control, *, local=False):
        base = settings(tmp_path)
        name = next(iter(base.identity.providers))
        sign_in = control.get("sign_in")
        given = control | ({"sign_in": sign_in | {"provider": name}} if sign_in else {})
        changed = base.model_copy(update={"control": ControlSettings.model_validate(given)})
        app = make_api(
            desk=make_desk(None),
            pins=None,
            reader=FakeReader(),
            authenticator=None,
            clock=time.time_ns,
            settings=changed,
            local=local,
        )
        return TestClient(app).get(ABOUT)

    return get


def test_it_names_the_provider_and_the_public_client(ask):
    """And nothing of the console's own client."""
    answer = ask({"public_url": "https://approve.example.com", "sign_in": {**SIGN_IN, "cli_client_id": "cli"}})
    assert answer.json() == {
        "issuer": ISSUER,
        "client_id": "cli",
        "scopes": ["groups"],
        "server": "https://approve.example.com",
    }
    assert "canary" not in answer.text


@pytest.mark.parametrize("control", [{}, {"sign_in": SIGN_IN}])
def test_without_a_client_there_is_none(ask, control):
    answer = ask(control)
    assert (answer.status_code, answer.json()["reason"]) == (404, "not-found")


def test_the_socket_has_none(ask):
    """Whoever can open it needs no sign-in."""
    assert ask({"sign_in": {**SIGN_IN, "cli_client_id": "cli"}}, local=True).status_code == 404
