"""Check the policy: its files, its engine, and the policy that each running worker uses."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from extproc.assembly.make_engine import configured_interest, opa_server, presumed_reads
from extproc.assembly.names_of_settings import known_names
from extproc.assembly.sample_inputs import sample_inputs
from extproc.assembly.try_policy import names_in_data, try_policy
from extproc.config.load import adding_places
from extproc.config.summary import response_policy_notes
from extproc.console.printable import printable
from extproc.doctor.check_result import CheckResult, Installation, Level
from extproc.model.call import Json
from extproc.model.errors import PolicyError
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.policy.bundle.configured_files import configured_files
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, read_statuses
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads, unread_notes
from extproc.policy.names.check_data import DataCheck, check_data
from extproc.policy.names.data_places import located
from extproc.policy.opa.bundle_status import BundleStatus
from extproc.policy.regorus.evaluator import UNDEFINED
from extproc.policy.regorus.trial import CandidateRefused


def policy(installation: Installation) -> Iterator[CheckResult]:
    """Check that the policy can be loaded, or that OPA decides; and which policy each worker uses."""
    settings = installation.settings.policy
    revision = ""
    if settings.engine == "opa":
        yield from _opa(installation)
        yield from _unread(presumed_reads(settings), configured_interest(settings))
    else:
        files = configured_files(settings)
        sources = files.read()
        revision = sources.revision
        with adding_places(installation.document.file):
            yield from _files(installation, files)
    if not installation.offline:
        yield from _in_force(installation, revision)


def tools(installation: Installation) -> Iterator[CheckResult]:
    """Look for optional programs that help policy authors."""
    if installation.settings.policy.engine == "embedded":
        found = shutil.which("opa")
        hint = "optional: `opa test` and `opa check --strict` try the same files in OPA itself"
        yield (
            installation.ok("opa", f"found: {found}")
            if found
            else installation.skipped("opa", "not installed", hint)
        )


def _files(installation: Installation, files: PolicyFiles) -> Iterator[CheckResult]:
    sources, known = files.read(), known_names(installation.settings)
    try:
        checked = try_policy(sources, known)
    except CandidateRefused as error:
        if not error.violations:
            raise
        for one in error.violations:
            where = f"{one.file}:{one.line}:{one.column}"
            yield CheckResult("policy", Level.PROBLEM, one.message, one.hint, where)
        return
    tested = "" if not files.paths else ", its tests pass" if sources.tests else ", without tests"
    kind = "" if files.paths else " of the starter policies"
    loaded = f"{len(sources.modules)} modules{kind} can be loaded{tested}; revision {sources.revision[:12]}"
    yield installation.ok("policy", loaded)
    reads = checked.uninspectable_reads.configured(installation.settings.policy.uninspectable)
    yield from _unread(reads, checked.response_interest)
    decides = checked.response_interest is ResponseInterest.ALWAYS
    for note in response_policy_notes(installation.settings, decides_responses=decides):
        yield installation.problem("policy", note.what, note.hint, note.path)
    yield from _names(sources, names_in_data(sources, checked, known))
    if files.paths and not sources.tests:
        hint = "write tests (docs/how-to/write-a-policy.md) and run them with `extproc policy test`"
        yield installation.warning(
            "policy", "it has no tests: a reload tries it on sample calls only", hint, ("policy", "paths")
        )


def _unread(reads: UninspectableReads, interest: ResponseInterest) -> Iterator[CheckResult]:
    """Report what happens to requests and responses that cannot be read. It is no fault."""
    for note in unread_notes(reads, interest):
        yield CheckResult("uninspectable", Level.OK, note.what, note.hint)


def _names(sources: Sources, found: DataCheck) -> Iterator[CheckResult]:
    """Report names that may exist, although a description does not have them."""
    for one in located(found.doubts, sources.data_files):
        place = str(one.place) if one.place else ""
        yield CheckResult("names in policy data", Level.WARNING, one.message, one.hint, place)


def _opa(installation: Installation) -> Iterator[CheckResult]:
    address, path = installation.settings.policy.opa.address, ("policy", "opa", "address")
    if installation.offline:
        yield installation.skipped("policy", f"OPA at {address} decides; it was not contacted")
        return
    asked = asyncio.run(_ask_opa(installation))
    trouble = asked.trouble
    if not asked.is_well:
        hint = f"see OPA's log, and curl '{address}/health?bundles'; every call is denied until it is healthy"
        yield installation.problem("policy", f"OPA at {address} is not healthy, or cannot be reached", hint, path)
    elif trouble == UNDEFINED:
        what = f"{installation.settings.policy.query} is undefined for a sample call: such calls are denied"
        yield installation.warning(
            "policy", what, "give it a default; see docs/reference/policy.md", ("policy", "query")
        )
    elif trouble:
        yield installation.problem("policy", f"OPA at {address}: {trouble}", "see OPA's log", path)
    else:
        named = f"; bundles {printable(', '.join(asked.bundles))}" if asked.bundles else ""
        suffix = f"; revision {asked.revision[:12]}{named}" if asked.revision else ""
        yield installation.ok("policy", f"OPA at {address} is healthy and decides a sample call{suffix}")
    yield from _bundles(installation, asked.statuses)
    yield from _names_in_opa(installation, asked.guard)


def _names_in_opa(installation: Installation, guard: Json) -> Iterator[CheckResult]:
    """Report wrong names in the data of the starter policies in OPA, whose files are not known here."""
    if guard is None:
        return
    found = check_data({"guard": guard}, known_names(installation.settings))
    where = f"data.guard of OPA at {installation.settings.policy.opa.address}"
    for level, problems in ((Level.PROBLEM, found.problems), (Level.WARNING, found.doubts)):
        for one in problems:
            yield CheckResult("names in policy data", level, printable(one.message), one.hint, where)
    if not found.problems:
        yield installation.ok(
            "names in policy data", "the names in OPA's data.guard are those of the configuration"
        )


@dataclass
class Asked:
    """What an OPA server answered."""

    is_well: bool = False
    trouble: str = ""
    """Why it did not decide a sample call; empty if it did."""
    revision: str = ""
    bundles: tuple[str, ...] = ()
    """``name@revision`` of those that decided the sample call."""
    guard: Json = None
    """The data of the starter policies; None if OPA does not hold them."""
    statuses: tuple[BundleStatus, ...] = ()
    """As OPA's status plugin has them; empty if it is off."""


async def _ask_opa(installation: Installation) -> Asked:
    """Ask OPA for its health, a decision about a sample call, and its bundles."""
    from extproc.policy.opa.opa_engine import OpaEngine  # noqa: PLC0415 - only for a guard that asks OPA

    server, asked = opa_server(installation.settings), Asked()
    engine = OpaEngine(server, installation.settings.policy.query)
    try:
        asked.is_well = await engine.healthy()
        if asked.is_well:
            await engine.evaluate(sample_inputs().requests[0])
            asked.revision, asked.bundles = engine.revision, engine.bundles
    except PolicyError as error:
        asked.trouble = str(error)
    with contextlib.suppress(PolicyError):
        asked.statuses = await engine.bundle_statuses() or ()
        asked.guard = await engine.guard_data()
    await engine.close()
    return asked


def _bundles(installation: Installation, statuses: tuple[BundleStatus, ...]) -> Iterator[CheckResult]:
    """Report each bundle of the OPA server."""
    for one in statuses:
        what = printable(f"revision {one.revision or 'unknown'}, in force since {one.activated or 'never'}")
        if one.problem:
            hint = "see OPA's log; the bundle in force stays until a better one comes"
            yield installation.problem(f"bundle {one.name}", f"{what}; {printable(one.problem)}", hint)
        else:
            yield installation.ok(f"bundle {one.name}", what)


def _in_force(installation: Installation, revision: str) -> Iterator[CheckResult]:
    """Report the policy that each running process says it uses."""
    running = [one for one, runs in read_statuses(installation.settings.state / STATUS_FOLDER) if runs]
    for one in running:
        yield from _status(installation, one, revision)
    known = {one.revision for one in running if one.revision}
    if len(known) > 1:
        yield installation.problem(
            "policy in force", "the workers use different policies", "see `extproc policy status`"
        )
    elif running and not any(one.trouble or one.refused for one in running) and known <= {revision}:
        yield installation.ok("policy in force", f"{len(running)} workers use it")


def _status(installation: Installation, one: PolicyStatus, revision: str) -> Iterator[CheckResult]:
    subject = f"policy in {one.process}"
    since = datetime.fromtimestamp(one.since_ns // NANOSECONDS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if one.trouble:
        yield installation.problem(
            subject, f"in trouble since {since}: {one.trouble}", "see `extproc policy status`"
        )
    if one.refused:
        why, _, hint = one.refused.why.partition("\n")
        yield installation.problem(
            subject, f"refused a new policy, and keeps the one of {since}: {why}", hint.strip()
        )
    elif one.engine == "embedded" and revision and one.revision != revision:
        what = f"uses {one.revision[:12]} since {since}; the files are {revision[:12]}"
        yield installation.warning(
            subject, what, "policy.reload sets how often files are read; null: only at a restart"
        )
