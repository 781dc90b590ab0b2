"""Check a policy for the embedded engine, for ``extproc policy check``."""

import json
from dataclasses import asdict

import typer

from extproc.assembly.try_policy import try_policy
from extproc.model.errors import PolicyInvalid
from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.contract.uninspectable_reads import unread_notes
from extproc.policy.regorus.evaluator import violations
from extproc.policy.regorus.lint.rego_module import Violation


def check_embedded(files: PolicyFiles, *, as_json: bool) -> bool:
    """Print everything that keeps a policy from being loaded. Returns True if it is nothing.

    Raises:
        ConfigError, PolicyInvalid: the files cannot be read; or, for people, only the trial shows what is wrong.
    """
    sources = files.read()
    for file in files.unread():
        typer.echo(f"note: {file} is not read: name it in policy.data, or call it data{file.suffix}", err=True)
    found = violations(sources)
    checked = None
    try:
        checked = None if found else try_policy(sources)
    except PolicyInvalid as error:
        if not as_json:
            raise
        found = [Violation("", 0, 0, str(error), "")]  # no place: only the trial shows it
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif checked:
        typer.echo(f"OK: {len(sources.modules)} modules, revision {sources.revision[:12]}")
        for note in unread_notes(checked.uninspectable_reads, checked.response_interest):
            typer.echo(f"note: {note}")
    else:
        for one in found:
            typer.echo(f"{one.file}:{one.line}:{one.column}: {one.message}\n  {one.hint}", err=True)
    return not found
