"""Check exemptions: each must be able to let something pass, and its reason must hold no value."""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor

from extproc.assembly.make_connection import exemption_rule
from extproc.detectors.catalogue import CATALOGUE
from extproc.flow.services import Connection
from extproc.masking.masker import Masker
from extproc.masking.plan.entity_plan import ANY_ENTITY
from extproc.masking.plan.json_path import compile_path
from extproc.masking.text.exempt_values import compile_pattern
from extproc.model.errors import ConfigError, MaskingError
from extproc.model.json_shape import JsonShape, Reach, follow
from extproc.model.masking import MASK_EVERYTHING
from extproc.policy.names.known_names import listed, suggestion
from extproc.settings.masking import ExemptionSettings

Problem = tuple[tuple[str | int, ...], str, str]
"""The key that is wrong, below the exemption, what is wrong with it, and a hint."""
BUILT_IN = frozenset(detector.entity for detector in CATALOGUE)
WITH_DOMAINS = frozenset({"EMAIL_ADDRESS"})
"""Built-in entities whose values have a domain."""


def exemption_problems(connection: Connection, masker: Masker) -> Iterator[ConfigError]:
    """Yield an error for each exemption that cannot be used, and for each unknown name of a function."""
    masking, base = connection.settings.masking, ("connections", connection.name, "masking")
    for index, each in enumerate(masking.exempt):
        for key, what, hint in _problems(each, connection, masker):
            where = f"{'.'.join(base)}.exempt"
            yield ConfigError(f"{where}: {what}", hint=hint, key=(*base, "exempt", index, *key))
    for name in masking.functions:
        if wrong := _wrong_function(name, connection):
            yield ConfigError(f"{'.'.join(base)}.functions: {wrong}", key=(*base, "functions", name))


def _problems(settings: ExemptionSettings, connection: Connection, masker: Masker) -> Iterator[Problem]:
    if settings.entity not in (ANY_ENTITY, *masker.entities):
        close = suggestion(settings.entity, masker.entities)
        yield ("entity",), f"no detector finds {settings.entity}{close}", ""
    for index, name in enumerate(settings.functions):
        if wrong := _wrong_function(name, connection):
            yield ("functions", index), wrong, ""
    yield from _wrong_values(settings, masker)
    yield from _wrong_path(settings, connection, masker)
    if masker.mask_text(settings.reason, MASK_EVERYTHING)[1]:
        yield ("reason",), "the reason holds an entity, and records show it", "say why, without the value"


def _wrong_path(settings: ExemptionSettings, connection: Connection, masker: Masker) -> Iterator[Problem]:
    rule = exemption_rule(settings.model_copy(update={"entity": ANY_ENTITY}))
    try:
        masker.check((rule,), _kinds(settings, connection))
    except MaskingError as error:
        yield ("path",), str(error), ""
        return
    if settings.path and settings.path.startswith("$") and _is_nowhere(settings, connection):
        what = f"no field is at {settings.path}: the exemption would never hold"
        yield ("path",), what, "name a field of the message"


def _wrong_values(settings: ExemptionSettings, masker: Masker) -> Iterator[Problem]:
    entity = settings.entity
    if settings.pattern:
        try:
            compile_pattern(settings.pattern)
        except ValueError as error:
            yield ("pattern",), str(error), ""
    if settings.domain and entity == ANY_ENTITY:
        yield ("domain",), "not every entity has a domain: a password may look like an address", "name the entity"
    if settings.domain and entity in BUILT_IN - WITH_DOMAINS:
        yield ("domain",), f"{entity} has no domain: the exemption would never hold", "use value or pattern"
    if settings.value and entity in masker.entities and masker.finds(settings.value, entity) is False:
        what = f"the value is not found as {entity}: the exemption would never hold"
        yield ("value",), what, "try the value with extproc mask --explain"


def _wrong_function(name: str, connection: Connection) -> str:
    """Return why a connection has no such function; empty if it has."""
    if connection.settings.has_function(name):
        return ""
    known = {*connection.settings.function_names, *connection.settings.method_names}
    return f"no function {name}{suggestion(name, known) or listed(known)}"


def _kinds(settings: ExemptionSettings, connection: Connection) -> tuple[Descriptor, ...]:
    sides = [side for side in ("request", "response") if settings.direction in (None, side)]
    return tuple(kind for side in sides for kind in connection.protocol.kinds(response=side == "response"))


def _is_nowhere(settings: ExemptionSettings, connection: Connection) -> bool:
    """Return whether descriptions of the connection's functions rule out that something is at the path."""
    described = connection.settings.described_calls()
    names = settings.functions or connection.settings.function_names
    if not described or not all(name in described for name in names):
        return False
    segments = compile_path(settings.path or "$")
    steps = [segment.selector for segment in segments]
    anywhere = frozenset(number for number, segment in enumerate(segments) if segment.anywhere)
    shapes: list[JsonShape] = []
    for name in names:
        if settings.direction != "response":
            shapes.append(described[name].arguments)
        if settings.direction != "request":
            shapes.append(described[name].result)
    return all(follow(shape, steps, anywhere=anywhere).reach is Reach.IMPOSSIBLE for shape in shapes)
