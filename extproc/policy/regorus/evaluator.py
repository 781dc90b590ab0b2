"""Rego without a server: regorus behind a strict adapter.

Not OPA: for OPA's exact semantics use OPA. Evaluation has no limit of time or memory of its own and holds the
interpreter, so a policy is tried in a process that can be killed first (``extproc.policy.regorus.trial``).
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from extproc.model.call import Json
from extproc.model.errors import ConfigError, PolicyError, SourceLocation
from extproc.policy.contract.policy_sources import ENTRY, LOADED, Module, Sources
from extproc.policy.contract.response_interest import DIRECTIONS, TELLING, ResponseInterest, declared_interest
from extproc.policy.regorus.builtins import install
from extproc.policy.regorus.import_regorus import new_engine
from extproc.policy.regorus.input_usage import used_input_keys
from extproc.policy.regorus.lint.checks import lint
from extproc.policy.regorus.lint.rego_module import Unit, Violation, read_units
from extproc.policy.regorus.regex_builtins import Patterns
from extproc.policy.regorus.unambiguous_json import has_one_reading

MAX_INPUT = 96 << 20
"""Bytes of one input document: a body of the largest configurable size, as text and parsed."""
REFUSAL = re.compile(
    r"--> (?P<file>[^\n]*):(?P<line>\d+):(?P<column>\d+)\n.*?^error: (?P<message>[^\n]*)", re.MULTILINE | re.DOTALL
)
CONFLICT = re.compile(r"rule conflicts with rule at (\S+:\d+):\d+")
HARMLESS = frozenset({"divide by zero", "functions must not produce multiple outputs for same inputs"})
"""Messages of evaluations that may be repeated; others quote values."""
UNDEFINED = "the decision is undefined"
ANSWER = f"data.{ENTRY}.answer"
"""Our own rule around the query. A query is parsed and analysed at each evaluation, a rule is not; but a rule's
undefined is spelled as a string, so the value is wrapped: what is no object is undefined."""
SETTINGS = ("data", "extproc", "settings", "valid")
"""A rule about data alone: true when the data has the shape that the policy reads. Evaluated once, at loading."""
NOT_OURS = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit)
"""Derive from ``BaseException`` as the engine's panics do, and are not about policy."""


class SettingsValidity(StrEnum):
    """Whether the data has the shape that the policy says it reads."""

    VALID = "valid"
    INVALID = "invalid"
    UNCHECKED = "unchecked"
    """The policy has no rule ``data.extproc.settings.valid``."""


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """The facts about a policy that checking it has found, so that loading it need not find them again."""

    settings: SettingsValidity = SettingsValidity.UNCHECKED
    input_keys: frozenset[str] | None = None
    """The keys of ``input`` that the policy can look at; None: all."""
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN


@dataclass(frozen=True)
class EmbeddedEngine:
    """A loaded policy. Owned by one thread, the event loop's; each evaluation works on a clone."""

    template: Any
    query: str
    revision: str
    max_input: int = MAX_INPUT
    settings: SettingsValidity = SettingsValidity.UNCHECKED
    input_keys: frozenset[str] | None = None
    """As in ``PolicyCheck``."""
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    is_remote = False

    @classmethod
    def from_sources(cls, sources: Sources, *, checked: PolicyCheck | None = None) -> "EmbeddedEngine":
        """Compile and check a policy. Does not try it: see ``extproc.policy.regorus.trial.check_candidate``.

        Args:
            sources: the policy, data and query.
            checked: what ``check_candidate`` found in these very sources; they are then not checked again.

        Raises:
            ConfigError: the policy must not be loaded; says where and why.
        """
        if checked is None:
            template, units = compile_checked(sources.modules, sources.data)
            if not any(unit.defines(tuple(sources.query.split("."))) for unit in units):
                raise ConfigError(
                    f"no rule defines {sources.query}", None, "check policy.query, and the files' packages"
                )
        else:
            template = compile_modules(sources.modules, sources.data)
        entry = f'package {ENTRY}\n\nanswer := {{"value": {sources.query}}}\n'
        _guarded(template.add_policy, ENTRY, entry, file=ENTRY)
        _prepare(template)
        if checked is None:
            keys = used_input_keys(units)
            checked = PolicyCheck(
                check_settings(template, units), keys, find_response_interest(template, units, keys)
            )
        if checked.settings is SettingsValidity.VALID:
            _guarded(template.add_data_json, json.dumps({LOADED: {"settings_valid": True}}), file="data")
            _prepare(template)
        return cls(
            template,
            sources.query,
            sources.revision,
            settings=checked.settings,
            input_keys=checked.input_keys,
            response_interest=checked.response_interest,
        )

    async def evaluate(self, document: bytes, caller: str = "") -> Json:  # noqa: ARG002 - nobody waits
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``. Does not wait for anything."""
        return self.evaluate_now(document)

    def evaluate_now(self, document: bytes) -> Json:
        """As ``evaluate``, for callers without an event loop."""
        if len(document) > self.max_input:
            raise PolicyError("the input is too large for the embedded engine")
        if not has_one_reading(document):
            raise PolicyError("the input has duplicate keys or numbers that are not exact")
        match run(self.template.clone(), ANSWER, document, by="eval_rule_as_json"):
            case {"value": value}:
                return value
            case _:
                raise PolicyError(UNDEFINED)


def check_settings(template: Any, units: Sequence[Unit]) -> SettingsValidity:
    """Evaluate ``data.extproc.settings.valid``, where the policy has it. A rule about data: it sees no input."""
    if not any(unit.defines(SETTINGS) for unit in units):
        return SettingsValidity.UNCHECKED
    try:
        holds = run(template.clone(), ".".join(SETTINGS), b"{}", by="eval_rule_as_json") is True
    except PolicyError:
        holds = False
    return SettingsValidity.VALID if holds else SettingsValidity.INVALID


def find_response_interest(
    template: Any, units: Sequence[Unit], input_keys: frozenset[str] | None
) -> ResponseInterest:
    """The interest that ``data.extproc.directions`` declares.

    Without that rule: ``NEVER`` for rules that cannot tell a response from its request, else ``UNKNOWN``.

    Raises:
        ConfigError: the directions are not a set of known ones.
    """
    if not any(unit.defines(DIRECTIONS) for unit in units):
        can_tell = input_keys is None or input_keys & TELLING
        return ResponseInterest.UNKNOWN if can_tell else ResponseInterest.NEVER
    name = ".".join(DIRECTIONS)
    try:
        found = declared_interest(run(template.clone(), name, b"{}", by="eval_rule_as_json"))
    except PolicyError:
        found = ResponseInterest.UNKNOWN
    if found is ResponseInterest.UNKNOWN:
        raise ConfigError(f"{name} is no set of request, response and list", None, "it may depend on data alone")
    return found


def compile_modules(modules: Sequence[Module], data: Json) -> Any:
    """Make an engine that holds modules and data, with our built-ins in it.

    Raises:
        ConfigError: with the place of a syntax error.
    """
    engine = new_engine()
    install(engine, Patterns())
    for module in modules:
        _guarded(engine.add_policy, module.name, module.text, file=module.name)
    _guarded(engine.add_data_json, _data_text(data), file="data")
    return engine


def _data_text(data: Json) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(data)


def compile_checked(modules: Sequence[Module], data: Json) -> tuple[Any, tuple[Unit, ...]]:
    """As ``compile_modules``, and refuse what the engine accepts and should not.

    Returns:
        The engine, ready to be cloned, and the modules' syntax.

    Raises:
        ConfigError: names the first thing to change, and how.
    """
    template = compile_modules(modules, data)
    units = read_units(json.loads(_guarded(template.get_ast_as_json, file="syntax tree")))
    if violations := lint(units):
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        raise ConfigError(first.message + more, SourceLocation(first.file, first.line, first.column), first.hint)
    _prepare(template)
    return template, units


def violations(modules: Sequence[Module]) -> list[Violation]:
    """Everything in these modules that must not be loaded, in the order of files and lines.

    Raises:
        ConfigError: a module cannot be parsed.
    """
    template = compile_modules(modules, {})
    return lint(read_units(json.loads(_guarded(template.get_ast_as_json, file="syntax tree"))))


def run(engine: Any, query: str, document: bytes, *, by: str = "eval_query_as_json") -> Json:
    """Evaluate a query once. The engine must not be used again after an error.

    Args:
        engine: a clone, which is used up.
        query: the query; a rule's name, with ``eval_rule_as_json``.
        document: the input.
        by: the engine's method.

    Returns:
        The engine's whole result; of a rule, its value.

    Raises:
        PolicyError: any error, with the policy's place and nothing of the input.
    """
    try:
        engine.set_input_json(document.decode())
        return orjson.loads(getattr(engine, by)(query))  # type: ignore[no-any-return]
    except NOT_OURS:
        raise
    except BaseException as error:  # noqa: BLE001 - panics derive from it
        raise PolicyError(f"evaluation failed{_place_text(error)}") from None
    finally:
        del engine  # else an error's traceback keeps it, until perhaps another thread collects it, and may not


def only_value(result: Any) -> Json:
    """The one value of a result.

    Raises:
        PolicyError: undefined, or several results.
    """
    match result:
        case {"result": [{"expressions": [{"value": value}]}]}:
            return value  # type: ignore[no-any-return]
        case {"result": [_, *_]}:
            raise PolicyError("the query has several results")
        case _:
            raise PolicyError(UNDEFINED)


def _prepare(template: Any) -> None:
    """Resolve names and order expressions once, not in every clone; unsafe variables are found here too.

    Evaluates no rule.
    """
    _guarded(template.set_input_json, "{}", file="input")
    _guarded(template.eval_query_as_json, "true", file="query")


def _guarded(method: Any, *arguments: str, file: str) -> Any:
    try:
        return method(*arguments)
    except NOT_OURS:
        raise
    except BaseException as error:  # noqa: BLE001 - panics derive from it
        raise config_error(error, file) from None


def config_error(error: BaseException, file: str) -> ConfigError:
    """An engine's complaint about a policy as ours, with file, line and column."""
    found = REFUSAL.search(str(error))
    if found is None:
        return ConfigError("cannot be compiled", SourceLocation(file), "check it with `opa check`")
    place = SourceLocation(found["file"], int(found["line"]), int(found["column"]))
    return ConfigError(found["message"], place, "the embedded engine reads Rego v1")


def _place_text(error: BaseException) -> str:
    """Where in the policy an error happened, and what, where the engine's message is known to quote no value."""
    found = REFUSAL.search(str(error))
    if found is None:
        return f" ({type(error).__name__})"
    message = found["message"]
    conflict = CONFLICT.fullmatch(message)
    why = f"its value is not that of {conflict[1]}" if conflict else message if message in HARMLESS else ""
    return f" at {found['file']}:{found['line']}{': ' if why else ''}{why}"
