"""docs/how-to/move-from-opa-envoy-plugin.md, followed step by step: its files, its commands, and its calls on Envoy."""

import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from extproc.config.schema import Settings
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.protocols.grpc.settings import GrpcConnection
from tests.integration.guard.stack import Stack, run_stack
from tests.integration.support.tokens import Issuer
from tests.integration.support.upstream import Scripted

PAGE = (Path(__file__).parents[3] / "docs/how-to/move-from-opa-envoy-plugin.md").read_text(encoding="utf-8")
OLD = 'package envoy.authz\n\ndefault allow = false\n\nallow {\n\tinput.parsed_path[0] == "people"\n}\n'
"""A policy of the time before Rego v1."""
ANSWER = Scripted(200, [("content-type", "application/json")], [b"{}"])


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands(*, of: str) -> list[list[str]]:
    """The page's commands, word by word."""
    lines = [
        line[2:].split() for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")
    ]
    return [line for line in lines if line[0] == of]


POLICY = blocks("rego")[0]
OPA, CONFIG = (yaml.safe_load(block) for block in blocks("yaml"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the page's files."""
    Issuer(tmp_path)
    shutil.copy(next(tmp_path.glob("*.json")), tmp_path / "jwks.json")
    (tmp_path / "policy.rego").write_text(POLICY)
    (tmp_path / "extproc.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def run(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the page in the folder."""
    made = [sys.executable, "-m", "extproc", *words[1:]]
    return subprocess.run(made, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


# 1. The policy


def test_an_old_policy_is_converted_and_passes_the_check(folder: Path, opa_binary: Path) -> None:
    (folder / "policy.rego").write_text(OLD)
    (check,) = [each for each in commands(of="extproc") if each[1:3] == ["policy", "check"]]
    assert run(folder, check).returncode == 1
    (convert,) = commands(of="opa")
    subprocess.run([opa_binary, *convert[1:]], cwd=folder, check=True, capture_output=True, timeout=60)
    assert run(folder, check).returncode == 0


@pytest.mark.parametrize("function", ["http.send({})", 'io.jwt.decode("")', 'graphql.is_valid("", "")'])
def test_check_names_what_the_embedded_engine_does_not_take(folder: Path, function: str) -> None:
    (folder / "policy.rego").write_text(f"package envoy.authz\n\nallow if {function}\n")
    (check,) = [each for each in commands(of="extproc") if each[1:3] == ["policy", "check"]]
    done = run(folder, check)
    assert done.returncode == 1
    assert function.partition("(")[0] in done.stderr + done.stdout


# 2. The configuration


def test_the_configuration_is_valid_with_each_engine(folder: Path) -> None:
    (check,) = [each for each in commands(of="extproc") if each[1:3] == ["config", "check"]]
    assert run(folder, check).returncode == 0
    (folder / "extproc.yaml").write_text(yaml.safe_dump({**CONFIG, **OPA}))
    done = run(folder, check)
    assert "data.envoy.authz.allow" in done.stdout, done.stderr


def test_the_table_names_keys_that_exist() -> None:
    rows = [
        line.split(" | ")[1] for line in PAGE.splitlines() if line.startswith("| `") and line.count(" | ") == 1
    ]
    named = {name for row in rows for name in re.findall(r"`((?:policy|limits|envoy)\.[a-z_.]+)", row)}
    assert named >= {"policy.query", "policy.dry_run", "policy.uninspectable", "limits.request_body"}
    for name in named:
        section, key = name.split(".")
        model = Settings.model_fields[section].annotation
        assert key in model.model_fields, name  # type: ignore[union-attr]
    assert {"descriptors", "methods"} <= GrpcConnection.model_fields.keys()


# 4. Envoy


def rendered(folder: Path) -> dict[str, Any]:
    file = folder / "envoy.yaml"
    done = run(folder, ["extproc", "envoy", "render", "--output", "envoy.yaml"])
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def filters_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    chain = document["static_resources"]["listeners"][0]["filter_chains"][0]
    found: list[dict[str, Any]] = chain["filters"][0]["typed_config"]["http_filters"]
    return found


def names_of(filters: list[dict[str, Any]]) -> list[str]:
    return [each["name"].removeprefix("envoy.filters.http.") for each in filters]


def test_the_parts_are_those_of_the_table(folder: Path) -> None:
    (render,) = [each for each in commands(of="extproc") if each[1:3] == ["envoy", "render"]]
    assert run(folder, render).returncode == 0
    parts = yaml.safe_load((folder / "parts.yaml").read_text())
    names = names_of(parts["http_filters"])
    assert names.index("jwt_authn") < names.index("ext_authz") < names.index("rbac.marked")
    asked = parts["http_filters"][names.index("ext_authz")]["typed_config"]
    assert not asked.get("failure_mode_allow")
    assert not asked["with_request_body"].get("allow_partial_message")
    assert asked["include_peer_certificate"] is asked["include_tls_session"] is True
    assert "extproc-guard" in [each["name"] for each in parts["clusters"]]


def test_the_check_finds_a_missing_and_a_late_jwt_authn(folder: Path) -> None:
    """As whoever verifies tokens in Rego has it."""
    (check,) = [each for each in commands(of="extproc") if each[1:3] == ["envoy", "check"]]
    document = rendered(folder)
    assert run(folder, check).returncode == 0
    filters = filters_of(document)
    at = names_of(filters).index("jwt_authn")
    late = filters.pop(at)
    for danger in ("no-jwt", "jwt-order"):
        (folder / "envoy.yaml").write_text(yaml.safe_dump(document))
        done = run(folder, check)
        assert done.returncode == 1
        assert danger in done.stdout + done.stderr
        filters.insert(names_of(filters).index("ext_authz") + 1, late)


# On Envoy


def connections(_: Issuer, upstream: str) -> dict[str, Any]:
    """The page's connections, with a backend that is there."""
    return {name: {**each, "upstream": {"address": upstream}} for name, each in CONFIG["connections"].items()}


HOST = CONFIG["connections"]["orders"]["hosts"][0]


def late_jwt(document: dict[str, Any]) -> None:
    """Put jwt_authn behind ext_authz."""
    filters = filters_of(document)
    late = filters.pop(names_of(filters).index("jwt_authn"))
    filters.insert(names_of(filters).index("ext_authz") + 1, late)


def stack_of(folder: Path, **more: Any) -> Any:
    (folder / "policy.rego").write_text(POLICY)
    policy = {**CONFIG["policy"], "paths": [str(folder / "policy.rego")], **more.pop("policy", {})}
    return run_stack(workers=1, door="ext_authz", answer=ANSWER, connections=connections, policy=policy, **more)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def moved(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stack_of(tmp_path_factory.mktemp("moved")) as running:
        yield running


async def call(stack: Stack, method: str, path: str, *, token: bool = True, **headers: str) -> httpx.Response:
    stack.fresh()
    sent = {"host": HOST, **headers} if not token else stack.headers(HOST, **headers)
    return await stack.client.request(method, stack.envoy.url + path, headers=sent)


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/people/7", True, 200),
        ("POST", "/people/7", True, 403),
        ("GET", "/orders", True, 403),
        ("GET", "/healthz", False, 200),
        ("GET", "/people/7", False, 401),
    ],
)
async def test_the_moved_policy_decides(moved: Stack, method: str, path: str, token: bool, status: int) -> None:
    answered = await call(moved, method, path, token=token)
    assert answered.status_code == status, answered.text
    assert len(moved.reached) == (status == 200)
    if moved.reached and token:
        (seen,) = moved.reached
        assert (seen.header("x-user"), seen.header("authorization")) == ("alice", None)


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("authorization", ["Basic Ym9iOnNlY3JldA==", "Bearer of-policy-alone"])
async def test_what_only_policy_could_verify_is_refused(moved: Stack, authorization: str) -> None:
    answered = await call(moved, "GET", "/healthz", token=False, authorization=authorization)
    assert answered.status_code == 401
    assert moved.reached == []


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="session")
async def test_with_jwt_authn_behind_ext_authz_nothing_passes(tmp_path: Path) -> None:
    """Refused as a call of nobody, and not let through."""
    async with stack_of(tmp_path, change=late_jwt) as stack:
        answered = await call(stack, "GET", "/people/7")
        assert (answered.status_code, answered.json()["reason"]) == (401, "unauthenticated")
        assert stack.reached == []


@pytest.mark.envoy
@pytest.mark.asyncio(loop_scope="session")
async def test_dry_run_names_what_would_be_denied(tmp_path: Path) -> None:
    async with stack_of(tmp_path, policy={"dry_run": True}) as stack:
        answered = await call(stack, "POST", "/people/7")
        assert answered.status_code == 200
        assert (await stack.ended())["shadow"] == ["policy-denied"]
        answered = await call(stack, "GET", "/people/7", token=False)
        assert answered.status_code == 401


def test_the_queries_are_valid(tmp_path: Path) -> None:
    pytest.importorskip("chdb")
    target = Target("chdb://", "moving", tmp_path / "engine")
    client = connect(target)
    create_schema(client, target.database)
    reader = EvidenceReader(lambda settings: connect(target, settings), target.database)
    try:
        for query in blocks("sql")[0].strip().splitlines():
            assert not reader.query(query).rows
    finally:
        reader.close()
        client.close()
