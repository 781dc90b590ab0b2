"""Runs checks side by side. Each has its time: one that hangs, or fails itself, becomes a line of the report."""

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
from extproc.model.errors import ConfigError, ExtprocError

LOOK_EVERY_S = 0.05


@dataclass(eq=False)
class _Running:
    """One check on its way."""

    name: str
    found: list[CheckResult] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def run_checks(
    installation: Installation,
    checks: Iterable[tuple[str, Check]],
    *,
    within_s: float,
    progress: Callable[[list[str]], None] = lambda _waiting: None,
) -> list[CheckResult]:
    """Run all checks at the same time, and give what they found in the order of the checks.

    Args:
        installation: what they look at.
        checks: each by the name that a report uses where it does not answer.
        within_s: seconds for all of them; what is not done then is a problem. Nothing waits for it any longer.
        progress: results_from_error now and then whom it waits for.
    """
    with _silence():
        running = [_start(name, check, installation) for name, check in checks]
        _wait(running, within_s, progress)
    return [finding for one in running for finding in (*one.found, *_late(one, within_s))]


def _drop(*_event: object) -> NoReturn:
    raise structlog.DropEvent


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What the parts would log is in the findings, or is a driver's own words, which could hold anything."""
    before, nobody = structlog.get_config(), logging.NullHandler()
    structlog.configure(processors=[_drop])
    logging.getLogger().addHandler(nobody)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nobody)
        structlog.configure(**before)


def _wait(running: list["_Running"], within_s: float, progress: Callable[[list[str]], None]) -> None:
    deadline = time.monotonic() + within_s
    while waiting := [one for one in running if not one.done.is_set()]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        progress([one.name for one in waiting])
        waiting[0].done.wait(min(LOOK_EVERY_S, left))


def _start(name: str, check: Check, installation: Installation) -> _Running:
    """In a thread of its own, which keeps no process alive."""
    one = _Running(name)
    threading.Thread(target=_run, args=(one, check, installation), name=f"doctor-{name}", daemon=True).start()
    return one


def _run(one: _Running, check: Check, installation: Installation) -> None:
    try:
        for finding in check(installation):
            one.found.append(finding)
    except ExtprocError as error:
        one.found.extend(results_from_error(one.name, error))
    except PermissionError as error:
        what = f"{error.filename or 'something it needs'}: permission denied"
        one.found.append(CheckResult(one.name, Level.PROBLEM, what, "run this as the user that runs extproc"))
    except Exception as error:  # noqa: BLE001 - its text could hold anything, so only its kind is results_from_error
        what = f"could not be looked at: {type(error).__name__}"
        one.found.append(
            CheckResult(one.name, Level.PROBLEM, what, "look at it by hand; this is a fault of the check")
        )
    finally:
        one.done.set()


def _late(one: _Running, within_s: float) -> list[CheckResult]:
    if one.done.is_set():
        return []
    return [CheckResult(one.name, Level.PROBLEM, f"no answer within {within_s:g} s", "see what it waits for")]


def results_from_error(subject: str, error: ExtprocError) -> list[CheckResult]:
    """An error raised on purpose, as findings: one for each thing that is wrong."""
    if isinstance(error, ConfigErrors):
        return [result_from_error(subject, one) for one in error.problems]
    if isinstance(error, ConfigError):
        return [result_from_error(subject, error)]
    what, _, hint = str(error).partition("\n")
    return [CheckResult(subject, Level.PROBLEM, what.strip(), hint.strip())]
