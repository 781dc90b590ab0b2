"""Try a candidate policy in a child process, which can be killed: the engine itself has no limits.

``python -m extproc.policy.regorus.trial`` runs the child.
"""

import json
import resource
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from extproc.model.call import Json
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.policy.contract.policy_sources import Sources, sources_of
from extproc.policy.contract.read_decision import UNREADABLE, read_decision
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads
from extproc.policy.regorus.evaluator import (
    SETTINGS,
    UNDEFINED,
    EmbeddedEngine,
    PolicyCheck,
    SettingsValidity,
    check_input_keys,
    run_rule,
)
from extproc.policy.regorus.rego_tests import Coverage, TestResult, TestRun, run_tests

WRONG = ".".join((*SETTINGS[:-1], "wrong"))
"""A rule that names the wrong parts of the data, for people."""
DATA_HINT = "  the keys are in docs/reference/policy.md; name your file with --data, or in policy.data"
MEMORY = 512 << 20
"""Bytes that a candidate may allocate."""
PATIENCE = 6
"""Seconds to wait for each CPU second that a candidate may use: a busy machine is not the policy's fault."""


@dataclass(frozen=True, slots=True)
class SampleInputs:
    """Small input documents on which a policy is tried: JSON, UTF-8, of each shape that it can get."""

    requests: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()
    """Inputs about a response: for policies that may decide responses."""


def check_candidate(
    sources: Sources, samples: SampleInputs, *, timeout_s: float = 10.0, memory: int = MEMORY
) -> PolicyCheck:
    """Compile, lint, test and try a policy, before it is loaded where calls are decided.

    A policy may leave samples undecided. It may not fail on them, take too long, give an unreadable answer, or
    fail its own tests if it has some.

    Args:
        sources: the policy, data and query.
        samples: the inputs to try it on.
        timeout_s: CPU seconds for all of it.
        memory: bytes that it may allocate.

    Returns:
        Facts that loading the policy need not find again.

    Raises:
        PolicyInvalid: says where and why, with a hint.
    """
    found, _ = _run_child("try", sources, samples, timeout_s, memory)
    if found is None:
        raise PolicyInvalid(f"the policy took longer than {timeout_s:g} s on a small input: simplify it")
    if found["complaint"]:
        raise PolicyInvalid(found["complaint"])
    keys, reads = found["input_keys"], found["uninspectable_reads"]
    return PolicyCheck(
        SettingsValidity(found["settings"]),
        None if keys is None else frozenset(keys),
        ResponseInterest(found["response_interest"]),
        UninspectableReads(**reads | {"response_parts": frozenset(reads["response_parts"])}),
    )


def try_tests(sources: Sources, *, timeout_s: float, memory: int = MEMORY) -> TestRun:
    """Run a policy's tests in a child process, so that an endless test can be ended.

    Args:
        sources: the policy, its tests, data.
        timeout_s: CPU seconds for all tests.
        memory: bytes that they may allocate.

    Raises:
        ConfigError: a module cannot be compiled, or must not be loaded.
        PolicyInvalid: the tests did not end; names the one that was running.
    """
    found, names = _run_child("test", sources, SampleInputs(), timeout_s, memory)
    if found is None:
        running = names.decode("utf-8", "replace").strip().rpartition("\n")[2] or "the policy"
        raise PolicyInvalid(f"{running}: did not end within {timeout_s:g} s (--timeout)")
    if found["complaint"]:
        raise PolicyInvalid(found["complaint"])
    results = tuple(TestResult(**one) for one in found["results"])
    coverage = [Coverage(one["file"], tuple(one["covered"]), tuple(one["missed"])) for one in found["coverage"]]
    return TestRun(results, tuple(coverage))


def _run_child(
    task: str, sources: Sources, samples: SampleInputs, timeout_s: float, memory: int
) -> tuple[dict[str, Any] | None, bytes]:
    """Run one task in a child process.

    Returns:
        The child's report, None if it took too long; and its standard error.

    Raises:
        PolicyInvalid: it crashed.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "extproc.policy.regorus.trial",
        task,
        str(memory),
        str(int(timeout_s) + 1),
    ]
    try:
        child = subprocess.run(
            command,
            input=_to_line(samples) + sources.to_json(),
            capture_output=True,
            timeout=PATIENCE * timeout_s,
            check=False,
            process_group=0,  # a terminal's Ctrl-C goes to the parent alone: the child has not crashed
        )
    except subprocess.TimeoutExpired as late:
        return None, late.stderr or b""
    if child.returncode == -signal.SIGXCPU:
        return None, child.stderr
    if child.returncode != 0:
        raise PolicyInvalid(f"the engine crashed on the policy (status {child.returncode}): use `engine: opa`")
    return json.loads(child.stdout), child.stderr


def _to_line(samples: SampleInputs) -> bytes:
    """The samples as one line of JSON."""
    texts = [[raw.decode() for raw in group] for group in (samples.requests, samples.responses)]
    return json.dumps(texts).encode() + b"\n"


def _from_line(line: bytes) -> SampleInputs:
    requests, responses = json.loads(line)
    return SampleInputs(tuple(text.encode() for text in requests), tuple(text.encode() for text in responses))


def try_sources(sources: Sources, samples: SampleInputs) -> PolicyCheck:
    """Load a policy, evaluate it over the samples and run its tests, in this process.

    Raises:
        ConfigError, PolicyError: the first thing that is wrong.
    """
    engine = EmbeddedEngine.from_sources(sources)
    check_input_keys(sources)
    if engine.settings is SettingsValidity.INVALID:
        raise PolicyInvalid(wrong_settings(engine, sources.data))
    asks_responses = engine.response_interest is not ResponseInterest.NEVER
    for document in (*samples.requests, *(samples.responses if asks_responses else ())):
        _try_document(engine, document)
    failed = [result for result in run_tests(sources).results if not result.passed] if sources.tests else []
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise PolicyInvalid(
            f"{failed[0].file}:{failed[0].line}: {failed[0].name} failed: {failed[0].message}{more}"
        )
    return PolicyCheck(engine.settings, engine.input_keys, engine.response_interest, engine.uninspectable_reads)


def wrong_settings(engine: EmbeddedEngine, data: Json) -> str:
    """The error for data of a wrong shape, with the parts that ``data.extproc.settings.wrong`` names."""
    if not data:
        return f"the policy reads data, but no data is given\n{DATA_HINT}"
    try:
        wrong = run_rule(engine.template.clone(), WRONG, b"{}")
    except PolicyError:
        wrong = None
    parts = ", ".join(str(part) for part in wrong) if isinstance(wrong, list) else ""
    which = f" (wrong: {parts})" if parts else ""
    rule = ".".join(SETTINGS)
    return f"the data does not have the shape that the policy reads{which}: {rule} is not true\n{DATA_HINT}"


def _try_document(engine: EmbeddedEngine, document: bytes) -> None:
    try:
        answer = engine.evaluate_now(document)
    except PolicyError as error:
        if str(error) != UNDEFINED:
            raise
        return
    decision = read_decision(answer, revision="", defaults=ApprovalTerms(("anyone",)))
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
    task, memory, cpu_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    samples = _from_line(sys.stdin.buffer.readline())
    sources = sources_of(sys.stdin.buffer.read())
    reserved = _address_space()
    if reserved:
        resource.setrlimit(resource.RLIMIT_AS, (reserved + memory, reserved + memory))
    report = _try_report(sources, samples) if task == "try" else _test_report(sources)
    json.dump(report, sys.stdout, default=sorted)  # sets are written as lists


def _try_report(sources: Sources, samples: SampleInputs) -> dict[str, object]:
    try:
        checked = try_sources(sources, samples)
    except (ConfigError, PolicyError) as error:
        return {"complaint": str(error)}
    return {"complaint": "", **asdict(checked)}


def _print_name(name: str) -> None:
    sys.stderr.write(f"{name}\n")
    sys.stderr.flush()


def _test_report(sources: Sources) -> dict[str, object]:
    try:
        run = run_tests(sources, _print_name)
    except (ConfigError, PolicyError) as error:
        return {"complaint": str(error)}
    return {"complaint": "", **asdict(run)}


if __name__ == "__main__":
    _main()
