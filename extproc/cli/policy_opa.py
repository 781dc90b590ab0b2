"""The commands of ``extproc policy`` for a policy that OPA decides: by its server, or by the ``opa`` program.

Files are tried with the program, in a copy, and never sent to the configured server: it decides about real calls.
Each command says on standard error which of both it used.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import typer
from rich.table import Table

from extproc.assembly.make_engine import configured_interest, opa_server, presumed_reads
from extproc.assembly.sample_inputs import sample_inputs
from extproc.assembly.try_policy import notes_on_names, refuse_wrong_names
from extproc.cli.options import DEFAULT_CONFIG, EngineChoice
from extproc.cli.policy_selection import DEFAULT_QUERY, STARTER, choose_files, no_names, select_with_names
from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.console.printable import display, plain, printable
from extproc.model.errors import ConfigError, PolicyError, PolicyInvalid, SourceLocation
from extproc.policy.authoring.opa_decider import deciding
from extproc.policy.authoring.opa_program import OpaProgram, find_program
from extproc.policy.authoring.opa_trace import trace_in_opa
from extproc.policy.authoring.replay import Decider
from extproc.policy.authoring.trace import Trace
from extproc.policy.bundle.configured_files import configured_files, input_settings
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.policy.names.known_names import KnownNames
from extproc.policy.opa.bundle_status import BundleStatus
from extproc.policy.opa.opa_engine import OpaEngine
from extproc.policy.opa.opa_server import OpaServer
from extproc.policy.regorus.evaluator import SETTINGS
from extproc.policy.regorus.lint.rego_module import Violation
from extproc.policy.regorus.policy_check import NamesInRego, PolicyCheck, SettingsValidity
from extproc.policy.regorus.trial import TrialProcess
from extproc.settings.policy import PolicySettings

SETTINGS_PACKAGE = re.compile(rf"^package {re.escape('.'.join(SETTINGS[1:-1]))}\s*$", re.MULTILINE)
TEST_S = 30.0
"""Seconds for each test of a checked policy."""
PROGRAM_HINT = (
    "put `opa` on PATH, or its path into EXTPROC_OPA; `--engine embedded` tries the files in the embedded engine. "
    "Files are never sent to the configured OPA server"
)


@dataclass(frozen=True, slots=True)
class InOpa:
    """A policy that OPA decides."""

    files: PolicyFiles | None
    """Named files; None: the policy in the server."""
    server: OpaServer | None
    """The configured server; None without one."""
    query: str
    known: Callable[[], KnownNames | None] = no_names
    """Returns the names of the configuration, by which the policy's are checked; None without a configuration."""
    settings: PolicySettings = field(default_factory=PolicySettings)
    """The policy of the configuration, with the query that is asked."""

    def program(self, what: str) -> OpaProgram:
        """The ``opa`` program.

        Args:
            what: the policy or file that needs it, for the error.

        Raises:
            ConfigError: there is none.
        """
        found = find_program()
        if found is None:
            raise ConfigError(f"{what} needs the `opa` program, and there is none", None, PROGRAM_HINT)
        return found

    @contextlib.contextmanager
    def asked(self) -> Iterator[OpaServer]:
        """The server that decides: the configured one, or one of the program's own with the files. Says which.

        Raises:
            ConfigError: there is neither.
        """
        if self.files is not None:
            program = self.program("a decision by these files")
            say(f"by {program}")
            with program.serving(self.files.read()) as server:
                yield server
        elif self.server is not None:
            say(f"by OPA at {self.server.address}")
            yield self.server
        else:
            raise ConfigError("no OPA server is configured, and no file is named", None, PROGRAM_HINT)


NameReader: TypeAlias = Callable[[Sources], tuple[NamesInRego, list[str]]]
"""Returns the names in a policy's modules, and notes about them."""


def say(text: str) -> None:
    """Tell people, not programs."""
    typer.echo(printable(text), err=True)


def in_opa(paths: list[Path] | None, data: list[Path] | None, query: str | None, config: Path) -> InOpa:
    """The policy that a command is about: the files that it names, else the configuration's, else the server's.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    settings = None if config == DEFAULT_CONFIG and not config.exists() else load_settings(config, to_serve=False)
    asked = query or (settings.policy.query if settings else DEFAULT_QUERY)
    server = opa_server(settings) if settings and settings.policy.engine == EngineChoice.OPA.value else None
    at_server = server and not (paths or data)
    configured = configured_files(settings.policy) if settings else STARTER
    files = None if at_server else choose_files(paths, data, asked, configured)
    own = (settings.policy if settings else PolicySettings()).model_copy(update={"query": asked})
    return InOpa(files, server, asked, lambda: select_with_names(paths, data, query, config).known(), own)


def check(policy: InOpa, process: TrialProcess, *, as_json: bool) -> bool:
    """Print what is wrong with a policy that OPA decides.

    Args:
        policy: the policy.
        process: reads the names in its modules.
        as_json: print a list for programs.

    Returns:
        True if nothing is.
    """
    names = partial(_names, policy, process)
    checked = _check_files(policy, policy.files, names) if policy.files else _check_server(policy, names)
    found, summary = checked
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return not found
    for one in found:
        place = f"{one.file}:{one.line}:{one.column}: " if one.file else ""
        hint = f"\n  {printable(one.hint)}" if one.hint else ""
        typer.echo(f"{printable(f'{place}{one.message}')}{hint}", err=True)
    if not found:
        for line in summary:
            typer.echo(printable(line))
    return not found


def _names(policy: InOpa, process: TrialProcess, sources: Sources) -> tuple[NamesInRego, list[str]]:
    """The names in Rego, and notes: why they are not checked, or what the policy is not asked about."""
    unread = unread_notes(presumed_reads(policy.settings), configured_interest(policy.settings))
    notes = [str(note) for note in unread]
    try:
        return process.read_names(sources), notes
    except PolicyInvalid as error:
        return NamesInRego((), (), frozenset()), [f"names in Rego were not checked: {error}", *notes]


def _check_files(policy: InOpa, files: PolicyFiles, names: NameReader) -> tuple[list[Violation], list[str]]:
    """``opa check``, then ``opa test``, a decision for each sample call, and the names in data.

    Returns:
        The faults; and what to say if there are none.
    """
    program = policy.program("a check of these files")
    say(f"by {program}")
    sources = files.read()
    if found := program.check(sources):
        return found, []
    in_rego, notes = names(sources)
    found = list(in_rego.violations)
    if sources.tests:
        results = program.test(sources, timeout_s=TEST_S, coverage=False).results
        found += [Violation(one.file, one.line, 1, one.name, one.message) for one in results if not one.passed]
    if found:
        return found, []
    with program.serving(sources) as server:
        found, checked = asyncio.run(_check_served(server, sources))
    checked, known = replace(checked, literals=in_rego.literals), policy.known()
    found += _wrong_names(sources, checked, known)
    notes = [] if found else [f"note: {note}" for note in (*notes_on_names(sources, checked, known), *notes)]
    return found, [f"OK: {len(sources.modules)} modules, revision {sources.revision[:12]}", *notes]


def _wrong_names(sources: Sources, checked: PolicyCheck, known: KnownNames | None) -> list[Violation]:
    try:
        refuse_wrong_names(sources, checked, known)
    except PolicyInvalid as error:
        return [_violation(one) for one in error.problems]
    return []


def _violation(problem: ConfigError) -> Violation:
    place = problem.place or SourceLocation("")
    return Violation(str(place.file), place.line, place.column, problem.message, problem.hint)


def _check_server(policy: InOpa, names: NameReader) -> tuple[list[Violation], list[str]]:
    """The policy in the server: as ``_ask_server``, and the names in those of its modules that decide."""
    found, summary, sources = asyncio.run(_ask_server(policy))
    in_rego, notes = names(sources)
    deciding = in_rego.of_deciding()
    found += deciding.violations
    found += _wrong_names(sources, PolicyCheck(literals=deciding.literals), policy.known())
    return found, [*summary, *(f"note: {note}" for note in notes)]


async def _ask_server(policy: InOpa) -> tuple[list[Violation], list[str], Sources]:
    """The policy in the server: its health, a decision for each sample call and, with the program, its modules."""
    if policy.server is None:
        raise ConfigError("no OPA server is configured, and no file is named", None, PROGRAM_HINT)
    engine, program = OpaEngine(policy.server, policy.query), find_program()
    say(f"by OPA at {policy.server.address}{f', and its policies by {program}' if program else ''}")
    try:
        if not await engine.healthy():
            hint = f"see OPA's log, and curl '{policy.server.address}/health?bundles'"
            raise ConfigError(f"OPA at {policy.server.address} is not healthy, or cannot be reached", None, hint)
        modules = await engine.policies()
        texts = tuple(Module(name, text) for name, text in sorted(modules.items()))
        sources = Sources(texts, {}, policy.query, settings=input_settings(policy.settings))
        found = program.check(sources) if program else []
        found = found or await _check_samples(engine, policy.query)
        bundles = f", bundles {', '.join(engine.bundles)}" if engine.bundles else ""
        return found, [f"OK: {len(modules)} modules{bundles}, in OPA at {policy.server.address}"], sources
    finally:
        await engine.close()


async def _check_served(server: OpaServer, sources: Sources) -> tuple[list[Violation], PolicyCheck]:
    engine, settings = OpaEngine(server, sources.query), OpaEngine(server, ".".join(SETTINGS))
    try:
        found = await _check_samples(engine, sources.query)
        validity = await _settings_validity(settings, sources)
    finally:
        await engine.close()
        await settings.close()
    if validity is SettingsValidity.INVALID:
        what = "the data does not have the shape that the policy reads: each call is denied"
        found.append(Violation("", 0, 0, what, "`--engine embedded` names the wrong part"))
    return found, PolicyCheck(settings=validity)


async def _settings_validity(engine: OpaEngine, sources: Sources) -> SettingsValidity:
    """Evaluate ``data.extproc.settings.valid``, if the policy has its package."""
    if not any(SETTINGS_PACKAGE.search(module.text) for module in sources.modules):
        return SettingsValidity.UNCHECKED
    with contextlib.suppress(PolicyError):
        if await engine.evaluate(b"{}") is True:
            return SettingsValidity.VALID
    return SettingsValidity.INVALID


async def _check_samples(engine: OpaEngine, query: str) -> list[Violation]:
    """A complaint for each reason why policy does not decide a sample call."""
    complaints = []
    for document in sample_inputs().requests:
        try:
            await engine.evaluate(document)
        except PolicyError as error:
            complaints.append(str(error))
    hint = "give the rule a default; such calls are denied"
    return [Violation("", 0, 0, f"{query}, for a sample call: {one}", hint) for one in dict.fromkeys(complaints)]


def to_test(policy: InOpa) -> tuple[PolicyFiles, OpaProgram]:
    """The files with tests, and the program that runs them.

    Raises:
        ConfigError: there is no file, or no program.
    """
    if policy.files is None:
        raise ConfigError(
            "the configuration's policy is in an OPA server, whose tests are not there",
            None,
            "name the files: `extproc policy test policy/` runs them with the `opa` program",
        )
    program = policy.program("a test of these files")
    say(f"by {program}")
    return policy.files, program


def trace(policy: InOpa, document: bytes) -> Trace:
    """Decide on one input in OPA."""
    with policy.asked() as server:
        return asyncio.run(trace_in_opa(server, policy.query, document))


@contextlib.contextmanager
def decider(policy: InOpa) -> Iterator[Decider]:
    """Decides one input after the other, while the block runs."""
    with policy.asked() as server, deciding(server, policy.query) as made:
        yield made


def print_bundles(settings: Settings) -> bool:
    """Print the bundles of the configured OPA server. Returns False if OPA could not load the latest of one."""
    try:
        found = asyncio.run(_bundles(opa_server(settings), settings.policy.query))
    except PolicyError as error:
        say(f"OPA at {settings.policy.opa.address}: {error}")
        return True  # a worker that cannot ask it is in trouble by itself
    if found is None:
        say("OPA's status plugin is off: when its bundles came into force is not known")
    elif found:
        table = Table("bundle", "revision", "in force since", "problem", box=None)
        for one in found:
            table.add_row(
                *(plain(cell) for cell in (one.name, one.revision, one.activated or "never", one.problem))
            )
        display(table)
    return not any(one.problem for one in found or ())


async def _bundles(server: OpaServer, query: str) -> tuple[BundleStatus, ...] | None:
    engine = OpaEngine(server, query)
    try:
        return await engine.bundle_statuses()
    finally:
        await engine.close()
