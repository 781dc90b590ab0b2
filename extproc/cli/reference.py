"""Render ``docs/reference/cli.md`` from the commands themselves. A test holds the page to them."""

import re
from collections.abc import Iterator

import typer
from typer.core import TyperGroup
from typer.main import get_command

from extproc.cli.main import app

INTRODUCTION = """# Command line

Every command of `extproc`, with its arguments and options, as `extproc COMMAND --help` prints them. The page is
generated: run `make reference` after a change.

Errors go to standard error. Exit status: 0 means done, 1 means failed or found something, 2 means that the command
line cannot be understood. Where a command differs, its section says so.
"""
LIST = re.compile(r"<list\[([^\]]+)\]>")
"""The type of a parameter that may be repeated, as Typer shows it."""


def render_reference() -> str:
    """Return the whole page, as Markdown."""
    return "\n".join([INTRODUCTION, *_section(typer.Context(get_command(app), info_name="extproc"))])


def _section(context: typer.Context) -> Iterator[str]:
    """Yield a command's own section, then those of its subcommands."""
    command = context.command
    nested = context.parent is not None and context.parent.parent is not None
    yield f"{'###' if nested else '##'} {context.command_path}\n"
    yield f"{(command.help or '').strip()}\n"
    yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n"
    yield from _parameters(context)
    if command.epilog:
        yield f"{command.epilog.strip()}\n"
    if isinstance(command, TyperGroup):
        for name, member in command.commands.items():
            yield from _section(typer.Context(member, info_name=name, parent=context))


def _parameters(context: typer.Context) -> Iterator[str]:
    """Yield the table of a command's arguments and options, without ``--help``, which every command has."""
    records = [each.get_help_record(context) for each in context.command.params]
    shown = [record for record in records if record]
    if shown:
        yield "| argument or option | meaning |\n| --- | --- |"
        yield from (f"| {_name(name)} | {_cell(meaning)} |" for name, meaning in shown)
        yield ""


def _name(name: str) -> str:
    single = LIST.sub(r"<\1>", name)
    return f"`{_cell(single)}`{' (repeatable)' if single != name else ''}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
