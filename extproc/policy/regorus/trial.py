"""A candidate policy is tried in a process of its own, which can be killed: the engine has no limits itself.

Run as ``python -m extproc.policy.regorus.trial`` it is that process.
"""

import json
import resource
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from extproc.model.call import Headers, Json, RequestHead
from extproc.model.decision import ApprovalTerms
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid
from extproc.model.identity import Identity
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.policy_sources import Sources, sources_of
from extproc.policy.contract.read_decision import UNREADABLE, read_decision
from extproc.policy.contract.response_input import ResponseFacts
from extproc.policy.contract.response_interest import ResponseInterest
from extproc.policy.regorus.evaluator import (
    SETTINGS,
    UNDEFINED,
    EmbeddedEngine,
    PolicyCheck,
    SettingsValidity,
    run,
)
from extproc.policy.regorus.rego_tests import Coverage, TestResult, TestRun, run_tests
from extproc.protocols.catalogue import PROTOCOLS
from extproc.protocols.protocol_definition import SampleCall

WRONG = ".".join((*SETTINGS[:-1], "wrong"))
"""A rule that names what is wrong with the data, for people."""
WAY_OUT = "  the keys are in docs/reference/policy.md; name your file with --data, or in policy.data"
SAMPLE_DEPTH = 8
"""More than the samples nest."""
MEMORY = 512 << 20
"""Bytes a candidate may take."""
PATIENCE = 6
"""Times as long as it may compute is waited for it: that the machine is busy is no fault of the policy."""


def check_candidate(sources: Sources, *, timeout_s: float = 10.0, memory: int = MEMORY) -> PolicyCheck:
    """Compile, lint, test and try a policy, before any process that matters loads it.

    Tried are calls of each protocol, a listing, an uninspectable body, and responses where it may decide them.
    A policy may leave them undecided; it may not fail on them, take too long, answer what nobody can read, or fail
    its own tests where it has some.

    Args:
        sources: the policy, data and query.
        timeout_s: seconds of the processor for all of it.
        memory: bytes it may take.

    Returns:
        What loading it need not find out again.

    Raises:
        PolicyInvalid: says where and why, and a hint.
    """
    found, _ = _apart("try", sources, timeout_s, memory)
    if found is None:
        raise PolicyInvalid(f"the policy took longer than {timeout_s:g} s on a small input: simplify it")
    if found["complaint"]:
        raise PolicyInvalid(found["complaint"])
    keys = found["input_keys"]
    return PolicyCheck(
        SettingsValidity(found["settings"]),
        None if keys is None else frozenset(keys),
        ResponseInterest(found["response_interest"]),
    )


def try_tests(sources: Sources, *, timeout_s: float, memory: int = MEMORY) -> TestRun:
    """Run a policy's tests where one that never ends can be ended.

    Args:
        sources: the policy, its tests, data.
        timeout_s: seconds of the processor for all tests.
        memory: bytes they may take.

    Raises:
        ConfigError: a module cannot be compiled, or must not be loaded.
        PolicyInvalid: the tests did not end: names the one that ran.
    """
    found, told = _apart("test", sources, timeout_s, memory)
    if found is None:
        ran = told.decode("utf-8", "replace").strip().rpartition("\n")[2] or "the policy"
        raise PolicyInvalid(f"{ran}: did not end within {timeout_s:g} s (--timeout)")
    if found["complaint"]:
        raise PolicyInvalid(found["complaint"])
    results = tuple(TestResult(**one) for one in found["results"])
    coverage = [Coverage(one["file"], tuple(one["covered"]), tuple(one["missed"])) for one in found["coverage"]]
    return TestRun(results, tuple(coverage))


def _apart(what: str, sources: Sources, timeout_s: float, memory: int) -> tuple[dict[str, Any] | None, bytes]:
    """What the other process found, None where it took too long; and what it told meanwhile.

    Raises:
        PolicyInvalid: it crashed.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "extproc.policy.regorus.trial",
        what,
        str(memory),
        str(int(timeout_s) + 1),
    ]
    try:
        tried = subprocess.run(
            command,
            input=sources.to_json(),
            capture_output=True,
            timeout=PATIENCE * timeout_s,
            check=False,
            process_group=0,  # a terminal's Ctrl-C is for us, who end it: it has not crashed
        )
    except subprocess.TimeoutExpired as late:
        return None, late.stderr or b""
    if tried.returncode == -signal.SIGXCPU:
        return None, tried.stderr
    if tried.returncode != 0:
        raise PolicyInvalid(f"the engine crashed on the policy (status {tried.returncode}): use `engine: opa`")
    return json.loads(tried.stdout), tried.stderr


def try_sources(sources: Sources) -> PolicyCheck:
    """Load a policy, evaluate it over the samples and run its tests, in this process.

    Raises:
        ConfigError, PolicyError: what is wrong.
    """
    engine = EmbeddedEngine.from_sources(sources)
    if engine.settings is SettingsValidity.INVALID:
        raise PolicyInvalid(wrong_settings(engine, sources.data))
    for document in sample_documents(responses=engine.response_interest is not ResponseInterest.NEVER):
        _try_document(engine, document)
    failed = [result for result in run_tests(sources).results if not result.passed] if sources.tests else []
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise PolicyInvalid(
            f"{failed[0].file}:{failed[0].line}: {failed[0].name} failed: {failed[0].message}{more}"
        )
    return PolicyCheck(engine.settings, engine.input_keys, engine.response_interest)


def wrong_settings(engine: EmbeddedEngine, data: Json) -> str:
    """Which parts of the data are wrong, as far as the policy tells: ``data.extproc.settings.wrong``."""
    if not data:
        return f"the policy reads data, and there is none\n{WAY_OUT}"
    try:
        wrong = run(engine.template.clone(), WRONG, b"{}", by="eval_rule_as_json")
    except PolicyError:
        wrong = None
    parts = ", ".join(str(part) for part in wrong) if isinstance(wrong, list) else ""
    which = f" (wrong: {parts})" if parts else ""
    return f"the data has not the shape that the policy reads{which}: {'.'.join(SETTINGS)} is not true\n{WAY_OUT}"


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
            f"{engine.query} answers in a shape the guard cannot read: {decision.detail}"
            "\n  what it may hold is in docs/reference/policy.md"
        )


def sample_documents(*, responses: bool = True) -> list[bytes]:
    """Return a small input for each sample call of each protocol.

    Args:
        responses: whether to add inputs of the second decision, about a response.
    """
    samples = [sample for each in PROTOCOLS for sample in each.samples]
    documents = [_document(sample) for sample in samples]
    if responses:
        read = ResponseFacts(200, Headers((("content-type", b"application/json"),)), b'{"id":"1"}', ())
        streamed = ResponseFacts(200, Headers(), unseen=Uninspectable.STREAMED)
        documents += [_document(samples[0], facts) for facts in (read, streamed)]
    return documents


def _document(sample: SampleCall, response: ResponseFacts | None = None) -> bytes:
    content_type = Headers((("content-type", sample.content_type),))
    return build_document(
        head=RequestHead("POST", "https", "sample", sample.path, content_type),
        call=sample.call,
        identity=Identity("https://issuer.example", "sample", ("sample",)),
        findings=(),
        body=sample.body,
        body_sha256="0" * 64,
        uninspectable=sample.call.uninspectable,
        now_ns=0,
        max_depth=SAMPLE_DEPTH,
        response=response,
    )


def _address_space() -> int:
    """Bytes of address space in use: allocators reserve far more than they touch. 0 where the system hides it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _main() -> None:
    what, memory, cpu_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sources = sources_of(sys.stdin.buffer.read())
    reserved = _address_space()
    if reserved:
        resource.setrlimit(resource.RLIMIT_AS, (reserved + memory, reserved + memory))
    json.dump(_report(sources) if what == "try" else _test_report(sources), sys.stdout)


def _report(sources: Sources) -> dict[str, object]:
    try:
        checked = try_sources(sources)
    except (ConfigError, PolicyError) as error:
        return {"complaint": str(error)}
    keys = None if checked.input_keys is None else sorted(checked.input_keys)
    return {"complaint": "", **asdict(checked), "input_keys": keys}


def _tell(name: str) -> None:
    sys.stderr.write(f"{name}\n")
    sys.stderr.flush()


def _test_report(sources: Sources) -> dict[str, object]:
    try:
        run = run_tests(sources, _tell)
    except (ConfigError, PolicyError) as error:
        return {"complaint": str(error)}
    return {"complaint": "", **asdict(run)}


if __name__ == "__main__":
    _main()
