"""Run all checks at the same time. A check that hangs or fails becomes a line of the report."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from extproc.config.validation_errors import ConfigErrors
from extproc.doctor.check_result import Check, CheckResult, Installation, Level, result_from_error
from extproc.model.errors import ConfigError, ExtprocError, PolicyInvalid

PROGRESS_EVERY_S = 0.05


@dataclass(eq=False)
class _Running:
    """One check that has been started."""

    name: str
    results: list[CheckResult] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def run_checks(
    installation: Installation,
    checks: Iterable[tuple[str, Check]],
    *,
    within_s: float,
    progress: Callable[[list[str]], None] = lambda _waiting: None,
) -> list[CheckResult]:
    """Run all checks at the same time, and return their results in the order of the checks.

    Args:
        installation: the installation to check.
        checks: each with its name; the report uses the name where the check itself does not answer.
        within_s: seconds for all of them. A check that needs longer is reported as a problem and left behind.
        progress: called now and then with the names of the checks that are still running.
    """
    with _silence():
        running = [_start(name, check, installation) for name, check in checks]
        _wait(running, within_s, progress)
    return [result for one in running for result in (*one.results, *_late(one, within_s))]


def _drop(*_event: object) -> NoReturn:
    raise structlog.DropEvent


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Log nothing: the results say it already, and a driver's own log lines could hold anything."""
    before, handler = structlog.get_config(), logging.NullHandler()
    structlog.configure(processors=[_drop])
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        structlog.configure(**before)


def _wait(running: list["_Running"], within_s: float, progress: Callable[[list[str]], None]) -> None:
    deadline = time.monotonic() + within_s
    while waiting := [one for one in running if not one.done.is_set()]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        progress([one.name for one in waiting])
        waiting[0].done.wait(min(PROGRESS_EVERY_S, left))


def _start(name: str, check: Check, installation: Installation) -> _Running:
    """Start a check in a daemon thread, which does not keep the process alive."""
    one = _Running(name)
    threading.Thread(target=_run, args=(one, check, installation), name=f"doctor-{name}", daemon=True).start()
    return one


def _run(one: _Running, check: Check, installation: Installation) -> None:
    try:
        for result in check(installation):
            one.results.append(result)
    except ExtprocError as error:
        one.results.extend(results_from_error(one.name, error))
    except PermissionError as error:
        what = f"{error.filename or 'a file that it needs'}: permission denied"
        one.results.append(CheckResult(one.name, Level.PROBLEM, what, "run this as the user that runs extproc"))
    except Exception as error:  # noqa: BLE001 - its text could hold anything, so only its type is reported
        what = f"could not be checked: {type(error).__name__}"
        hint = "check it by hand; this is a fault of the doctor"
        one.results.append(CheckResult(one.name, Level.PROBLEM, what, hint))
    finally:
        one.done.set()


def _late(one: _Running, within_s: float) -> list[CheckResult]:
    if one.done.is_set():
        return []
    hint = "see why the part that it asks does not answer"
    return [CheckResult(one.name, Level.PROBLEM, f"no answer within {within_s:g} s", hint)]


def results_from_error(subject: str, error: ExtprocError) -> list[CheckResult]:
    """Make results of an error that was raised on purpose: one for each mistake that it lists."""
    if isinstance(error, ConfigErrors) or (isinstance(error, PolicyInvalid) and error.problems):
        return [result_from_error(subject, one) for one in error.problems]
    if isinstance(error, ConfigError):
        return [result_from_error(subject, error)]
    what, _, hint = str(error).partition("\n")
    return [CheckResult(subject, Level.PROBLEM, what.strip(), hint.strip())]
