"""Whether evidence arrives in ClickHouse: asked through the control process, or straight where it is a server."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from extproc.console.client import ControlClient
from extproc.doctor.check_result import CheckResult, Installation
from extproc.evidence.query.reader import EvidenceReader
from extproc.evidence.shipping.clickhouse import connect
from extproc.evidence.shipping.tables import INSERT_COLUMNS
from extproc.model.errors import ConfigError, ControlError, QueryError
from extproc.server.control import make_target

AHEAD_S = 5.0
"""Seconds that two clocks may differ."""
NOT_YET = ("UNKNOWN_TABLE", "UNKNOWN_DATABASE")
UNKNOWN = ("UNKNOWN_IDENTIFIER", "Unknown expression", "Missing columns")
"""How ClickHouse says that there is no such column: the end of a long message, its code's name, is cut off."""
STATE = "SELECT toUnixTimestamp64Milli(now64(3)), count(), toUnixTimestamp64Milli(max(shipped_at)) FROM entries"
COLUMNS = f"SELECT {', '.join(INSERT_COLUMNS)} FROM entries LIMIT 1"  # noqa: S608 - constants

Ask = Callable[[str], list[Any]]
"""Runs one of our own queries; gives its first row, or nothing. Raises ``QueryError`` or ``ControlError``."""


def evidence(installation: Installation) -> Iterator[CheckResult]:
    """Whether ClickHouse answers, has the columns that are shipped, and when it got something last."""
    if installation.offline:
        yield installation.skipped("evidence", "ClickHouse was not asked")
        return
    target = make_target(installation.settings)
    if target.embedded:
        if not installation.settings.control.socket.exists():
            yield installation.skipped(
                "evidence", "ClickHouse's engine lives in the control process, which does not run"
            )
            return
        control = ControlClient(installation.settings.control.socket)
        yield from _asked(installation, lambda sql: _through_control(control, sql))
        return
    reader = EvidenceReader(lambda wanted: connect(target, wanted), target.database)
    with contextlib.closing(reader):
        yield from _asked(installation, lambda sql: _first(reader.query(sql, 1).rows))


def _through_control(control: ControlClient, sql: str) -> list[Any]:
    return _first(control.post("query", body={"sql": sql, "limit": 1})["rows"])


def _first(rows: Any) -> list[Any]:
    return list(rows[0]) if rows else []


def _asked(installation: Installation, ask: Ask) -> Iterator[CheckResult]:
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
        yield installation.problem("evidence", "what answers is not ClickHouse", "see evidence.clickhouse", path)
        return
    skew_s = now_ms / 1000 - began
    if abs(skew_s) > AHEAD_S and not make_target(installation.settings).embedded:
        what = f"ClickHouse's clock and this one differ by {abs(skew_s):.0f} s"
        yield installation.warning(
            "clock", what, "keep both by NTP; tokens' times and approvals are checked by this one"
        )
    try:
        ask(COLUMNS)
    except (QueryError, ControlError) as error:
        what = "its table has not the columns that are shipped: it was made by another version"
        wrong = what if any(word in str(error) for word in UNKNOWN) else _line(error)
        hint = "rename the table `entries`: control makes a new one; the old one keeps its entries"
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
        return installation.ok("evidence", "ClickHouse answers; its tables are made with the first shipment")
    if any(word in message for word in ("AUTHENTICATION_FAILED", "REQUIRED_PASSWORD")):
        hint, path = (
            "see the user in evidence.clickhouse, and the password file",
            ("evidence", "clickhouse_password_file"),
        )
        return installation.problem("evidence", "ClickHouse does not accept user and password", hint, path)
    hint = "see control's log and ClickHouse's; entries wait in the spools meanwhile, up to evidence.max_spool"
    return installation.problem("evidence", f"cannot be read: {_line(message)}", hint, ("evidence", "clickhouse"))


def _line(message: object) -> str:
    return " ".join(str(message).split())[:200]
