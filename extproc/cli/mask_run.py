"""Mask a body by the options of ``extproc mask``, and print the result."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from extproc.cli.mask_diff import changed_lines, changed_values, print_changes
from extproc.cli.mask_explain import explained
from extproc.cli.mask_input import FOR_TRIALS, Limits, read_body
from extproc.cli.mask_messages import typed_body
from extproc.cli.mask_rules import (
    check_entities,
    make_trial_masker,
    paths_without_use,
    rules_of_connection,
    rules_of_options,
)
from extproc.codecs.unreadable import Unreadable
from extproc.config.load import load_settings
from extproc.masking.formats import as_text, is_one
from extproc.masking.masker import Masker
from extproc.masking.stream_masker import Masked
from extproc.model.errors import ConfigError, MaskingError
from extproc.model.masking import MaskOperator, MaskRule

JSON = "application/json"
DONE, WOULD_MASK, CANNOT_MASK = 0, 1, 2
"""Exit statuses: done; ``--check`` found something; the body cannot be masked, or the rules are wrong."""
EVERY_ENTITY = (MaskRule(MaskOperator.REDACT, entity="*"),)


@dataclass(frozen=True)
class MaskOptions:
    """The options of ``extproc mask``, as they were typed."""

    file: Path
    content_type: str
    encoding: str
    paths: list[str]
    entities: list[str]
    declared: list[str]
    config: Path | None
    connection: str
    response: bool
    function: str
    descriptors: Path | None
    message: str
    method: str
    diff: bool
    explain: bool
    check: bool

    @property
    def typed(self) -> bool:
        """True if the body consists of protocol buffers messages."""
        return bool(self.message or self.method)


def run_mask(options: MaskOptions) -> int:
    """Mask the body, print what the options ask for, and return the exit status.

    Raises:
        ConfigError: the descriptor set lacks the type or method.
        typer.BadParameter: an unknown operator.
    """
    try:
        masker, rules = _plan(options)
        check_entities(rules, masker.entities)
        encoding = "" if options.typed else options.encoding
        body, content_type = read_body(options.file, options.content_type, encoding, _limits(options))
        content_type = _masked_as(options, content_type)
    except ConfigError as error:
        return _fail(f"error: {error}")
    except Unreadable as error:
        return _fail(f"cannot be masked: its encoding cannot be undone: {error.kind}: {error.remedy}")
    mask = _mask_messages if options.typed else _mask_text
    try:
        masked, changes = mask(options, masker, rules, body, content_type)
    except MaskingError as error:
        return _fail(f"cannot be masked: {error}{_type_hint(options, content_type)}")
    for path in () if options.typed else paths_without_use(rules, body, content_type):
        typer.echo(f"warning: the rule for {path} does nothing: text that is not JSON has no paths", err=True)
    if options.explain:
        for line in explained(masked.findings, rules):
            typer.echo(line, err=True)
    if options.diff:
        print_changes(changes)
    elif not options.check:
        sys.stdout.buffer.write(masked.body)
        sys.stdout.flush()
    return WOULD_MASK if options.check and masked.body != body else DONE


def _limits(options: MaskOptions) -> Limits:
    """Return the limits of the configuration, if one is named."""
    if not options.config:
        return FOR_TRIALS
    limits = load_settings(options.config).limits
    largest = limits.response_body if options.response else limits.request_body
    return Limits(largest, limits.decoded_ratio, streams=options.response)


def _plan(options: MaskOptions) -> tuple[Masker, tuple[MaskRule, ...]]:
    """Make the masker, and collect the rules of the command line and of the connection.

    Raises:
        ConfigError: an unknown connection, or an invalid configuration.
    """
    rules = rules_of_options(options.paths, options.entities, options.declared)
    if options.connection and not options.config:
        raise ConfigError(
            f"which configuration has the connection {options.connection!r}?", hint="name it with --config"
        )
    settings = load_settings(options.config) if options.config else None
    if settings and options.connection:
        function = options.function or options.method
        rules += rules_of_connection(settings, options.connection, function, response=options.response)
    elif not rules:
        rules = EVERY_ENTITY
    return make_trial_masker(settings, options.config), rules


def _masked_as(options: MaskOptions, content_type: str) -> str:
    """Return the content-type by which the connection's bodies are masked."""
    if not (options.config and options.connection):
        return content_type
    masking = load_settings(options.config).connections[options.connection].masking
    return as_text(content_type, masking.text_types)


def _mask_text(
    options: MaskOptions, masker: Masker, rules: tuple[MaskRule, ...], body: bytes, content_type: str
) -> tuple[Masked, list[Text]]:
    masked = masker.mask(body, content_type, rules)
    if not options.diff:
        return masked, []
    if is_one(content_type):
        return masked, list(changed_values(masker.trial(body, content_type, rules)))
    return masked, list(changed_lines(body, masked.body))


def _mask_messages(
    options: MaskOptions, masker: Masker, rules: tuple[MaskRule, ...], body: bytes, _content_type: str
) -> tuple[Masked, list[Text]]:
    typed = typed_body(
        options.descriptors,
        options.message,
        options.method,
        encoding=options.encoding,
        config=options.config,
        connection=options.connection,
        response=options.response,
    )
    masked = typed.mask(masker, body, rules)
    return masked, list(typed.changed_fields(body, masked)) if options.diff else []


def _type_hint(options: MaskOptions, content_type: str) -> str:
    """Say how to name the type, where JSON was only a guess."""
    guessed = not options.content_type and ".json" not in options.file.suffixes and content_type == JSON
    return "; if it is not JSON, name its type with --type" if guessed and not options.typed else ""


def _fail(message: str) -> int:
    typer.echo(message, err=True)
    return CANNOT_MASK
