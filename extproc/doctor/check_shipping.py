"""Check that evidence arrives in ClickHouse, through the control process or directly if it is a server."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from extproc.assembly.make_shipper import make_target
from extproc.console.client import ControlClient
from extproc.doctor.check_result import CheckResult, Installation
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect
from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.model.errors import ConfigError, ControlError, QueryError

AHEAD_S = 5.0
"""Seconds by which two clocks may differ."""
NOT_YET = ("UNKNOWN_TABLE", "UNKNOWN_DATABASE")
UNKNOWN = ("UNKNOWN_IDENTIFIER", "Unknown expression", "Missing columns")
"""Words of ClickHouse's errors about an unknown column. A long message loses its end, with the code's name."""
STATE = "SELECT toUnixTimestamp64Milli(now64(3)), count(), toUnixTimestamp64Milli(max(shipped_at)) FROM entries"
COLUMNS = f"SELECT {', '.join(INSERT_COLUMNS)} FROM entries LIMIT 1"  # noqa: S608 - constants

Ask = Callable[[str], list[Any]]
"""Runs one of the queries above and returns its first row, or nothing. Raises ``QueryError``, ``ControlError``."""


def evidence(installation: Installation) -> Iterator[CheckResult]:
    """Check that ClickHouse answers and has the shipped columns; report the time of the last shipment."""
    if installation.offline:
        yield installation.skipped("evidence", "ClickHouse was not contacted")
        return
    target = make_target(installation.settings)
    if target.embedded:
        if not installation.settings.control.socket.exists():
            yield installation.skipped(
                "evidence", "the embedded ClickHouse runs in the control process, which does not run"
            )
            return
        control = ControlClient(installation.settings.control.socket)
        yield from _check_tables(installation, lambda sql: _through_control(control, sql))
        return
    reader = EvidenceReader(lambda wanted: connect(target, wanted), target.database)
    with contextlib.closing(reader):
        yield from _check_tables(installation, lambda sql: _first(reader.query(sql, 1).rows))


def _through_control(control: ControlClient, sql: str) -> list[Any]:
    return _first(control.post("query", body={"sql": sql, "limit": 1})["rows"])


def _first(rows: Any) -> list[Any]:
    return list(rows[0]) if rows else []


def _check_tables(installation: Installation, ask: Ask) -> Iterator[CheckResult]:
    path = ("evidence", "clickhouse")
    began = time.time()
    try:
        now_ms, count, last_ms = (int(value) for value in ask(STATE))
    except ConfigError:
        raise
    except (QueryError, ControlError) as error:
        yield _refused(installation, str(error))
        return
    except (ValueError, TypeError, KeyError):
        yield installation.problem(
            "evidence", "the server that answers is not ClickHouse", "see evidence.clickhouse", path
        )
        return
    skew_s = now_ms / 1000 - began
    if abs(skew_s) > AHEAD_S and not make_target(installation.settings).embedded:
        what = f"ClickHouse's clock and this one differ by {abs(skew_s):.0f} s"
        yield installation.warning(
            "clock", what, "synchronize both by NTP; tokens and approvals are checked by this machine's clock"
        )
    try:
        ask(COLUMNS)
    except (QueryError, ControlError) as error:
        what = "its table lacks shipped columns: another version of extproc made it"
        wrong = what if any(word in str(error) for word in UNKNOWN) else _line(error)
        hint = "rename the table `entries`: the control process makes a new one; the old one keeps its entries"
        yield installation.problem("evidence", wrong, hint, path)
        return
    yield installation.ok(
        "evidence", f"ClickHouse answers; {count} entries{_last(last_ms, began) if count else ''}"
    )


def _last(last_ms: int, now_s: float) -> str:
    at = datetime.fromtimestamp(last_ms / 1000, UTC)
    return f", the last shipment {timedelta(seconds=max(0, int(now_s - at.timestamp())))} ago"


def _refused(installation: Installation, message: str) -> CheckResult:
    if any(word in message for word in NOT_YET):
        return installation.ok("evidence", "ClickHouse answers; the first shipment makes its tables")
    if any(word in message for word in ("AUTHENTICATION_FAILED", "REQUIRED_PASSWORD")):
        hint, path = (
            "check the user in evidence.clickhouse, and the password file",
            ("evidence", "clickhouse_password_file"),
        )
        return installation.problem("evidence", "ClickHouse does not accept the user and password", hint, path)
    hint = "see the logs of control and ClickHouse; meanwhile entries wait in the spools, up to evidence.max_spool"
    return installation.problem("evidence", f"cannot be read: {_line(message)}", hint, ("evidence", "clickhouse"))


def _line(message: object) -> str:
    return " ".join(str(message).split())[:200]
