"""Check the database in which machines share their approvals."""

import time

from extproc.approvals.postgresql_address import place
from extproc.approvals.postgresql_facts import DatabaseFacts, read_facts
from extproc.approvals.rules import OVERTAKEN_NS
from extproc.doctor.check_result import CheckResult, Installation
from extproc.model.errors import ApprovalError
from extproc.model.units import NANOSECONDS_PER_SECOND

SUBJECT, KEY = "approvals", ("approvals", "store")


def database(installation: Installation, url: str) -> CheckResult:
    """Check that the database can be reached and written to, is of this version, and keeps what it confirms.

    Args:
        installation: the installation.
        url: ``approvals.store``.
    """
    if installation.offline:
        return installation.skipped(SUBJECT, "the database was not asked: --offline")
    try:
        where = place(url)
    except ApprovalError as error:
        return installation.problem(SUBJECT, str(error), "postgresql://extproc@db.example.com/approvals", KEY)
    try:
        facts = read_facts(url, time.time_ns)
    except ApprovalError as error:
        hint = "calls that need approval are denied until it can be used: see PGPASSFILE, sslmode and pg_hba.conf"
        return installation.problem(SUBJECT, f"{where}: {error}", hint, KEY)
    return _judge(installation, where, facts)


def _judge(installation: Installation, where: str, facts: DatabaseFacts) -> CheckResult:
    if not facts.may_write:
        hint = "make its role the owner: ALTER DATABASE … OWNER TO …, or CREATE SCHEMA extproc AUTHORIZATION …"
        return installation.problem(SUBJECT, f"{where}: the role may not write the approvals", hint, KEY)
    if not facts.durable:
        hint = "set fsync and full_page_writes to on: an approval that is forgotten could release two calls"
        return installation.warning(SUBJECT, f"{where} may lose what it confirmed when power fails", hint, KEY)
    if abs(facts.clock_ahead_ns) > OVERTAKEN_NS:
        what = f"the clock of {where} differs by {abs(facts.clock_ahead_ns) / NANOSECONDS_PER_SECOND:.0f} s"
        hint = (
            "synchronize the clocks of all machines by NTP: each one decides by its own when an approval expires"
        )
        return installation.warning(SUBJECT, what, hint)
    if not facts.current:
        return installation.ok(SUBJECT, f"{where} answers; the next start makes or migrates its tables")
    return installation.ok(SUBJECT, f"{where} answers; {facts.pending} calls wait")
