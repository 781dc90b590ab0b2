"""The same evidence through HTTP, as to a server."""

import threading

import pytest

from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.evidence.shipping.shipper import Shipper
from extproc.model.errors import QueryError
from tests.integration.support.clickhouse_http import StandIn


@pytest.fixture
def server(engine_folder):
    made = StandIn(engine_folder, "guard", "from-a-file")
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def remote(server, tmp_path):
    password = tmp_path / "password"
    password.write_text("from-a-file\n")
    return Target(f"http://guard@127.0.0.1:{server.server_port}", "by_http", password_file=password)


def test_entries_go_by_http_with_their_token(server, remote, fill, entry, tmp_path):
    def open_client():
        client = connect(remote)
        create_schema(client, remote.database)
        return client

    writer = fill([entry(number) for number in range(12)])
    shipper = Shipper(tmp_path / "spool", open_client, remote.database)
    assert shipper.ship() == 12, shipper.progress
    shipper.close()
    reader = EvidenceReader(lambda settings: connect(remote, settings), remote.database)
    assert reader.sessions()[0]["calls"] == 12
    assert reader.query("SELECT count() FROM entries").rows == ((12,),)
    with pytest.raises(QueryError):
        reader.query("SELECT file('/etc/hostname')")
    reader.close()
    insert = next(params for sql, params in server.requests if "INSERT INTO" in sql and "entries" in sql)
    assert insert["insert_deduplication_token"] == f"{writer}:1-12"
    asked = next(params for sql, params in server.requests if sql.startswith("SELECT count() FROM entries"))
    assert (asked["readonly"], asked["limit"], asked["database"]) == ("1", "1001", "by_http")


def test_a_wrong_password_is_an_error_that_does_not_hold_it(remote, tmp_path):
    remote.password_file.write_text("not-this-one")
    reader = EvidenceReader(lambda settings: connect(remote, settings), remote.database)
    with pytest.raises(QueryError) as caught:
        reader.sessions()
    assert "not-this-one" not in str(caught.value)


def test_a_server_that_is_away_is_counted_and_waited_for(fill, entry, tmp_path):
    fill([entry(1)])
    away = Target("http://127.0.0.1:9", "extproc")
    shipper = Shipper(tmp_path / "spool", lambda: connect(away), "extproc")
    assert shipper.ship() == 0
    assert (shipper.progress.failing, shipper.progress.behind) == (1, 1)
    shipper.close()
