"""A real Keycloak on loopback, with people, groups and clients.

    with run_keycloak() as keycloak:
        client_id, secret = keycloak.add_console("http://127.0.0.1:9901")

``.ci/keycloak`` fetches it. EXTPROC_TEST_KEYCLOAK names one that runs already (user and password of its administrator:
admin), which saves its start while tests are written.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

FOLDER = Path(__file__).parents[3] / ".tools" / "keycloak"
OPTIONS = ("--db=dev-mem", "--health-enabled=false", "--cache=local")
"""Those for which ``.ci/keycloak`` has built the server."""
WITHIN_S = 600.0
"""It takes half a minute on an idle machine."""
ADMIN = "admin"
PASSWORDS = {"maya": "canary-maya-password", "omar": "canary-omar-password", "noor": "canary-noor-password"}
GROUPS = {"maya": ["sre"], "omar": ["dba", "sre"], "noor": ["audit"]}
CLI_CLIENT, API_AUDIENCE = "extproc-cli", "extproc-api"


def mapper(name: str, kind: str, **config: str) -> dict[str, Any]:
    """A protocol mapper: it puts something into tokens."""
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


GROUP_MAPPER = mapper(
    "groups",
    "oidc-group-membership-mapper",
    **{"claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "true"},
)
AUDIENCE_MAPPER = mapper(
    "audience",
    "oidc-audience-mapper",
    **{"included.custom.audience": API_AUDIENCE, "id.token.claim": "false", "access.token.claim": "true"},
)


def realm_of(name: str) -> dict[str, Any]:
    """A realm to import: people, their groups, and the public client of a command line."""
    people = [
        {
            "username": person,
            "email": f"{person}@example.com",
            "emailVerified": True,
            "firstName": person.title(),
            "lastName": "Example",
            "enabled": True,
            "groups": groups,
            "credentials": [{"type": "password", "value": PASSWORDS[person], "temporary": False}],
        }
        for person, groups in GROUPS.items()
    ]
    command_line = {
        "clientId": CLI_CLIENT,
        "publicClient": True,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": True,
        "redirectUris": ["http://127.0.0.1/*", "http://localhost/*"],
        "attributes": {"oauth2.device.authorization.grant.enabled": "true", "pkce.code.challenge.method": "S256"},
        "protocolMappers": [GROUP_MAPPER, AUDIENCE_MAPPER],
    }
    names = sorted({group for groups in GROUPS.values() for group in groups})
    return {
        "realm": name,
        "enabled": True,
        "sslRequired": "none",
        "accessTokenLifespan": 300,
        "groups": [{"name": group} for group in names],
        "users": people,
        "clients": [command_line],
    }


def machine_can_have_one() -> bool:
    """True where ``.ci/keycloak`` can fetch it."""
    return shutil.which("mvn") is not None and shutil.which("java") is not None


def check_there_is_one() -> None:
    """Skip the test where there is no Keycloak, and fail in CI where there could be one."""
    if os.environ.get("EXTPROC_TEST_KEYCLOAK") or (FOLDER / ".installed").exists():
        return
    if os.environ.get("CI") and machine_can_have_one():
        pytest.fail("no Keycloak: run .ci/keycloak")
    pytest.skip("no Keycloak (.ci/keycloak fetches it; it needs mvn and java)")


@dataclass
class Keycloak:
    """A running server, and a realm of these tests' own."""

    url: str
    log_file: Path | None = None
    realm: str = field(default_factory=lambda: f"corp-{secrets.token_hex(3)}")
    started_s: float = 0.0
    """Seconds until it served."""

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{self.realm}"

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}/protocol/openid-connect/certs"

    def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask the administrators' API about the realm."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": ADMIN}
        token_url = f"{self.url}/realms/master/protocol/openid-connect/token"
        with httpx.Client(timeout=60, trust_env=False) as client:
            token = client.post(token_url, data=form).raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.request(method, f"{self.url}/admin/realms{path}", headers=headers, **more)
        assert answer.is_success, (answer.status_code, answer.text)
        return answer

    def import_realm(self) -> None:
        """Make the realm."""
        self.admin("POST", "", json=realm_of(self.realm))

    def add_console(self, url: str, **changes: Any) -> tuple[str, str]:
        """Register a console at this address. Returns the client's id and its secret."""
        client_id, secret = f"console-{secrets.token_hex(3)}", f"canary-{secrets.token_hex(8)}"
        client = {
            "clientId": client_id,
            "secret": secret,
            "publicClient": False,
            "standardFlowEnabled": True,
            "redirectUris": [f"{url}/sign-in/callback"],
            "attributes": {
                "pkce.code.challenge.method": "S256",
                "post.logout.redirect.uris": f"{url}/sign-in",
                "backchannel.logout.url": f"{url}/sign-in/back-channel-logout",
                "backchannel.logout.session.required": "true",
            },
            "protocolMappers": [GROUP_MAPPER],
            **changes,
        }
        self.admin("POST", f"/{self.realm}/clients", json=client)
        return client["clientId"], secret

    def user_id(self, name: str) -> str:
        """The subject of a person's tokens."""
        found = self.admin("GET", f"/{self.realm}/users", params={"username": name, "exact": "true"}).json()
        return str(found[0]["id"])

    def change_user(self, name: str, **changes: Any) -> None:
        """Change a person, such as ``enabled=False``."""
        path = f"/{self.realm}/users/{self.user_id(name)}"
        self.admin("PUT", path, json={**self.admin("GET", path).json(), **changes})

    def log_out(self, name: str) -> None:
        """End all of a person's sessions, as an administrator."""
        self.admin("POST", f"/{self.realm}/users/{self.user_id(name)}/logout")

    def log(self) -> str:
        """The server's log, for failures."""
        return self.log_file.read_text(errors="replace")[-8_000:] if self.log_file else ""


@contextlib.contextmanager
def run_keycloak(folder: Path) -> Iterator[Keycloak]:
    """Start Keycloak with a realm, and end it with the block. Skips or fails where there is none.

    Args:
        folder: for its log.
    """
    check_there_is_one()
    if running := os.environ.get("EXTPROC_TEST_KEYCLOAK"):
        keycloak = Keycloak(running)
        keycloak.import_realm()
        yield keycloak
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log_file, began = folder / "keycloak.log", time.monotonic()
    environment = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "JAVA_HOME", "LANG"}},
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN,
        "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
        # It lives for a minute: quick code is worth less than a quick start.
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    }
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [FOLDER / "bin" / "kc.sh", "start-dev", *OPTIONS, "--http-host=127.0.0.1", f"--http-port={port}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    keycloak = Keycloak(f"http://127.0.0.1:{port}", log_file)
    try:
        _wait(keycloak, process)
        keycloak.started_s = time.monotonic() - began
        keycloak.import_realm()
        yield keycloak
    finally:
        _end(process)


def _wait(keycloak: Keycloak, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{keycloak.url}/realms/master", timeout=5, trust_env=False).status_code == 200:
                return
        assert process.poll() is None, keycloak.log()
        assert time.monotonic() < deadline, keycloak.log()
        time.sleep(0.5)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the script and its Java, which are a process group of their own."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
            if how == signal.SIGKILL or not _group_lives(process.pid):
                return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
