"""The masker and the rules that ``extproc mask`` tries: from options, or from a configuration."""

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import typer

from extproc.assembly.make_connection import exemptions, masking_plan
from extproc.assembly.make_masker import make_detectors
from extproc.cli.mask_explain import masks_field
from extproc.config.load import adding_places
from extproc.config.schema import Settings
from extproc.detectors.analyzer import Analyzer
from extproc.masking.formats import Media, media_of
from extproc.masking.masker import Masker
from extproc.masking.plan.operators import FIELD
from extproc.masking.stream_masker import Masked
from extproc.model.errors import ConfigError
from extproc.model.masking import Finding, MaskOperator, MaskRule, RuleSource
from extproc.policy.names.known_names import suggestion
from extproc.settings.masking import DeclaredSettings, MaskingSettings

MAX_DEPTH, EVENT_LIMIT = 64, 1 << 20
"""Limits of a trial without a configuration: nested arrays and objects, and bytes of a server-sent event."""

EVERY, WHOLE = "*", "$"
"""The entity of a rule for all of them, and the path of a whole body."""
OPERATORS = RuleSource.CONNECTION
"""Who makes the rules of options: an operator, as in a configuration."""


def rules_of_options(paths: list[str], entities: list[str], declared: list[str]) -> tuple[MaskRule, ...]:
    """Make the rules of ``--path``, ``--entity`` and ``--declare``.

    Raises:
        typer.BadParameter: an unknown operator.
    """
    return (
        *(MaskRule(how, path=target, source=OPERATORS) for target, how in map(_target_and_operator, paths)),
        *(MaskRule(how, entity=target, source=OPERATORS) for target, how in map(_target_and_operator, entities)),
        *_allow_list(declared),
    )


def _target_and_operator(option: str) -> tuple[str, MaskOperator]:
    target, _, operator = option.rpartition("=") if "=" in option else (option, "", "redact")
    if operator not in set(MaskOperator):
        raise typer.BadParameter(f"{operator!r} is not a masking operator: use {', '.join(MaskOperator)}")
    return target, MaskOperator(operator)


def _allow_list(paths: list[str]) -> tuple[MaskRule, ...]:
    if not paths:
        return ()
    return masking_plan(MaskingSettings(response=[], declared=DeclaredSettings(response=paths))).response


def rules_of_connection(
    settings: Settings, name: str, function: str = "", *, response: bool
) -> tuple[MaskRule, ...]:
    """Return the rules that a connection always applies, for requests or for responses, with its exemptions.

    Args:
        settings: the configuration.
        name: the connection's name.
        function: whose exemptions count; empty: those for all functions.
        response: which of the two plans.

    Raises:
        ConfigError: the configuration has no such connection or function, or an exemption cannot be used.
    """
    if name not in settings.connections:
        raise ConfigError(f"no connection {name!r} in the configuration", hint=", ".join(settings.connections))
    connection = settings.connections[name]
    if function and not connection.has_function(function):
        raise ConfigError(
            f"connection {name} has no function {function!r}", hint=", ".join(connection.function_names)
        )
    plan, exempt = masking_plan(connection.masking), exemptions(connection.masking, function)
    return plan.response + exempt.response if response else plan.request + exempt.request


def check_entities(rules: Iterable[MaskRule], known: Collection[str]) -> None:
    """Check that detectors find the entities of rules.

    Raises:
        ConfigError: none finds one; it says which one was probably meant.
    """
    for rule in rules:
        if rule.entity and rule.entity != EVERY and rule.entity not in known:
            raise ConfigError(f"no detector finds {rule.entity}{suggestion(rule.entity, known)}")


def paths_without_use(rules: Iterable[MaskRule], body: bytes, content_type: str) -> list[str]:
    """Return the paths of rules that can name nothing in a body: it is text, and no JSON."""
    if media_of(content_type, ascii_only=True) is not Media.TEXT:
        return []
    try:
        json.loads(body)
    except ValueError:
        return list(dict.fromkeys(rule.path for rule in rules if rule.path not in ("", WHOLE)))
    return []


def paths_without_match(
    rules: Iterable[MaskRule], findings: Collection[Finding], mask: Callable[[tuple[MaskRule, ...]], Masked]
) -> list[str]:
    """Return the paths of rules at which a body has no value that could be masked.

    Args:
        rules: those with the paths.
        findings: what all rules together masked. A rule may stand back behind another one there.
        mask: masks the body by some rules.
    """
    return [
        rule.path
        for rule in rules
        if not any(each.entity == FIELD and masks_field(rule, each) for each in findings)
        and not any(each.entity == FIELD for each in mask((rule,)).findings)
    ]


def make_trial_masker(settings: Settings | None, config: Path | None) -> Masker:
    """Make a masker with a pseudonym key for trials.

    Args:
        settings: its detectors and limits are used; None: the built-in detectors and the limits above.
        config: the file of the settings, named in errors.

    Raises:
        ConfigError: a detector of the configuration cannot be used.
    """
    if settings and config:
        with adding_places(config):
            detectors = make_detectors(settings.masking)
    else:
        detectors = Analyzer()
    return Masker(
        detectors,
        pseudonym_key=b"a key for trials",
        pseudonym_key_id="trial",
        max_depth=settings.limits.json_depth if settings else MAX_DEPTH,
        event_limit=settings.limits.event if settings else EVENT_LIMIT,
    )
