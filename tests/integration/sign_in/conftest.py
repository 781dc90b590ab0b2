"""A Keycloak for all tests of a process, and a console for each."""

import pytest

from extproc.approvals.sqlite import SqliteApprovals
from extproc.console.sign_in.session_store import FILE, SessionStore
from tests.integration.support.keycloak import WITHIN_S, run_keycloak
from tests.unit.console.served import Switch
from tests.unit.console.sign_in.console import Clock, Console
from tests.unit.console.sign_in.provider import FakeProvider, on_loopback


def pytest_collection_modifyitems(items):
    """The first test of a process waits for Keycloak's start: on a busy machine, some minutes."""
    for item in items:
        if "keycloak" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(WITHIN_S + 120))


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory):
    with run_keycloak(tmp_path_factory.mktemp("keycloak")) as made:
        yield made


@pytest.fixture
def console(keycloak, tmp_path):
    """A console whose provider is Keycloak, with a client of its own."""
    switch = Switch()
    store, approvals = SessionStore(tmp_path / FILE), SqliteApprovals(tmp_path / "approvals.db")
    with on_loopback(switch) as port:
        made = Console(
            f"http://127.0.0.1:{port}", switch, tmp_path, FakeProvider(keycloak.issuer), Clock(), store, approvals
        )
        made.client_id, made.secret = keycloak.add_console(made.url)
        made.jwks_url = keycloak.jwks_url
        made.configure()
        yield made
    store.close()
    approvals.close()
