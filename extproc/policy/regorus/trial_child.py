"""Try a policy: the program of the child process that ``extproc.policy.regorus.trial`` starts and can kill."""

import json
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

from extproc.model.decision import ApprovalTerms
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.model.quorum import Quorum
from extproc.policy.contract.policy_sources import Sources, sources_of
from extproc.policy.contract.read_decision import UNREADABLE, read_decision
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.regorus.evaluator import (
    SETTINGS,
    UNDEFINED,
    EmbeddedEngine,
    compile_policy,
    read_names,
    run_rule,
)
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, Violations
from extproc.policy.regorus.lint.undefined_data import undefined_data
from extproc.policy.regorus.policy_check import PolicyCheck, SettingsValidity
from extproc.policy.regorus.regex_builtins import Patterns
from extproc.policy.regorus.rego_tests import run_compiled, run_tests
from extproc.policy.regorus.trial import SampleInputs, TrialOrder, TrialTask

DATA_KEY = ("policy", "data")
"""The configuration's key for data."""
DATA_HINT = (
    "write a file with roles (docs/reference/policy.md), and name it in policy.data;"
    " commands of `extproc policy` take --data FILE, too"
)


def try_sources(sources: Sources, samples: Callable[[], SampleInputs]) -> PolicyCheck:
    """Load a policy, run its tests and evaluate it over the samples, in this process.

    Args:
        sources: the policy, its tests, data and query.
        samples: gives the samples, when they are needed.

    Raises:
        ConfigError, PolicyError: the first thing that is wrong.
    """
    tested, modules = compile_policy(sources)
    policy = tuple(module for module in modules if not module.is_test) if sources.tests else modules
    engine = EmbeddedEngine.from_sources(sources, modules=policy)
    if engine.settings is SettingsValidity.INVALID:
        raise wrong_settings(engine, sources)
    run = run_compiled(tested, modules, coverage=False)  # first: the samples may not be there yet
    asks_responses = engine.response_interest is not ResponseInterest.NEVER
    inputs = samples()
    for document in (*inputs.requests, *(inputs.responses if asks_responses else ())):
        _try_document(engine, document)
    if failed := [result for result in run.results if not result.passed]:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise PolicyInvalid(
            f"{failed[0].file}:{failed[0].line}: {failed[0].name} failed: {failed[0].message}{more}"
        )
    return PolicyCheck(
        engine.settings,
        engine.input_keys,
        engine.response_interest,
        engine.uninspectable_reads,
        engine.literals,
        engine.rule_names,
        engine.connection_facts,
        _undefined_data(engine, policy, sources),
        engine.decides_server_requests,
    )


def _undefined_data(engine: EmbeddedEngine, policy: Sequence[RegoModule], sources: Sources) -> tuple[str, ...]:
    """What the decision reads of data that nothing defines. The starter policies' data has a check of its own."""
    apart = frozenset({"guard"}) if engine.settings is SettingsValidity.VALID else frozenset()
    found = undefined_data(policy, sources.query, sources.data, apart)
    return tuple(f"{one.file}:{one.line}:{one.column}: {one.message}: {one.hint}" for one in found)


def wrong_settings(engine: EmbeddedEngine, sources: Sources) -> PolicyInvalid:
    """The error for data of a wrong shape, with every wrong key and its place.

    For a policy that reads other parts of the data than the starter policies, the error has the parts that
    ``data.extproc.settings.wrong`` names.
    """
    from extproc.policy.names.data_places import located  # noqa: PLC0415 - only to explain an error
    from extproc.policy.names.guard_shape import PARTS, part_problem, shape_problems  # noqa: PLC0415

    if not sources.data:
        no_data = ConfigError("the policy reads data, but no data is given", None, DATA_HINT, DATA_KEY)
        return PolicyInvalid.of((no_data,))
    is_starter = _facts(engine, "keys") == PARTS
    messages = _facts(engine, "messages")
    found = shape_problems(sources.data, Patterns().is_valid, messages) if is_starter else []
    parts = [part_problem(part) for part in sorted(_facts(engine, "wrong"))]
    problems = located(found or parts, sources.data_files)
    if problems:
        return PolicyInvalid.of(problems)
    files, rule = ", ".join(file.name for file in sources.data_files) or "the data", ".".join(SETTINGS)
    return PolicyInvalid(f"{files}: not of the shape that the policy reads: {rule} is not true\n  {DATA_HINT}")


def _facts(engine: EmbeddedEngine, rule: str) -> frozenset[str]:
    """The texts in a set of ``data.extproc.settings``; empty if it has no value."""
    try:
        value = run_rule(engine.template.clone(), ".".join((*SETTINGS[:-1], rule)), b"{}")
    except PolicyError:
        return frozenset()
    return frozenset(str(each) for each in value) if isinstance(value, list) else frozenset()


def _try_document(engine: EmbeddedEngine, document: bytes) -> None:
    try:
        answer = engine.evaluate_now(document)
    except PolicyError as error:
        if str(error) != UNDEFINED:
            raise
        return
    decision = read_decision(answer, revision="", defaults=ApprovalTerms(Quorum.any_of("anyone")))
    if decision.rule == UNREADABLE:
        raise PolicyInvalid(
            f"{engine.query} gives an answer that the guard cannot read: {decision.detail}"
            "\n  docs/reference/policy.md lists what an answer may contain"
        )


def _address_space() -> int:
    """Bytes of address space in use: allocators reserve far more than they touch. 0 if the system hides it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _main() -> None:
    """Run the child: limits first, then the task. The report goes to standard output."""
    line = sys.stdin.buffer.readline()
    if not line:  # nothing to try
        return
    order = TrialOrder.from_line(line)
    resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_s, order.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sources = sources_of(sys.stdin.buffer.readline())
    reserved = _address_space()
    if reserved:
        resource.setrlimit(resource.RLIMIT_AS, (reserved + order.memory, reserved + order.memory))
    report = _report(order.task, sources)
    json.dump(report, sys.stdout, default=sorted)  # sets are written as lists


def _report(task: TrialTask, sources: Sources) -> dict[str, object]:
    if task is TrialTask.TRY:
        return _try_report(sources, _samples)
    return _test_report(sources) if task is TrialTask.TEST else _read_report(sources)


def _samples() -> SampleInputs:
    return SampleInputs.from_line(sys.stdin.buffer.readline())


def _try_report(sources: Sources, samples: Callable[[], SampleInputs]) -> dict[str, object]:
    try:
        checked = try_sources(sources, samples)
    except (ConfigError, PolicyError) as error:
        return _complaint(error)
    return {"complaint": "", **asdict(checked)}


def _read_report(sources: Sources) -> dict[str, object]:
    try:
        found = read_names(sources)
    except ConfigError as error:
        return _complaint(error)
    return {"complaint": "", **asdict(found)}


def _complaint(error: Exception) -> dict[str, object]:
    problems = error.problems if isinstance(error, PolicyInvalid) else ()
    return {
        "complaint": str(error),
        "violations": [astuple(one) for one in _violations(error)],
        "problems": [(one.message, _place(one), one.hint, one.key) for one in problems],
    }


def _place(problem: ConfigError) -> tuple[str, int, int] | None:
    return (str(problem.place.file), problem.place.line, problem.place.column) if problem.place else None


def _violations(error: Exception) -> tuple[Violation, ...]:
    """What has a place in the policy."""
    if isinstance(error, Violations):
        return error.found
    if isinstance(error, ConfigError) and error.place and error.place.line:
        place = error.place
        return (Violation(str(place.file), place.line, place.column, error.message, error.hint),)
    return ()


def _print_name(name: str) -> None:
    sys.stderr.write(f"{name}\n")
    sys.stderr.flush()


def _test_report(sources: Sources) -> dict[str, object]:
    try:
        run = run_tests(sources, _print_name)
    except (ConfigError, PolicyError) as error:
        return _complaint(error)
    return {"complaint": "", **asdict(run)}


if __name__ == "__main__":
    _main()
