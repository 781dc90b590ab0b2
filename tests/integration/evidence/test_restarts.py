"""The control process dies at any time, and what it owned opens again."""

import os
import signal
import subprocess
import sys

import pytest

from extproc.evidence.shipping.clickhouse import Target
from extproc.model.errors import EvidenceError

CONTROL = """
import sys, threading
from pathlib import Path
from extproc.evidence.shipping.clickhouse import Target, connect, create_schema
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.shipper import Shipper

target = Target("chdb://", "extproc", Path(sys.argv[1]) / "engine")

def client():
    made = connect(target)
    create_schema(made, target.database)
    return made

shipper = Shipper(Path(sys.argv[1]) / "spool", client, target.database, batch=int(sys.argv[2]))
if sys.argv[3] == "forever":
    for _ in range(10_000):
        shipper.ship()
        print(shipper.progress.rows, flush=True)
shipper.ship()
assert not shipper.progress.last_error, shipper.progress
reader = EvidenceReader(lambda settings: connect(target, settings), target.database)
print(reader.query("SELECT count(), uniqExact(writer, seq), min(seq), max(seq) FROM entries").rows[0], flush=True)
print(reader.query("SELECT count(), countIf(finished) FROM calls").rows[0], flush=True)
"""


def start(folder, batch, how):
    command = [sys.executable, "-c", CONTROL, str(folder), str(batch), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_kills_in_the_middle_of_shipping_lose_and_double_nothing(tmp_path, fill, entry):
    """Killed several times at any point of a block; the last one finishes, and the table is exact."""
    fill([entry(number) for number in range(400)])
    for _ in range(3):
        child = start(tmp_path, 7, "forever")
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    out, err = start(tmp_path, 50, "once").communicate(timeout=60)
    assert out.splitlines() == ["(400, 400, 1, 400)", "(400, 400)"], out + err


def test_a_folder_in_use_is_refused_and_free_after_a_kill(tmp_path, fill, entry):
    """One process owns the folder; the kernel gives its locks back when it dies."""
    fill([entry(1)])
    first = start(tmp_path, 10, "forever")
    first.stdout.readline()
    _, err = start(tmp_path, 10, "once").communicate(timeout=60)
    assert EvidenceError.__name__ in err
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    out, err = start(tmp_path, 10, "once").communicate(timeout=60)
    assert "(1, 1, 1, 1)" in out, err


@pytest.mark.parametrize(
    "url", ["chdb://relative/folder", "http://", "http://user:password@host:8123", "https:///x"]
)
def test_addresses_that_cannot_be_meant_are_refused(url, tmp_path):
    from extproc.evidence.shipping.clickhouse import connect
    from extproc.model.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        connect(Target(url, folder=tmp_path))
    assert "password@" not in str(caught.value)
