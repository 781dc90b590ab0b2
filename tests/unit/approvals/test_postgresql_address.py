"""The URL of the approvals database: safe where it leaves something open, and never with a password."""

import pytest

from extproc.approvals.postgresql_address import connection_parameters, is_postgresql, place
from extproc.model.errors import ApprovalError

CANARY = "canary-pw-83hf"


@pytest.fixture(autouse=True)
def without_libpqs_environment(monkeypatch, tmp_path):
    for name in ("PGSSLMODE", "PGSERVICE", "PGSSLROOTCERT", "PGHOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("store", "named"),
    [
        ("postgresql://guard@db/approvals", True),
        ("postgres://guard@db/approvals", True),
        ("approvals.db", False),
        ("/var/lib/postgresql/approvals.db", False),
        ("postgresql:approvals.db", False),
    ],
)
def test_a_database_is_told_from_a_file(store, named):
    assert is_postgresql(store) is named


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://guard:{CANARY}@db/approvals",
        f"postgresql://guard@db/approvals?password={CANARY}",
        f"postgresql://guard@db/approvals?sslpassword={CANARY}",
        f"postgresql://guard@db:no-port-{CANARY}/approvals?x={CANARY}",
        f"postgresql://guard@db/approvals?unknown={CANARY}",
        f"postgresql://guard@[{CANARY}/approvals",
    ],
)
def test_a_password_or_nonsense_is_refused_and_not_repeated(url):
    with pytest.raises(ApprovalError) as refused:
        connection_parameters(url)
    assert CANARY not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sslmod=verify-full", ': it has an unknown parameter; did you mean "sslmode"?'),
        (
            f"sslmode=require&conect_timeout={CANARY}",
            ': it has an unknown parameter; did you mean "connect_timeout"?',
        ),
        (f"{CANARY}=1", ""),
    ],
)
def test_a_misspelled_parameter_is_told_by_the_one_that_was_meant(query, says):
    with pytest.raises(ApprovalError) as refused:
        connection_parameters(f"postgresql://guard@db/approvals?{query}")
    assert str(refused.value) == f"approvals.store is not a valid PostgreSQL URL{says}"


@pytest.mark.parametrize("host", ["db.example.com", "192.0.2.7", "127.0.0.1,db.example.com", "db1,db2"])
def test_a_server_elsewhere_must_show_a_certificate_for_its_name(host):
    given = connection_parameters(f"postgresql://guard@{host}/approvals")
    assert (given["sslmode"], given["sslrootcert"]) == ("verify-full", "system")


@pytest.mark.parametrize("place", ["127.0.0.1", "localhost", "[::1]", "", "%2Frun%2Fpostgresql"])
def test_a_server_on_this_machine_needs_none(place):
    assert "sslmode" not in connection_parameters(f"postgresql://guard@{place}/approvals")


def test_hostaddr_counts_and_not_the_name_beside_it():
    given = connection_parameters("postgresql://guard@localhost/approvals?hostaddr=192.0.2.7")
    assert given["sslmode"] == "verify-full"


def test_the_url_says_how_tls_is_used(tmp_path):
    given = connection_parameters("postgresql://guard@db/approvals?sslmode=verify-ca&sslrootcert=/etc/db.pem")
    assert (given["sslmode"], given["sslrootcert"]) == ("verify-ca", "/etc/db.pem")
    named = connection_parameters("postgresql://guard@db/approvals?sslrootcert=/etc/db.pem")
    assert (named["sslmode"], named["sslrootcert"]) == ("verify-full", "/etc/db.pem")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert "sslrootcert" not in connection_parameters("postgresql://guard@db/approvals"), "libpq finds its own"


@pytest.mark.parametrize(
    ("name", "value"), [("PGSSLMODE", "verify-ca"), ("PGSERVICE", "approvals"), ("PGSSLMODE", "disable")]
)
def test_libpqs_environment_has_the_word(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert "sslmode" not in connection_parameters("postgresql://guard@db/approvals")


def test_only_a_server_that_can_be_written_to_is_accepted_and_in_time():
    given = connection_parameters("postgresql://guard@127.0.0.1/approvals?connect_timeout=9")
    assert given["target_session_attrs"] == "read-write"
    assert given["connect_timeout"] == "9"
    assert int(connection_parameters("postgresql://guard@127.0.0.1/approvals")["connect_timeout"]) <= 3


def test_a_place_names_host_and_database_only():
    assert place("postgresql://guard@db1,db2/approvals?sslcert=/x") == "PostgreSQL db1,db2/approvals"
    assert place("postgresql:///approvals") == "PostgreSQL local/approvals"
