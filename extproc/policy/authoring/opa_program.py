"""Check, test and serve a policy with the ``opa`` program, for authors whose policy runs in OPA.

The program gets a copy of the files that the guard's own loader reads, in a folder of its own, and an environment
without anything of this process: OPA takes options from variables.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import orjson

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.contract.json_schemas import input_schema
from extproc.policy.contract.policy_sources import TEST_SUFFIX, Module, Sources
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.lint.rego_module import Violation
from extproc.policy.regorus.test_results import Coverage, TestResult, TestRun

VARIABLE = "EXTPROC_OPA"
"""Names the program where it is not on PATH."""
CHECK_S = 120.0
"""Seconds for one check."""
START_S = 60.0
"""Seconds until a server answers."""
STOP_S = 5.0
DECISION_S = 30.0
"""Seconds for one decision of a server that only an author waits for."""
DATA = "data.json"
NAMES_SHOWN = 20
"""Keys of the input that a hint names."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A copy of a policy in a folder."""

    folder: Path
    names: Mapping[str, str]
    """The copies' names to the modules' own."""

    def name(self, copy: str) -> str:
        """The name of a module, by that of its copy."""
        return self.names.get(copy, copy)

    def in_text(self, text: str) -> str:
        """A text of OPA's, with the modules' own names."""
        for copy, name in self.names.items():
            text = text.replace(f"{copy}:", f"{name}:")
        return text


@dataclass(frozen=True, slots=True)
class OpaProgram:
    """An ``opa`` program of this machine."""

    path: str

    def __str__(self) -> str:
        first = self._run(["version"], Path.cwd(), CHECK_S).stdout.decode(errors="replace").split("\n")[0]
        return f"opa {first.removeprefix('Version: ')} ({self.path})"

    def check(self, sources: Sources) -> list[Violation]:
        """List what ``opa check --strict --schema`` finds, tests included.

        Raises:
            ConfigError: the program does not work.
        """
        with _staged(sources, (*sources.modules, *sources.tests)) as staged:
            schema = staged.folder.with_suffix(".schema.json")
            schema.write_bytes(orjson.dumps(input_schema()))
            try:
                ended = self._run(
                    ["check", "--strict", "--max-errors", "0", "--schema", str(schema), "--format", "json", "."],
                    staged.folder,
                    CHECK_S,
                )
            finally:
                schema.unlink()
            if ended.returncode == 0:
                return []
            found = _json(ended.stdout) or _json(ended.stderr)
            if not isinstance(found, dict) or not found.get("errors"):
                raise self._broken(ended)
            return [_violation(error, staged) for error in found["errors"]]

    def test(self, sources: Sources, *, timeout_s: float, coverage: bool) -> TestRun:
        """Run ``opa test``.

        Args:
            sources: the policy, its tests, data.
            timeout_s: seconds for each test, and for OPA's start.
            coverage: find out which lines the tests reach. It takes a second run, if all pass.

        Raises:
            ConfigError: the policy does not compile, or the program does not work.
            PolicyError: the tests do not end.
        """
        with _staged(sources, (*sources.modules, *sources.tests)) as staged:
            command = ["test", "--format", "json", "--timeout", f"{timeout_s:g}s", "."]
            whole_s = CHECK_S + timeout_s * (1 + len(sources.tests))
            ended = self._run(command, staged.folder, whole_s)
            found = _json(ended.stdout)
            if not isinstance(found, list) and (ended.returncode or found is not None):
                raise ConfigError(staged.in_text(_last_words(ended)), None, "`extproc policy check` says more")
            results = tuple(_result(one, staged) for one in found or [] if not one.get("skip"))
            if not coverage or not results or not all(one.passed for one in results):
                return TestRun(results, ())
            ended = self._run(["test", "--coverage", *command[1:]], staged.folder, whole_s)
            return TestRun(results, tuple(_coverage(_json(ended.stdout), staged)))

    @contextlib.contextmanager
    def serving(self, sources: Sources) -> Iterator[OpaServer]:
        """Run an OPA server with this policy, on a unix socket of its own, while the block runs.

        Raises:
            ConfigError: OPA does not start with this policy.
        """
        with _staged(sources, sources.modules) as staged:
            where = staged.folder.with_suffix(".sock")
            log = staged.folder.with_suffix(".log")
            command = [self.path, "run", "--server", "--skip-version-check", "--log-level", "error"]
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*command, "--addr", f"unix://{where}", "."],
                    cwd=staged.folder,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
            try:
                _wait(process, where, lambda: staged.in_text(log.read_text(errors="replace")))
                yield OpaServer(f"unix:{where}", DECISION_S, failures=1_000)
            finally:
                _end(process)

    def _run(self, arguments: Sequence[str], folder: Path, within_s: float) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [self.path, *arguments],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=within_s,
            )
        except subprocess.TimeoutExpired:
            raise PolicyError(f"opa {arguments[0]} did not end within {within_s:g} s") from None
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be run: {error.strerror}") from error

    def _broken(self, ended: subprocess.CompletedProcess[bytes]) -> ConfigError:
        return ConfigError(f"{self.path} ended with {ended.returncode}: {_last_words(ended)}")


def find_program() -> OpaProgram | None:
    """The program that the variable ``EXTPROC_OPA`` names, else ``opa`` on PATH; None without one."""
    found = os.environ.get(VARIABLE) or shutil.which("opa")
    return OpaProgram(found) if found else None


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}


@contextlib.contextmanager
def _staged(sources: Sources, modules: Iterable[Module]) -> Iterator[Staged]:
    """Copy modules and data into a folder."""
    with tempfile.TemporaryDirectory(prefix="xp-") as outer:
        folder = Path(outer) / "p"
        folder.mkdir()
        names: dict[str, str] = {}
        for number, module in enumerate(modules):
            copy = _copy_name(module.name, number, names)
            names[copy] = module.name
            (folder / copy).parent.mkdir(parents=True, exist_ok=True)
            (folder / copy).write_text(module.text, encoding="utf-8", newline="")
        (folder / DATA).write_bytes(orjson.dumps(sources.data))
        yield Staged(folder, names)


def _copy_name(name: str, number: int, taken: Mapping[str, str]) -> str:
    """The module's own name, where it can be a name below the folder."""
    path = PurePath(name)
    usable = not path.is_absolute() and ".." not in path.parts and not any(part[0] == "." for part in path.parts)
    return name if usable and name not in taken else f"{number}/{path.name}"


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


def _last_words(ended: subprocess.CompletedProcess[bytes]) -> str:
    said = (ended.stderr or ended.stdout).decode(errors="replace").strip()
    return said[-1_000:] or "it says nothing"


def _violation(error: Mapping[str, Any], staged: Staged) -> Violation:
    place = error.get("location") or {}
    known = (error.get("details") or {}).get("oneOf") or []
    hint = f"it can be: {', '.join(map(str, known[:NAMES_SHOWN]))}" if known else f"OPA: {error.get('code', '')}"
    file = staged.name(str(place.get("file", "")))
    return Violation(file, int(place.get("row", 0)), int(place.get("col", 0)), str(error.get("message")), hint)


def _result(one: Mapping[str, Any], staged: Staged) -> TestResult:
    place, error = one.get("location") or {}, one.get("error")
    message = str(error.get("message", error) if isinstance(error, Mapping) else error or "")
    passed = not one.get("fail") and not error
    return TestResult(
        f"{one.get('package')}.{one.get('name')}",
        staged.name(str(place.get("file", ""))),
        passed,
        "" if passed else message or "false or undefined",
        int(place.get("row", 0)),
    )


def _coverage(report: Any, staged: Staged) -> Iterator[Coverage]:
    files = report.get("files", {}) if isinstance(report, Mapping) else {}
    for copy, file in sorted(files.items()):
        if not copy.endswith(TEST_SUFFIX):
            covered, missed = _lines(file.get("covered") or []), _lines(file.get("not_covered") or [])
            yield Coverage(staged.name(copy), tuple(sorted(covered)), tuple(sorted(missed - covered)))


def _lines(ranges: Iterable[Mapping[str, Any]]) -> set[int]:
    return {line for one in ranges for line in range(one["start"]["row"], one["end"]["row"] + 1)}


def _wait(process: "subprocess.Popen[bytes]", where: Path, log: Any) -> None:
    """Wait until a server listens.

    Raises:
        ConfigError: it ended, or takes too long.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(where))
            return
        time.sleep(0.02)
    raise ConfigError("OPA does not start with this policy", None, log().strip()[-1_000:])


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
