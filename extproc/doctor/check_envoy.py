"""Check Envoy: its binary and version, and whether its configuration lets calls bypass the guard."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from extproc.codecs.located_yaml import load_located
from extproc.doctor.check_processes import endpoints
from extproc.doctor.check_result import CheckResult, Installation, Level
from extproc.envoy_config.lint.check_file import check_document, check_file
from extproc.envoy_config.lint.dangers import Problem, Severity
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.render.bootstrap import buffer_limit, render_bootstrap
from extproc.model.errors import ConfigError
from extproc.supervise.children import envoy_binary

VERSION = "1.40."
"""The version that the guard was tested with."""
LEVELS = {Severity.ERROR: Level.PROBLEM, Severity.WARNING: Level.WARNING, Severity.NOTE: Level.OK}
ASK_S = 10.0
"""Seconds for ``envoy --version``."""


def binary(installation: Installation) -> Iterator[CheckResult]:
    """Report which Envoy ``extproc up`` would start."""
    subject, elsewhere = "Envoy's binary", bool(installation.settings.envoy.guard_endpoints)
    found = ""
    try:
        found = envoy_binary()
        printed = subprocess.run(
            [found, "--version"], capture_output=True, timeout=ASK_S, check=True, text=True
        ).stdout
    except ConfigError as error:
        if elsewhere:
            yield installation.skipped(subject, "there is none here; Envoy runs elsewhere")
        else:
            yield installation.warning(subject, "there is none: `extproc up` cannot start", error.hint)
        return
    except (OSError, subprocess.SubprocessError) as error:
        yield installation.problem(
            subject, f"{found} cannot be run: {type(error).__name__}", "install Envoy again"
        )
        return
    match = re.search(r"/(\d+\.\d+\.\d+)", printed)
    version = match[1] if match else "unknown"
    if version.startswith(VERSION):
        yield installation.ok(subject, f"{found} is {version}")
    else:
        what = f"{found} is {version}; the guard was tested with {VERSION}x"
        yield installation.warning(subject, what, "install the tested version: pip install 'extproc[embedded]'")


def bypass(installation: Installation) -> Iterator[CheckResult]:
    """Look for ways around the guard, in the given Envoy configuration or in the rendered one."""
    if installation.envoy_file:
        yield from _given(installation, installation.envoy_file)
        return
    rendered = render_bootstrap(installation.settings, guard_endpoints=list(endpoints(installation).values()))
    problems = check_document(rendered, installation.settings)
    yield from (_finding(each, "as rendered") for each in problems)
    if not problems:
        yield installation.ok(
            "Envoy's configuration", "the rendered configuration has none of the known ways around the guard"
        )


def _given(installation: Installation, file: Path) -> Iterator[CheckResult]:
    problems = check_file(file, installation.settings, endpoints(installation).values())
    yield from (_finding(each, str(file)) for each in problems)
    if all(each.severity is Severity.NOTE for each in problems):
        yield installation.ok("Envoy's configuration", f"{file} has none of the known ways around the guard")
    yield from _narrower(installation, file)


def _finding(each: Problem, file: str) -> CheckResult:
    level = LEVELS[each.severity]
    where = f"{file}:{each.line}" if each.line else file
    return CheckResult(
        "Envoy's configuration", level, f"{each.danger}: {each.what}. {each.why}", each.hint, where, each.where
    )


def _narrower(installation: Installation, file: Path) -> Iterator[CheckResult]:
    """Report limits of that Envoy that end calls which this configuration allows."""
    document = load_located(file)
    wanted = buffer_limit(installation.settings.limits)
    limits = installation.settings.limits
    for node in Node(document.data).walk():
        size = node.get("per_connection_buffer_limit_bytes")
        if isinstance(size.value, int) and size.value < wanted:
            what = f"buffers {size.value} bytes; limits allow bodies that need {wanted}, which end in 413 or 500"
            yield _limit(size, f"{file}:{document.place(size.path).line}", what, f"set it to {wanted}")
        hold = node.seconds("max_message_timeout")
        if hold is not None and hold < limits.hold:
            at = node.get("max_message_timeout")
            what = f"ends holds after {hold:g} s, but limits.hold is {limits.hold:g} s"
            yield _limit(at, f"{file}:{document.place(at.path).line}", what, "set both to the same time")


def _limit(node: Node, where: str, what: str, hint: str) -> CheckResult:
    key = ".".join(str(part) for part in node.path)
    return CheckResult("Envoy's configuration", Level.WARNING, what, hint, where, key)
