"""Try a candidate policy in a child process, which can be killed: the engine itself has no limits.

``extproc.policy.regorus.trial_child`` is the child's program. This module imports little, so that a command can
start the child first, and load the rest of itself meanwhile.
"""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import IO, Any, Self

from extproc.model.errors import ConfigError, PolicyInvalid, SourceLocation
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.contract.uninspectable_reads import UninspectableReads
from extproc.policy.names.rego_literals import LiteralKind, RegoLiteral
from extproc.policy.regorus.lint.rego_module import Violation
from extproc.policy.regorus.policy_check import NamesInRego, PolicyCheck, SettingsValidity
from extproc.policy.regorus.test_results import Coverage, TestResult, TestRun

COMMAND = (sys.executable, "-P", "-m", "extproc.policy.regorus.trial_child")
MEMORY = 512 << 20
"""Bytes that a candidate may allocate."""
TRIAL_S = 10.0
"""CPU seconds that a candidate may use."""
PATIENCE = 6
"""Seconds to wait for each CPU second that a candidate may use: a busy machine is not the policy's fault."""


class TrialTask(StrEnum):
    """What the child does."""

    TRY = "try"
    """Compile, lint, evaluate the samples, run the tests."""
    TEST = "test"
    """Run the tests, and record the lines that they reach."""
    READ = "read"
    """Only parse, and find what never agrees with the input or with answers: for a policy that OPA evaluates."""


@dataclass(frozen=True, slots=True)
class SampleInputs:
    """Small input documents on which a policy is tried: JSON, UTF-8, of each shape that it can get."""

    requests: tuple[bytes, ...] = ()
    responses: tuple[bytes, ...] = ()
    """Inputs about a response: for policies that may decide responses."""

    def to_line(self) -> bytes:
        """The samples as one line of JSON."""
        texts = [[raw.decode() for raw in group] for group in (self.requests, self.responses)]
        return json.dumps(texts).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "SampleInputs":
        """Read the output of ``to_line``."""
        requests, responses = (tuple(text.encode() for text in group) for group in json.loads(line))
        return cls(requests, responses)


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """What the child is told first, on one line of JSON. The sources follow on the next line, then the samples."""

    task: TrialTask
    memory: int
    """Bytes."""
    cpu_s: int

    def to_line(self) -> bytes:
        """The order as one line."""
        return json.dumps([self.task, self.memory, self.cpu_s]).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "TrialOrder":
        """Read the output of ``to_line``."""
        task, memory, cpu_s = json.loads(line)
        return cls(TrialTask(task), memory, cpu_s)


class CandidateRefused(PolicyInvalid):
    """A candidate must not be loaded, for reasons in its text."""

    def __init__(self, message: str, violations: tuple[Violation, ...]) -> None:
        super().__init__(message)
        self.violations = violations
        """All reasons that the lint found, each with its place."""


class TrialProcess:
    """A child process that tries one policy. Use it as a context: the process has ended when the context ends."""

    def __init__(self) -> None:
        """Start the child, which loads its program and then waits for its order."""
        self._child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # a terminal's Ctrl-C goes to the parent alone: the child has not crashed
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.returncode is None:
            self._child.kill()
            self._child.communicate()

    def check(
        self,
        sources: Sources,
        samples: Callable[[], SampleInputs],
        *,
        timeout_s: float = TRIAL_S,
        memory: int = MEMORY,
    ) -> PolicyCheck:
        """Check a candidate: see ``check_candidate``.

        Args:
            sources: as there.
            samples: makes the inputs, while the child compiles the policy.
            timeout_s: as there.
            memory: as there.
        """
        self._begin(TrialOrder(TrialTask.TRY, memory, int(timeout_s) + 1), sources)
        found, _ = self._finish(samples().to_line(), timeout_s)
        if found is None:
            raise PolicyInvalid(f"the policy took longer than {timeout_s:g} s on a small input: simplify it")
        if found["complaint"]:
            raise _refusal(found)
        keys, reads = found["input_keys"], found["uninspectable_reads"]
        return PolicyCheck(
            SettingsValidity(found["settings"]),
            None if keys is None else frozenset(keys),
            ResponseInterest(found["response_interest"]),
            UninspectableReads(**reads | {"response_parts": frozenset(reads["response_parts"])}),
            _literals(found),
            tuple(found["rule_names"]),
            frozenset(found["connection_facts"]),
            tuple(found["undefined_data"]),
            found["decides_server_requests"],
        )

    def test(self, sources: Sources, *, timeout_s: float, memory: int = MEMORY) -> TestRun:
        """Run a policy's tests.

        Args:
            sources: the policy, its tests, data.
            timeout_s: CPU seconds for all tests.
            memory: bytes that they may allocate.

        Raises:
            PolicyInvalid: a module cannot be compiled, or must not be loaded; or the tests did not end: names the
                one that was running.
        """
        self._begin(TrialOrder(TrialTask.TEST, memory, int(timeout_s) + 1), sources)
        found, names = self._finish(b"", timeout_s)
        if found is None:
            running = names.decode("utf-8", "replace").strip().rpartition("\n")[2] or "the policy"
            raise PolicyInvalid(f"{running}: did not end within {timeout_s:g} s (--timeout)")
        if found["complaint"]:
            raise _refusal(found)
        results = tuple(TestResult(**one) for one in found["results"])
        coverage = [
            Coverage(one["file"], tuple(one["covered"]), tuple(one["missed"])) for one in found["coverage"]
        ]
        return TestRun(results, tuple(coverage))

    def read_names(self, sources: Sources, *, timeout_s: float = TRIAL_S, memory: int = MEMORY) -> NamesInRego:
        """Find the names and answers in a policy that OPA evaluates: its modules are only parsed.

        Args:
            sources: the policy and its query; data is not looked at.
            timeout_s: CPU seconds.
            memory: bytes that the parser may allocate.

        Raises:
            PolicyInvalid: the embedded engine cannot read a module.
        """
        self._begin(TrialOrder(TrialTask.READ, memory, int(timeout_s) + 1), sources)
        found, _ = self._finish(b"", timeout_s)
        if found is None:
            raise PolicyInvalid(f"reading the policy took longer than {timeout_s:g} s")
        if found["complaint"]:
            raise _refusal(found)
        violations = tuple(Violation(**one) for one in found["violations"])
        return NamesInRego(violations, _literals(found), frozenset(found["deciding"]))

    def _begin(self, order: TrialOrder, sources: Sources) -> None:
        """Tell the child its task. Whether it is still there shows when it has to answer."""
        with contextlib.suppress(BrokenPipeError):
            _write(self._child.stdin, order.to_line() + sources.to_json() + b"\n")

    def _finish(self, rest: bytes, timeout_s: float) -> tuple[dict[str, Any] | None, bytes]:
        """Let the child do its task.

        Returns:
            The child's report, None if it took too long; and its standard error.

        Raises:
            PolicyInvalid: it crashed.
        """
        child = self._child
        try:
            output, errors = child.communicate(rest, timeout=PATIENCE * timeout_s)
        except subprocess.TimeoutExpired as late:
            return None, late.stderr or b""
        if child.returncode == -signal.SIGXCPU:
            return None, errors
        if child.returncode != 0:
            raise PolicyInvalid(f"the engine crashed on the policy (status {child.returncode}): use `engine: opa`")
        return json.loads(output), errors


def _write(pipe: IO[bytes] | None, raw: bytes) -> None:
    if pipe:
        pipe.write(raw)
        pipe.flush()


def _literals(found: dict[str, Any]) -> tuple[RegoLiteral, ...]:
    return tuple(RegoLiteral(**one | {"kind": LiteralKind(one["kind"])}) for one in found["literals"])


def _refusal(found: dict[str, Any]) -> PolicyInvalid:
    if found["problems"]:
        problems = (
            ConfigError(message, SourceLocation(*place) if place else None, hint, tuple(key))
            for message, place, hint, key in found["problems"]
        )
        return PolicyInvalid(found["complaint"], tuple(problems))
    return CandidateRefused(found["complaint"], tuple(Violation(*one) for one in found["violations"]))


def check_candidate(
    sources: Sources, samples: SampleInputs, *, timeout_s: float = TRIAL_S, memory: int = MEMORY
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
    with TrialProcess() as process:
        return process.check(sources, lambda: samples, timeout_s=timeout_s, memory=memory)
