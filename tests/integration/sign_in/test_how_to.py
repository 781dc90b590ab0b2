"""The page "Sign in to the console" is followed with a real Keycloak and the real control process."""

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from tests.integration.guard.stack import dying_with_us
from tests.integration.sign_in.browsing import sign_in
from tests.unit.console.sign_in.console import HTML, AsBrowsersDo, form_of
from tests.unit.docs.test_snippets import BASE

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "sign-in-to-the-console.md"
PUBLIC, ISSUER = "https://approvals.example.com", "https://login.example.com/realms/corp"
WITHIN_S = 120.0


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def control(folder, configuration):
    """``extproc control`` with this configuration."""
    file = folder / "extproc.yaml"
    file.write_text(yaml.safe_dump(configuration))
    argv = [sys.executable, "-m", "extproc", "control", "--config", str(file), "--health", "none"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*dying_with_us(), *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WITHIN_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                address = configuration["control"]["listen"]
                if httpx.get(f"http://{address}/sign-in", trust_env=False).status_code == 200:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_the_page_signs_people_in(keycloak, tmp_path):
    """Its client, its settings, with this machine's addresses in the place of the examples'."""
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}"
    client = json.loads(block("json").replace(PUBLIC, url))
    keycloak.add_console(url, **client)
    configured = yaml.safe_load(block("yaml").replace(ISSUER, keycloak.issuer).replace(PUBLIC, url))
    configured["control"]["listen"] = address
    (tmp_path / "console.secret").write_text(client["secret"])
    state = {"state": str(tmp_path / "state")}
    with (
        control(tmp_path, {**BASE, **configured, **state}),
        httpx.Client(
            base_url=url, headers=HTML, transport=AsBrowsersDo(), follow_redirects=False, timeout=60
        ) as browser,
    ):
        assert browser.get("/").headers["location"] == "/sign-in?next=%2F"
        back = sign_in(browser, "noor")
        assert (back.status_code, back.headers["location"]) == (303, "/")
        page = browser.get("/me")
        assert page.status_code == 200
        assert "audit" in page.text
        csrf = form_of(browser.get("/sign-out").text)
        answer = browser.post("/sign-out", data=csrf, headers={"origin": url})
        assert keycloak.issuer in answer.text
        assert browser.get("/").status_code == 303
    assert (tmp_path / "state" / "sessions.db").stat().st_mode & 0o777 == 0o600
    log = (tmp_path / "log").read_text()
    assert "signed in" in log
    assert client["secret"] not in log
