"""``approvals.store``: a file of this machine, or a database without a password in its URL."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from extproc.config.load import load_settings
from extproc.model.errors import ConfigError
from extproc.settings.approvals import ApprovalsSettings

CANARY = "canary-pw-81hz"
GOOD = """version: 1
identity:
  providers:
    corp: {issuer: https://login.example.com, audiences: [extproc], jwks_file: jwks.json}
connections:
  crm:
    hosts: [crm.test]
    protocol: http-json
    upstream: {address: 127.0.0.1:9000}
    functions: {get: {method: GET, path: /}}
policy: {paths: [policy]}
"""


def load(folder, store):
    (folder / "jwks.json").write_text("{}")
    (folder / "policy").mkdir(exist_ok=True)
    (folder / "policy" / "decision.rego").write_text('package extproc\n\ndecision := {"action": "deny"}\n')
    file = folder / "extproc.yaml"
    file.write_text(f"{GOOD}approvals: {{store: '{store}'}}\n")
    return load_settings(file).approvals.store


@pytest.mark.parametrize("store", ["a.db", "a/b.db", "/var/lib/extproc/approvals.db", "postgresql.db"])
def test_a_file_is_a_path_and_becomes_absolute(tmp_path, store):
    assert load(tmp_path, store) == tmp_path / ".extproc" / store


@pytest.mark.parametrize(
    "store",
    [
        "postgresql://extproc@db.example.com/approvals",
        "postgres://extproc@db.example.com:5433/approvals",
        "postgresql://extproc@db1,db2:5433/approvals?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://extproc@[2001:db8::1]:5432/approvals",
        "postgresql:///approvals?host=/run/postgresql&user=extproc",
        "postgresql://ext%3Aproc@db/approvals",
    ],
)
def test_a_database_stays_as_it_is_written(tmp_path, store):
    assert load(tmp_path, store) == store


@pytest.mark.parametrize(
    "store",
    [
        f"postgresql://extproc:{CANARY}@db/approvals",
        f"postgresql://:{CANARY}@db/approvals",
        f"postgresql://extproc@db/approvals?password={CANARY}",
        f"postgresql://extproc@db/approvals?sslmode=require&pass%77ord={CANARY}",
        f"postgresql://extproc@db/approvals?sslpassword={CANARY}",
        f"postgresql://a@b:{CANARY}@db/approvals",
        f"mysql://extproc:{CANARY}@db/approvals",
        f"PostgreSQL://extproc:{CANARY}@db/approvals",
        f"sqlite://{CANARY}",
        f"postgresql://extproc@db/approvals {CANARY}",
        f"postgresql://extproc@db/approvals#{CANARY}",
    ],
)
def test_a_password_and_other_databases_are_refused_with_the_place(tmp_path, store):
    """Such a text is no file name, either: a file would be made that holds a password in its name."""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, store)
    assert CANARY not in str(refused.value)
    assert "extproc.yaml:" in str(refused.value)
    assert "approvals.store" in str(refused.value)


def test_a_read_configuration_is_read_the_same_again():
    """Snapshots are JSON."""
    for store in (Path("/a/b.db"), "postgresql://extproc@db/approvals"):
        given = ApprovalsSettings(store=store)
        assert ApprovalsSettings.model_validate_json(given.model_dump_json()) == given


@pytest.mark.parametrize("store", [7, None, True, ["a"]])
def test_nothing_else_is_a_store(store):
    with pytest.raises(ValidationError):
        ApprovalsSettings(store=store)
