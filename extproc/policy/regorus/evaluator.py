"""Evaluate Rego in this process, by regorus behind a strict adapter.

regorus is not OPA: use OPA for OPA's exact semantics. An evaluation has no limit of time or memory and holds the
interpreter, so a policy is first tried in a process that can be killed (``extproc.policy.regorus.trial``).
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import orjson

from extproc.model.call import Json
from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.contract.connection_facts import connection_facts
from extproc.policy.contract.policy_sources import ENTRY, LOADED, Module, Sources
from extproc.policy.contract.response_interest import (
    DIRECTIONS,
    TELLING,
    ResponseInterest,
    declared_interest,
    declares_server_requests,
)
from extproc.policy.contract.uninspectable_reads import NONE_READ, UninspectableReads
from extproc.policy.names.rego_literals import RegoLiteral
from extproc.policy.regorus.builtins import install_builtins
from extproc.policy.regorus.engine_errors import config_error, evaluation_error, is_from_engine, syntax_error
from extproc.policy.regorus.import_regorus import RegorusEngine, new_engine
from extproc.policy.regorus.input_usage import used_input_keys
from extproc.policy.regorus.lint.checks import lint
from extproc.policy.regorus.lint.constant_answers import unreadable_answers
from extproc.policy.regorus.lint.input_references import input_references
from extproc.policy.regorus.lint.literals import find_literals
from extproc.policy.regorus.lint.rego_module import RegoModule, Violation, read_modules, violations_error
from extproc.policy.regorus.lint.rule_uses import rules_of_query
from extproc.policy.regorus.lint.unknown_keys import unknown_keys
from extproc.policy.regorus.policy_check import NamesInRego, PolicyCheck, SettingsValidity
from extproc.policy.regorus.regex_builtins import Patterns
from extproc.policy.regorus.rule_names import spelled_names
from extproc.policy.regorus.unambiguous_json import has_one_reading
from extproc.policy.regorus.uninspectable_usage import find_uninspectable_reads

T = TypeVar("T")
MAX_INPUT = 96 << 20
"""Bytes of one input document: a body of the largest configurable size, as text and parsed."""
UNDEFINED = "the decision is undefined"
ANSWER = f"data.{ENTRY}.answer"
"""The loader's own rule around the query. A query is parsed and analysed at each evaluation, a rule only once. An
undefined rule has a string as its value, so the query's value is wrapped: any value but an object is undefined."""
SETTINGS = ("data", "extproc", "settings", "valid")
"""A rule about data alone: true if the data has the shape that the policy reads. Evaluated once, at loading."""
RULES = ("data", "extproc", "rules")
"""A rule about data alone: the names of rules that decisions take from data. Evaluated once, at loading."""
NO_VALUE = "<undefined>"
"""The engine's value of a rule without one."""


@dataclass(frozen=True)
class EmbeddedEngine:
    """A loaded policy. Owned by one thread, the event loop's; each evaluation works on a clone."""

    template: RegorusEngine
    query: str
    revision: str
    max_input: int = MAX_INPUT
    settings: SettingsValidity = SettingsValidity.UNCHECKED
    input_keys: frozenset[str] | None = None
    """As in ``PolicyCheck``."""
    response_interest: ResponseInterest = ResponseInterest.UNKNOWN
    decides_server_requests: bool = False
    uninspectable_reads: UninspectableReads = NONE_READ
    connection_facts: frozenset[str] = frozenset()
    """As in ``PolicyCheck``."""
    bundles: tuple[str, ...] = ()
    literals: tuple[RegoLiteral, ...] = ()
    """As in ``PolicyCheck``; empty if the sources were checked before."""
    rule_names: tuple[str, ...] = ()
    """As in ``PolicyCheck``."""
    is_remote = False

    @classmethod
    def from_sources(
        cls, sources: Sources, *, checked: PolicyCheck | None = None, modules: tuple[RegoModule, ...] | None = None
    ) -> "EmbeddedEngine":
        """Compile and check a policy. Does not try it: see ``extproc.policy.regorus.trial.check_candidate``.

        Args:
            sources: the policy, data and query.
            checked: the result of ``check_candidate`` for these very sources, which are then not checked again.
            modules: the syntax of the policy, if it was linted already.

        Raises:
            ConfigError: the policy must not be loaded; says where and why.
        """
        template, found = _compile_and_check(sources, checked, modules)
        if found.settings is SettingsValidity.VALID:
            _guarded(template.add_data_json, json.dumps({LOADED: {"settings_valid": True}}), file="data")
            _prepare(template)
        return cls(
            template,
            sources.query,
            sources.revision,
            settings=found.settings,
            input_keys=found.input_keys,
            response_interest=found.response_interest,
            decides_server_requests=found.decides_server_requests,
            uninspectable_reads=found.uninspectable_reads,
            literals=found.literals,
            rule_names=found.rule_names,
            connection_facts=found.connection_facts,
        )

    async def evaluate(self, document: bytes, caller: str = "") -> Json:  # noqa: ARG002 - no question waits
        """Evaluate the query over one input: see ``PolicyEngine.evaluate``. Does not wait for anything."""
        return self.evaluate_now(document)

    def evaluate_now(self, document: bytes) -> Json:
        """Evaluate without an event loop: see ``evaluate``."""
        if len(document) > self.max_input:
            raise PolicyError("the input is too large for the embedded engine")
        if not has_one_reading(document):
            raise PolicyError("the input has duplicate keys or numbers that are not exact")
        match run_rule(self.template.clone(), ANSWER, document):
            case {"value": value}:
                return value
            case _:
                raise PolicyError(UNDEFINED)


def _compile_and_check(
    sources: Sources, checked: PolicyCheck | None, modules: tuple[RegoModule, ...] | None
) -> tuple[RegorusEngine, PolicyCheck]:
    """Compile the sources with the rule ``ANSWER``, and check them unless they were checked before."""
    if checked is None and modules is None:
        template, modules = compile_checked(sources.modules, sources.data)
    else:
        template = compile_modules(sources.modules, sources.data)
    query = tuple(sources.query.split("."))
    if checked is None and not any(module.defines(query) for module in modules or ()):
        raise ConfigError(f"no rule defines {sources.query}", None, "check policy.query, and the files' packages")
    _add_entry(template, sources.query)
    return template, checked or _examine(template, modules or (), query)


def _examine(template: RegorusEngine, modules: tuple[RegoModule, ...], query: tuple[str, ...]) -> PolicyCheck:
    keys = used_input_keys(modules)
    directions = find_directions(template, modules)
    interest = find_response_interest(directions, keys)
    rules = rules_of_query(modules, query)
    references = input_references(modules, rules)
    reads = find_uninspectable_reads(modules, rules, references, keys)
    literals = tuple(find_literals(modules).literals)
    names = tuple(sorted(spelled_names(modules) | declared_names(template, modules)))
    facts = connection_facts(reference.keys for reference in references)
    server = declares_server_requests(directions)
    checked = PolicyCheck(check_settings(template, modules), keys, interest, reads, literals, names, facts)
    return replace(checked, decides_server_requests=server)


def declared_names(template: RegorusEngine, modules: Sequence[RegoModule]) -> frozenset[str]:
    """The names of rules that ``data.extproc.rules`` declares. A rule about data: it sees no input."""
    if not any(module.defines(RULES) for module in modules):
        return frozenset()
    try:
        found = run_rule(template.clone(), ".".join(RULES), b"{}")
    except PolicyError:
        return frozenset()
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


def _add_entry(template: RegorusEngine, query: str) -> None:
    _guarded(template.add_policy, ENTRY, f'package {ENTRY}\n\nanswer := {{"value": {query}}}\n', file=ENTRY)
    _prepare(template)


def check_settings(template: RegorusEngine, modules: Sequence[RegoModule]) -> SettingsValidity:
    """Evaluate ``data.extproc.settings.valid``, if the policy has it. A rule about data: it sees no input."""
    if not any(module.defines(SETTINGS) for module in modules):
        return SettingsValidity.UNCHECKED
    try:
        holds = run_rule(template.clone(), ".".join(SETTINGS), b"{}") is True
    except PolicyError:
        holds = False
    return SettingsValidity.VALID if holds else SettingsValidity.INVALID


def find_directions(template: RegorusEngine, modules: Sequence[RegoModule]) -> Json:
    """Return the value of ``data.extproc.directions``; None if the policy has no such rule.

    Raises:
        ConfigError: the directions are not a set of known ones.
    """
    if not any(module.defines(DIRECTIONS) for module in modules):
        return None
    name = ".".join(DIRECTIONS)
    found: Json = None
    with contextlib.suppress(PolicyError):
        found = run_rule(template.clone(), name, b"{}")
    if declared_interest(found) is ResponseInterest.UNKNOWN:
        hint = "it may depend on data alone"
        raise ConfigError(f"{name} is not a set of request, response, list and server", None, hint)
    return found


def find_response_interest(directions: Json, input_keys: frozenset[str] | None) -> ResponseInterest:
    """Return the interest that ``data.extproc.directions`` declares.

    Without that rule: ``NEVER`` for rules that cannot tell a response from its request, else ``UNKNOWN``.
    """
    if directions is not None:
        return declared_interest(directions)
    can_tell = input_keys is None or input_keys & TELLING
    return ResponseInterest.UNKNOWN if can_tell else ResponseInterest.NEVER


def compile_modules(
    modules: Sequence[Module], data: Json, install: Callable[[RegorusEngine, Patterns], None] = install_builtins
) -> RegorusEngine:
    """Make an engine that holds modules and data.

    Args:
        modules: the policy.
        data: an object.
        install: puts the replacements of built-in functions into the engine.

    Raises:
        ConfigError: with the place of a syntax error.
    """
    engine = new_engine()
    install(engine, Patterns())
    for module in modules:
        _parse(engine, module)
    _guarded(engine.add_data_json, _data_text(data), file="data")
    return engine


def _parse(engine: RegorusEngine, module: Module) -> None:
    try:
        engine.add_policy(module.name, module.text)
    except BaseException as error:
        if not is_from_engine(error):
            raise
        raise syntax_error(error, module) from None


def _data_text(data: Json) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(data)


def compile_checked(
    modules: Sequence[Module],
    data: Json,
    tests: Sequence[Module] = (),
    *,
    more: Callable[[tuple[RegoModule, ...]], Sequence[Violation]] = lambda _policy: (),
) -> tuple[RegorusEngine, tuple[RegoModule, ...]]:
    """Compile modules, and refuse constructs that the engine accepts and should not.

    Args:
        modules: the policy.
        data: an object.
        tests: modules that may use the policy's rules, and that the policy must not need.
        more: checks the policy further.

    Returns:
        The engine, ready to be cloned, and the syntax of all modules.

    Raises:
        Violations: what must be changed, and how.
        ConfigError: with the place of a syntax error.
    """
    template = compile_modules((*modules, *tests), data)
    trees = _syntax_of(template)
    policy = tuple(tree for tree in trees if not tree.is_test) if tests else trees
    found = [*lint(policy, data), *more(policy)]
    if tests:
        found += lint(tuple(tree for tree in trees if tree.is_test), data, policy)
    if found:
        raise violations_error(found)
    _prepare(template)
    return template, trees


def compile_policy(sources: Sources) -> tuple[RegorusEngine, tuple[RegoModule, ...]]:
    """As ``compile_checked``, with the tests; refuses also what never agrees with the input or with answers."""
    return compile_checked(
        sources.modules,
        sources.data,
        sources.tests,
        more=lambda policy: contract_violations(policy, sources),
    )


def contract_violations(policy: Sequence[RegoModule], sources: Sources) -> list[Violation]:
    """What in a policy can never agree with the input that it gets, or with the answers that are read."""
    return [*unknown_keys(policy, sources.query, sources.settings), *unreadable_answers(policy, sources.query)]


def read_names(sources: Sources) -> NamesInRego:
    """Parse a policy that OPA evaluates, and find its names and answers. Nothing is compiled or evaluated.

    Raises:
        ConfigError: this engine cannot read a module; with the place.
    """
    modules = _syntax_of(compile_modules(sources.modules, {}))
    found = find_literals(modules)
    violations = sorted({*found.violations, *contract_violations(modules, sources)})
    deciding = {module.file for module, _ in rules_of_query(modules, tuple(sources.query.split(".")))}
    return NamesInRego(tuple(violations), tuple(found.literals), frozenset(deciding))


def _syntax_of(engine: RegorusEngine) -> tuple[RegoModule, ...]:
    return read_modules(orjson.loads(_guarded(engine.get_ast_as_json, file="syntax tree")))


def run_rule(engine: RegorusEngine, rule: str, document: bytes) -> Json:
    """Evaluate a rule once.

    Args:
        engine: a clone, which is used up: it must not be used again after an error.
        rule: the rule's full name.
        document: the input.

    Returns:
        The rule's value; ``NO_VALUE`` if it has none.

    Raises:
        PolicyError: any error, with the policy's place and nothing of the input.
    """
    try:
        engine.set_input_json(document.decode())
        return orjson.loads(engine.eval_rule_as_json(rule))  # type: ignore[no-any-return]
    except BaseException as error:
        if not is_from_engine(error):
            raise
        raise PolicyError(evaluation_error(error)) from None
    finally:
        # An error's traceback would keep the engine alive until some other thread collects it, which must not
        # happen: an engine may be dropped by its own thread only.
        del engine


def _prepare(template: RegorusEngine) -> None:
    """Resolve names and order expressions once, not in every clone. Finds unsafe variables; evaluates no rule."""
    _guarded(template.set_input_json, "{}", file="input")
    _guarded(template.eval_query_as_json, "true", file="query")


def _guarded(method: Callable[..., T], *arguments: str, file: str) -> T:
    """Call a method of the engine, with its error as ours."""
    try:
        return method(*arguments)
    except BaseException as error:
        if not is_from_engine(error):
            raise
        raise config_error(error, file) from None
