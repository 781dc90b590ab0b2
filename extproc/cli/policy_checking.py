"""Check a policy for the embedded engine, for ``extproc policy check``, and print what must be changed."""

import json
from dataclasses import asdict
from typing import Any

import typer

from extproc.cli.policy_selection import Selected
from extproc.console.printable import printable
from extproc.model.errors import PolicyInvalid
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.policy.names.known_names import KnownNames
from extproc.policy.regorus.policy_check import PolicyCheck
from extproc.policy.regorus.trial import CandidateRefused, SampleInputs, TrialProcess


def check_embedded(process: TrialProcess, selected: Selected, *, as_json: bool) -> bool:
    """Try a policy, and print the result.

    Args:
        process: tries the policy.
        selected: the policy.
        as_json: print a list for programs. It has an entry without a place where only the trial shows the fault.

    Returns:
        True if the policy may be loaded.

    Raises:
        ConfigError, PolicyInvalid: the files cannot be read, or only the trial shows the fault.
    """
    sources = selected.files.read()
    for file in selected.files.unread():
        name = printable(str(file))
        typer.echo(f"note: {name} is not read: name it in policy.data, or call it data{file.suffix}", err=True)
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    try:
        checked, names = _checked(process, sources, selected)
        unread = unread_notes(checked.uninspectable_reads, checked.response_interest)
        notes = [*names, *(str(note) for note in unread)]
    except PolicyInvalid as error:
        found = _listed(error)
        if not (found or as_json):
            raise
        found = found or [_entry(str(error))]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return not found
    for one in found:
        hint = "\n  {hint}" if one["hint"] else ""
        typer.echo(("{file}:{line}:{column}: {message}" + hint).format(**one), err=True)
    if not found:
        typer.echo(f"OK: {len(sources.modules)} modules, revision {sources.revision[:12]}")
        for note in notes:
            typer.echo(f"note: {note}")
    return not found


def _checked(process: TrialProcess, sources: Sources, selected: Selected) -> tuple[PolicyCheck, list[str]]:
    """Try the policy, and check its names.

    Returns:
        The facts about the policy, and notes about its names.

    Raises:
        ConfigError, PolicyInvalid: it must not be loaded.
    """
    from extproc.assembly.sample_inputs import sample_inputs
    from extproc.assembly.try_policy import notes_on_names, refuse_wrong_names, with_wrong_names

    known: list[KnownNames | None] = []

    def samples() -> SampleInputs:
        known.append(selected.known())  # now, while the child compiles the policy
        return sample_inputs()

    try:
        checked = process.check(sources, samples)
    except PolicyInvalid as refused:
        raise with_wrong_names(refused, sources, known[0] if known else None) from None
    refuse_wrong_names(sources, checked, known[0])
    return checked, notes_on_names(sources, checked, known[0])


def _listed(error: PolicyInvalid) -> list[dict[str, Any]]:
    """The single faults of a policy, as far as each has a place."""
    if isinstance(error, CandidateRefused):
        return [asdict(one) for one in error.violations]
    placed = [(one, one.place) for one in error.problems if one.place]
    return [_entry(one.message, place.file, place.line, place.column, one.hint) for one, place in placed]


def _entry(message: str, file: object = "", line: int = 0, column: int = 0, hint: str = "") -> dict[str, Any]:
    return {"file": str(file), "line": line, "column": column, "message": message, "hint": hint}
