"""One provider and one console for the tests of a module; their state is new for each test."""

import pytest

from extproc.approvals.sqlite import SqliteApprovals
from extproc.console.sign_in.session_store import FILE, SessionStore
from tests.unit.console.served import Switch
from tests.unit.console.sign_in.console import Clock, Console
from tests.unit.console.sign_in.provider import FakeProvider, on_loopback


@pytest.fixture(scope="session")
def servers():
    provider, console = Switch(), Switch()
    with on_loopback(provider) as provider_port, on_loopback(console) as console_port:
        yield provider, f"http://127.0.0.1:{provider_port}", console, f"http://127.0.0.1:{console_port}"


@pytest.fixture
def provider(servers):
    switch, url, _, _ = servers
    made = FakeProvider(issuer=url)
    switch.app = made.application()
    return made


@pytest.fixture
def console(servers, provider, tmp_path):
    _, _, switch, url = servers
    store, approvals = SessionStore(tmp_path / FILE), SqliteApprovals(tmp_path / "approvals.db")
    made = Console(url, switch, tmp_path, provider, Clock(), store, approvals)
    made.configure()
    yield made
    store.close()
    approvals.close()


@pytest.fixture
def browser(console):
    with console.browser() as made:
        yield made
