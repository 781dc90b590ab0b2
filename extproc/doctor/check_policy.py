"""Who decides: the policy's files, the engine, and what the workers that run have in force."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

from extproc.assembly.make_engine import make_engine
from extproc.doctor.check_result import Finding, Installation, Level
from extproc.model.errors import PolicyError
from extproc.policy.bundle.policy_status import STATUS_FOLDER, PolicyStatus, read_statuses
from extproc.policy.bundle.reload import PolicyFiles
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.regorus.evaluator import UNDEFINED, violations
from extproc.policy.regorus.trial import check_candidate, sample_documents


def policy(patient: Installation) -> Iterator[Finding]:
    """Whether the policy can be loaded, or OPA decides; and what each worker decides by."""
    settings = patient.settings.policy
    revision = ""
    if settings.engine == "opa":
        yield from _opa(patient)
    else:
        files = PolicyFiles(tuple(settings.paths), tuple(settings.data), settings.query)
        sources = files.read()
        revision = sources.revision
        yield from _files(patient, files)
    if not patient.offline:
        yield from _in_force(patient, revision)


def tools(patient: Installation) -> Iterator[Finding]:
    """Programs that are not needed, and help."""
    if patient.settings.policy.engine == "embedded":
        found = shutil.which("opa")
        hint = "optional: `opa test` and `opa check --strict` try the same files in OPA itself"
        yield patient.ok("opa", f"found: {found}") if found else patient.skipped("opa", "not installed", hint)


def _files(patient: Installation, files: PolicyFiles) -> Iterator[Finding]:
    sources = files.read()
    found = violations((*sources.modules, *sources.tests))
    for one in found:
        yield Finding("policy", Level.PROBLEM, one.message, one.hint, f"{one.file}:{one.line}:{one.column}")
    if found:
        return
    check_candidate(sources)
    tested = "" if not files.paths else ", its tests pass" if sources.tests else ", without tests"
    kind = "" if files.paths else " of the starter policies"
    loaded = f"{len(sources.modules)} modules{kind} can be loaded{tested}; revision {sources.revision[:12]}"
    yield patient.ok("policy", loaded)
    if files.paths and not sources.tests:
        hint = "write some: docs/how-to/write-a-policy.md; `extproc policy test` runs them"
        yield patient.warning(
            "policy", "it has no tests, so a reload tries it on samples alone", hint, ("policy", "paths")
        )


def _opa(patient: Installation) -> Iterator[Finding]:
    address, path = patient.settings.policy.opa.address, ("policy", "opa", "address")
    if patient.offline:
        yield patient.skipped("policy", f"OPA at {address} decides; it was not asked")
        return
    well, trouble, revision = asyncio.run(_ask_opa(patient))
    if not well:
        hint = f"see OPA's log, and curl '{address}/health?bundles'; every call is denied until it is well"
        yield patient.problem("policy", f"OPA at {address} is not healthy, or cannot be reached", hint, path)
    elif trouble == UNDEFINED:
        what = f"{patient.settings.policy.query} is undefined for a sample call: such calls are denied"
        yield patient.warning(
            "policy", what, "give it a default; see docs/reference/policy.md", ("policy", "query")
        )
    elif trouble:
        yield patient.problem("policy", f"OPA at {address}: {trouble}", "see OPA's log", path)
    else:
        told = f"; revision {revision[:12]}" if revision else ""
        yield patient.ok("policy", f"OPA at {address} is healthy and decides a sample call{told}")


async def _ask_opa(patient: Installation) -> tuple[bool, str, str]:
    """Whether it is healthy, what kept it from deciding a sample, and its revision."""
    engine = make_engine(patient.settings)
    if not isinstance(engine, OpaEngine):
        return False, "not OPA", ""
    try:
        if not await engine.healthy():
            return False, "", ""
        await engine.evaluate(sample_documents(responses=False)[0])
    except PolicyError as error:
        return True, str(error), ""
    else:
        return True, "", engine.revision
    finally:
        await engine.close()


def _in_force(patient: Installation, revision: str) -> Iterator[Finding]:
    """What the processes that run say of themselves."""
    running = [one for one, runs in read_statuses(patient.settings.state / STATUS_FOLDER) if runs]
    for one in running:
        yield from _status(patient, one, revision)
    known = {one.revision for one in running if one.revision}
    if len(known) > 1:
        yield patient.problem(
            "policy in force", "the workers decide by different policies", "extproc policy status"
        )
    elif running and not any(one.trouble or one.refused for one in running) and known <= {revision}:
        yield patient.ok("policy in force", f"{len(running)} workers decide by it")


def _status(patient: Installation, one: PolicyStatus, revision: str) -> Iterator[Finding]:
    subject = f"policy in {one.process}"
    since = datetime.fromtimestamp(one.since_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if one.trouble:
        yield patient.problem(subject, f"in trouble since {since}: {one.trouble}", "extproc policy status")
    if one.refused:
        why, _, hint = one.refused.why.partition("\n")
        yield patient.problem(
            subject, f"refused a candidate, and keeps the one since {since}: {why}", hint.strip()
        )
    elif one.engine == "embedded" and revision and one.revision != revision:
        what = f"decides by {one.revision[:12]} since {since}; the files are {revision[:12]}"
        yield patient.warning(subject, what, "policy.reload says how soon changes count; null: after a restart")
