"""``extproc tools``: see which tools changed their definition, read the change, and accept it."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from extproc.cli.evidence_tables import print_json
from extproc.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, examples
from extproc.console.printable import display, plain, printable
from extproc.model.errors import ConfigError

app = typer.Typer(
    help="See which tools changed their definition, read the change, and accept it.", no_args_is_help=True
)

STATE_STYLES = {"changed": "bold red", "accepted": "green", "rejected": "yellow"}
DIFF_STYLES = {"+": "green", "-": "red", "@": "dim"}
UNSHOWN = "(it could not be masked, so it is not shown)"
SHOWN = 19
"""Characters of a digest in a list: ``sha256:`` and 12 digits, which ``--digest`` accepts."""

ToolArgument = Annotated[str, typer.Argument(metavar="CONNECTION.TOOL", help="The tool, such as docs.search.")]
DigestOption = Annotated[
    str,
    typer.Option(
        "--digest", help="Which definition, by its digest or the beginning of it. Default: the changed one."
    ),
]
NoteOption = Annotated[
    str, typer.Option("--note", "-m", help="Give your reason: 3 to 1,000 characters. Mandatory.")
]
TokenOption = Annotated[
    Path | None,
    typer.Option("--token-file", help="Read your token from this file. Default: from the variable EXTPROC_TOKEN."),
]

LIST_EXAMPLES = examples(
    ("extproc tools list --changed", "see which tools wait for people."),
    ("extproc tools list --json | jq -r '.[].digest'", "copy digests into the configuration."),
)
DIFF_EXAMPLES = examples(("extproc tools diff docs.search", "read the change before you accept it."))
ACCEPT_EXAMPLES = examples(
    (
        'extproc tools accept docs.search -m "release 4.2, read the diff" --token-file token',
        "let calls of the tool run again.",
    ),
    (
        'extproc tools accept docs.search --digest sha256:9f86d081884c -m "ticket 4711" --token-file token',
        "accept one of several changes.",
    ),
)
REJECT_EXAMPLES = examples(
    (
        'extproc tools reject docs.search -m "a poisoned description; the server is mended" --token-file token',
        "forget a change that the server took back. If it lists that definition again, it is a change again.",
    ),
)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    changed: Annotated[bool, typer.Option("--changed", help="List only what nobody accepted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the definitions of tools that their servers listed, by tool, the newest first."""
    from extproc.console.client import connect

    params = {"changed": "true" if changed else "false"}
    answer = connect(config).get("definitions", params=params)
    found = _definitions(answer)
    if as_json:
        print_json(answer["definitions"])
    else:
        display(_listing(found, changed=changed))


@app.command(epilog=DIFF_EXAMPLES)
def diff(
    tool: ToolArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    digest: DigestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show how a tool's definition changed, masked; without a change, show the definition itself."""
    from extproc.console.client import connect

    found = connect(config).get("definitions", "one", params={"function": tool})
    definitions = _definitions(found)
    if as_json:
        print_json(found)
        return
    chosen = _chosen(definitions, digest, tool) if digest else None
    display(_difference(definitions, chosen))


@app.command(epilog=ACCEPT_EXAMPLES)
def accept(
    tool: ToolArgument,
    *,
    note: NoteOption = "",
    digest: DigestOption = "",
    token_file: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Accept a changed definition. Calls of the tool run again when enough approvers have accepted it."""
    _decide("accept", tool, note, digest, connect_to=(config, token_file), as_json=as_json)


@app.command(epilog=REJECT_EXAMPLES)
def reject(
    tool: ToolArgument,
    *,
    note: NoteOption = "",
    digest: DigestOption = "",
    token_file: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Reject a definition: it does not count any more, until the server lists it again."""
    _decide("reject", tool, note, digest, connect_to=(config, token_file), as_json=as_json)


def _decide(
    verb: str, tool: str, note: str, digest: str, *, connect_to: tuple[Path, Path | None], as_json: bool
) -> None:
    from extproc.console.client import connect, read_token

    config, token_file = connect_to
    if not note.strip():
        raise typer.BadParameter('a decision needs a reason, e.g. -m "read the diff"', param_hint="--note")
    client = connect(config, read_token(token_file))
    # The digest ties the decision to the definition that is there now.
    chosen = _chosen(_definitions(client.get("definitions", "one", params={"function": tool})), digest, tool)
    body = {"function": tool, "digest": chosen["digest"], "note": note}
    answer = client.post("definitions", verb, body=body)
    (after,) = _definitions({"definitions": [answer]})
    if as_json:
        print_json(answer)
    else:
        display(_outcome(after))


def _definitions(answer: dict[str, Any]) -> list[dict[str, Any]]:
    from extproc.console.expected_answers import DefinitionsAnswer, expect

    return [each.model_dump() for each in expect(DefinitionsAnswer, answer).definitions]


def _chosen(definitions: list[dict[str, Any]], digest: str, tool: str) -> dict[str, Any]:
    """Return the one definition that is meant.

    Raises:
        ConfigError: none is, or several are.
    """
    if digest:
        found = [each for each in definitions if each["digest"].startswith(digest)]
    else:
        found = [each for each in definitions if each["state"] == "changed"]
    if len(found) == 1:
        return found[0]
    known = ", ".join(each["digest"][:SHOWN] for each in found or definitions)
    what = "several definitions" if found else "no definition" if digest else "no changed definition"
    raise ConfigError(f"{printable(tool)} has {what} of that kind", hint=f"give one with --digest: {known}")


def _listing(found: list[dict[str, Any]], *, changed: bool) -> Table | Text:
    if not found:
        return Text("No tool has a changed definition." if changed else "No tool was listed yet.")
    table = Table("tool", "state", "by", "digest", "first seen", "last seen", box=None, pad_edge=False)
    for each in found:
        table.add_row(
            plain(each["function"]),
            plain(each["state"], STATE_STYLES.get(each["state"], "dim")),
            plain(_by(each)),
            plain(each["digest"][:SHOWN]),
            plain(each["first_seen"]),
            plain(each["last_seen"]),
        )
    return table


def _by(definition: dict[str, Any]) -> str:
    """Name those who accepted a definition, or say how many people have done so."""
    people = [each["person"].partition("|")[2] for each in definition["accepted_by"]]
    if definition["state"] == "changed":
        return f"{len(people)}/{definition['minimum']}"
    return ", ".join(people) if definition["how"] == "people" else definition["how"]


def _difference(definitions: list[dict[str, Any]], chosen: dict[str, Any] | None) -> Group:
    """The change from the newest accepted definition to each changed one, or to the chosen one."""
    accepted = next((each for each in definitions if each["state"] == "accepted" and each is not chosen), None)
    changes = [chosen] if chosen else [each for each in definitions if each["state"] == "changed"]
    if not definitions:
        return Group(Text("This tool has no definition."))
    if not changes:
        return Group(*_whole(accepted or definitions[0]))
    return Group(*(line for each in changes for line in _change(accepted, each)))


def _change(accepted: dict[str, Any] | None, changed: dict[str, Any]) -> Iterator[Text]:
    if accepted is None:
        yield Text("No definition of this tool is accepted: this one is shown whole.", style="bold red")
        yield from _whole(changed)
        return
    names = [_title(each) for each in (accepted, changed)]
    lines = list(difflib.unified_diff(_lines(accepted), _lines(changed), names[0], names[1], lineterm=""))
    if not lines:
        yield plain(f"{names[0]} and {names[1]}", "bold red")
        yield Text("differ only in masked values, or behind the part that is kept.", style="bold red")
    for line in lines:
        # Indented, so that a value which wraps cannot pass for a line of this command.
        yield Text(f"  {printable(line)}", style=DIFF_STYLES.get(line[:1], ""))
    yield from _people(changed)


def _whole(definition: dict[str, Any]) -> Iterator[Text]:
    yield plain(_title(definition), "bold")
    for line in _lines(definition):
        yield Text(f"  {printable(line)}")
    yield from _people(definition)


def _people(definition: dict[str, Any]) -> Iterator[Text]:
    for each in definition["accepted_by"]:
        yield plain(f"{each['person'].partition('|')[2]} accepted it at {each['at']}: {each['note']}")


def _title(definition: dict[str, Any]) -> str:
    return f"{definition['function']} {definition['digest'][:SHOWN]} {definition['state']}"


def _lines(definition: dict[str, Any]) -> list[str]:
    return (
        definition["text"].split("\n") if definition["text"] else ["(it could not be masked, so it is not shown)"]
    )


def _outcome(definition: dict[str, Any]) -> Text:
    function = plain(definition["function"]).plain
    if definition["state"] == "changed":
        return Text(f"Counted: {_by(definition)} acceptances of {function}; its calls still wait.")
    style = STATE_STYLES.get(definition["state"], "")
    return Text(f"{definition['state'].capitalize()}: {function} {definition['digest'][:SHOWN]}", style=style)
