"""The page of commands says what the commands say."""

from pathlib import Path

import typer
from typer.core import TyperGroup
from typer.main import get_command

from extproc.cli.main import app
from extproc.cli.reference import render_reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def commands(context):
    """Every command below a group, itself included, with its whole name."""
    yield context
    if isinstance(context.command, TyperGroup):
        for name, member in context.command.commands.items():
            yield from commands(typer.Context(member, info_name=name, parent=context))


ALL = list(commands(typer.Context(get_command(app), info_name="extproc")))


def test_the_page_is_what_the_commands_render_to():
    """After a change of a command: ``make reference``."""
    assert PAGE.read_text() == render_reference()


def test_every_command_has_a_section_with_all_its_options():
    page = PAGE.read_text()
    for context in ALL:
        heading = f"# {context.command_path}\n"
        assert heading in page
        section = page.partition(heading)[2].partition("\n#")[0]
        options = [option for parameter in context.command.params for option in parameter.opts if option[0] == "-"]
        assert [option for option in options if option not in section] == []


def test_every_command_and_every_option_explains_itself():
    silent = [context.command_path for context in ALL if not context.command.help]
    silent += [
        f"{context.command_path} {parameter.name}"
        for context in ALL
        for parameter in context.command.params
        if not parameter.help
    ]
    assert silent == []
