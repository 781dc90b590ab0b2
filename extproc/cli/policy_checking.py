"""Check a policy for the embedded engine, for ``extproc policy check``, and print what must be changed."""

import json
from dataclasses import asdict
from typing import Any

import typer

from extproc.console.printable import printable
from extproc.model.errors import PolicyInvalid
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.policy.regorus.trial import CandidateRefused, SampleInputs, TrialProcess


def check_embedded(process: TrialProcess, files: PolicyFiles, *, as_json: bool) -> bool:
    """Try a policy, and print the result.

    Args:
        process: tries the policy.
        files: the policy.
        as_json: print a list for programs. It has an entry without a place where only the trial shows the fault.

    Returns:
        True if the policy may be loaded.

    Raises:
        ConfigError, PolicyInvalid: the files cannot be read, or only the trial shows the fault.
    """
    sources = files.read()
    for file in files.unread():
        name = printable(str(file))
        typer.echo(f"note: {name} is not read: name it in policy.data, or call it data{file.suffix}", err=True)
    found: list[dict[str, Any]] = []
    checked = None
    try:
        checked = process.check(sources, _samples)
    except PolicyInvalid as error:
        found = [asdict(one) for one in error.violations] if isinstance(error, CandidateRefused) else []
        if not (found or as_json):
            raise
        found = found or [{"file": "", "line": 0, "column": 0, "message": str(error), "hint": ""}]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return not found
    for one in found:
        typer.echo("{file}:{line}:{column}: {message}\n  {hint}".format(**one), err=True)
    if checked:
        typer.echo(f"OK: {len(sources.modules)} modules, revision {sources.revision[:12]}")
        for note in unread_notes(checked.uninspectable_reads, checked.response_interest):
            typer.echo(f"note: {note}")
    return not found


def _samples() -> SampleInputs:
    from extproc.assembly.try_policy import sample_inputs

    return sample_inputs()
