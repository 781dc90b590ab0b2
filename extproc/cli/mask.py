"""``extproc mask``: try a masking plan on a file or standard input."""

from pathlib import Path
from typing import Annotated

import typer

from extproc.cli.options import Direction, examples

STANDARD_INPUT = Path("-")
EXAMPLES = examples(
    ("extproc mask answer.json", "redact every entity that the built-in detectors find."),
    (
        "extproc mask answer.json --path '$.items[*].id=remove' --entity EMAIL_ADDRESS=partial",
        "try rules of your own.",
    ),
    (
        "extproc mask answer.json --config extproc.yaml --connection crm --diff",
        "show what a connection's plan does.",
    ),
    ("extproc mask answer.json --check && echo clean", "test in a script that nothing has to be masked."),
    ("extproc mask item.bin --descriptors shop.binpb --message shop.v1.Item", "mask a protocol buffers message."),
)


def mask(  # noqa: PLR0917 - each is an option of the command line
    file: Annotated[
        Path, typer.Argument(help="The file with the body to mask; `-` reads standard input.")
    ] = STANDARD_INPUT,
    content_type: Annotated[
        str,
        typer.Option(
            "--type",
            help="Use this content-type. Default: by the file's name (a.txt, a.jsonl.gz), otherwise JSON.",
        ),
    ] = "",
    path: Annotated[
        list[str] | None,
        typer.Option(help="Mask the values at a JSONPath: PATH or PATH=OPERATOR. Repeat the option for more."),
    ] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option(help="Mask an entity: NAME or NAME=OPERATOR; `*` is all. Repeat the option for more."),
    ] = None,
    declare: Annotated[
        list[str] | None,
        typer.Option(help="Allow-list mode: redact all but the values at this path. Repeat the option for more."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Use the detectors and limits of this configuration; with --connection, its plan."
            " Default: the built-in detectors.",
            envvar="EXTPROC_CONFIG",
        ),
    ] = None,
    connection: Annotated[str, typer.Option(help="Use this connection's plan.")] = "",
    direction: Annotated[
        Direction | None,
        typer.Option(help="Which plan of the connection: for requests or for responses. Default: response."),
    ] = None,
    function: Annotated[
        str,
        typer.Option(
            help="With --connection: use its exemptions for this function, too. Default: that of --method."
        ),
    ] = "",
    diff: Annotated[
        bool, typer.Option(help="Print each change and its entity instead of the body; shows values.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            help="List each entity found, its place, what happens to it and by which rule on standard error."
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option(help="Print no body; exit with 1 if anything would be masked. Not with --diff.")
    ] = False,
    descriptors: Annotated[
        Path | None,
        typer.Option(help="Read protocol buffers types from this descriptor set. Default: the connection's."),
    ] = None,
    message: Annotated[str, typer.Option(help="Read the body as one message of this type: shop.v1.Item.")] = "",
    method: Annotated[
        str, typer.Option(help="Read the body as a gRPC body of this method: shop.v1.Inventory/GetItem.")
    ] = "",
    encoding: Annotated[
        str,
        typer.Option(help="Undo this content-encoding (of messages: grpc-encoding) first: gzip, br, zstd."),
    ] = "",
) -> None:
    """Try a masking plan: print the masked body.

    Without rules, every entity is redacted. The operators are `redact` (the default), `partial`, `remove` and
    `pseudonym`; pseudonyms are made with a key for trials, so they differ from those of the guard.

    Exit status: 0 when done; 1 with `--check` if anything would be masked; 2 if the body cannot be masked (the
    guard would refuse a call with it), or the plan cannot be tried: a wrong option, configuration, descriptor set
    or file.
    """
    from extproc.cli.mask_run import MaskOptions, run_mask

    options = MaskOptions(
        file=file,
        content_type=content_type,
        encoding=encoding,
        paths=path or [],
        entities=entity or [],
        declared=declare or [],
        config=config,
        connection=connection,
        direction=direction,
        function=function,
        descriptors=descriptors,
        message=message,
        method=method,
        diff=diff,
        explain=explain,
        check=check,
    )
    raise typer.Exit(run_mask(options))
