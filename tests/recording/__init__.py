"""Record what the guard sends, stores, masks and prints in the tests, to compare two commits.

A refactoring must not change behaviour. The same tests run on the commit before it and on the commit after it, and each
run writes a recording::

    python -m pytest tests/unit -n 2 --dist loadfile -p tests.recording --record before.jsonl
    python -m tests.recording demo before-demo.json

After the refactoring, record to other files in the same way, and compare::

    python -m tests.recording compare before.jsonl after.jsonl
    python -m tests.recording compare before-demo.json after-demo.json

A key that was changed on purpose, such as a new field of findings, is left out with ``--ignore KEY``.
The comparison exits with 1 when behaviour differs or a test is missing, and with 0 when only wording differs. Tests are
known by function name and parameters, so test files may move; a test that was renamed is found by its content.

A recording holds, for each test (JSON, one line each):

==========  ==========================================================================================
``story``   messages to Envoy, answers of ext_authz, entries, policy's input and answer, and how exchanges
            ended, in their order; what ran side by side, task by task
``refused`` each ``Refused`` that was made: reason, rule, detail
``cli``     each command run with ``CliRunner``: arguments, exit code, stdout, stderr
``metrics`` the project's metrics that the test changed, and how often the observer was told of each event
``masks``   calls of the masker: hashes of input and output, rules, findings
==========  ==========================================================================================

Values that differ from run to run (ids, times, ports, temporary folders) are normalised: see ``normal``. Tests under
Hypothesis are not recorded, since their examples differ, nor are tests that measure time or memory. ``hooks`` finds the project's classes and functions by
shape or by name; a name that a refactoring changes is added to ``hooks.NAMES``.
"""

import functools
import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tests.recording import hooks
from tests.recording.normal import BASETEMP
from tests.recording.tape import Tape

PART = ".part"
"""Suffix of the files that processes of one run write, before they are merged."""


MEASURES = {"process_time", "perf_counter", "tracemalloc", "thread_time"}
"""Functions and modules that tests of costs use."""


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--record", metavar="FILE", help="record what the guard sends in the tests: see tests/recording"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config) -> None:
    if config.getoption("--record"):
        config.pluginmanager.register(Plugin(config), "recording")


def is_left_out(item) -> bool:
    """Tests of many examples, and tests that measure: the recorder itself takes time and memory."""
    test = getattr(item, "obj", None)
    if test is None or getattr(test, "is_hypothesis_test", False):
        return True
    named = _names(test.__code__)
    own = (item.module.__dict__.get(name) for name in named)
    helpers = set().union(*(_names(each.__code__) for each in own if isinstance(each, FunctionType)))
    return bool(MEASURES & (named | helpers))


def _names(code) -> set[str]:
    return set(code.co_names).union(*(_names(each) for each in code.co_consts if isinstance(each, CodeType)))


class Plugin:
    """Writes one line for each test. Each xdist worker writes a file of its own; the controller merges them."""

    def __init__(self, config) -> None:
        worker = getattr(config, "workerinput", {}).get("workerid", "")
        self.is_worker = bool(worker)
        self.file = Path(config.invocation_params.dir, config.getoption("--record"))
        self.part = self.file.with_name(f"{self.file.name}.{worker or 'main'}{PART}")
        if not self.is_worker:
            for stale in self._parts():
                stale.unlink()
        gzip.compress = functools.partial(gzip.compress, mtime=0)  # some tests send what they compress
        self.basetemp = None
        if not self.is_worker and not config.option.basetemp:
            self.basetemp = config.option.basetemp = BASETEMP.format(os.getpid())
        self.is_hooked = False
        self.line: dict | None = None

    def _parts(self):
        return sorted(self.file.parent.glob(f"{self.file.name}.*{PART}"))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session) -> None:
        """Hook once all test modules are imported: the doubles among them are hooked too."""
        if session.items and not self.is_hooked:
            self.is_hooked = True
            hooks.install()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        if is_left_out(item):
            return (yield)
        hooks.tape = tape = Tape()
        before = hooks.metrics()
        outcome = "passed"
        try:
            return (yield)
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            hooks.tape = None
            line = {"test": item.name, "file": item.location[0], "outcome": outcome, **tape.wound()}
            line["metrics"] = hooks.changed(before, hooks.metrics()) | tape.observed
            self.line = line

    def pytest_runtest_logfinish(self) -> None:
        """Write only now: a test may have replaced what writing needs."""
        if self.line:
            self._write(self.line)
            self.line = None

    def pytest_sessionfinish(self, session) -> None:
        if self.is_hooked:
            self._write({"metrics": hooks.described()})
        if not self.is_worker:
            self._merge()

    def pytest_unconfigure(self) -> None:
        if self.basetemp:
            shutil.rmtree(self.basetemp, ignore_errors=True)

    def _write(self, line) -> None:
        with self.part.open("a") as out:
            out.write(json.dumps(line, sort_keys=True) + "\n")

    def _merge(self) -> None:
        described: dict = {}
        tests = []
        for part in self._parts():
            for line in part.read_text().splitlines():
                one = json.loads(line)
                if "test" in one:
                    tests.append(one)
                else:
                    described |= one["metrics"]
            part.unlink()
        tests.sort(key=lambda one: (one["test"], one["file"], json.dumps(one, sort_keys=True)))
        write_recording(self.file, tests, described)


def write_recording(file: Path, tests: list, described: dict) -> None:
    """Write the file: a line that describes the run, then a line for each test."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    meta = {"commit": done.stdout.strip(), "python": sys.version.split()[0], "metrics": described}
    file.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in ({"meta": meta}, *tests)))
