"""Texts in Rego that are compared with a name of the input, and those of them that name nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.names.known_names import KnownNames, listed, quoted, suggestion

DECLARE = "if another installation with this policy has it, name its connection in policy.other_connections"


class LiteralKind(StrEnum):
    """What a text is compared with."""

    FUNCTION = "input.call.function"
    FUNCTION_BEGINNING = "the beginning of input.call.function"
    CALL_NAME = "input.call.name"
    CONNECTION = "input.connection.name"
    PROTOCOL = "protocol"
    """Of the connection, or of the call."""
    ISSUER = "input.identity.issuer"
    ENTITY = "entity"
    """The entity of a finding, or of a mask rule."""
    RULE = "rule"
    """Not compared: the name of a rule in an answer."""


@dataclass(frozen=True, slots=True)
class RegoLiteral:
    """One text in a policy."""

    kind: LiteralKind
    text: str
    file: str
    line: int
    column: int

    @property
    def place(self) -> SourceLocation:
        """Its place in the policy."""
        return SourceLocation(self.file, self.line, self.column)


DECLARABLE = frozenset(
    {LiteralKind.FUNCTION, LiteralKind.FUNCTION_BEGINNING, LiteralKind.CALL_NAME, LiteralKind.CONNECTION}
)
"""Kinds of names that may be those of another installation."""


def check_literals(
    literals: Sequence[RegoLiteral], known: KnownNames | None, protocols: frozenset[str]
) -> Iterator[ConfigError]:
    """Yield an error for each text that no call, finding or caller of this configuration can have.

    A text in a set that is compared with several names is wrong if it is none of them.

    Args:
        literals: the texts.
        known: the configuration's names; None: only protocols are checked.
        protocols: all protocols that there are.
    """
    by_place: dict[SourceLocation, list[RegoLiteral]] = {}
    for each in literals:
        by_place.setdefault(each.place, []).append(each)
    for place, same in by_place.items():
        reasons = [_why(each, known, protocols) for each in same]
        if all(reasons):
            hint = DECLARE if same[0].kind in DECLARABLE else ""
            yield ConfigError(f"{same[0].kind}: {reasons[0]}", place, hint)


def _why(literal: RegoLiteral, known: KnownNames | None, protocols: frozenset[str]) -> str:
    """Why the text names nothing; empty if it may name something."""
    if literal.kind is LiteralKind.PROTOCOL:
        return _not_one_of("protocol", literal.text, protocols)
    return _unknown(literal, known) if known else ""


def _unknown(literal: RegoLiteral, known: KnownNames) -> str:
    text = literal.text
    match literal.kind:
        case LiteralKind.FUNCTION:
            return known.wrong_function(text)
        case LiteralKind.FUNCTION_BEGINNING:
            return _beginning(text, known)
        case LiteralKind.CALL_NAME:
            return _call_name(text, known)
        case LiteralKind.CONNECTION:
            return known.wrong_connection(text)
        case LiteralKind.ENTITY:
            return known.wrong_entity(text)
        case _:
            is_issuer = literal.kind is LiteralKind.ISSUER and text
            return _not_one_of("provider of identity with the issuer", text, known.issuers) if is_issuer else ""


def _not_one_of(what: str, text: str, names: frozenset[str]) -> str:
    return "" if text in names else f"no {what} {quoted(text)}{suggestion(text, names) or listed(names)}"


def _beginning(text: str, known: KnownNames) -> str:
    """Why no function's name begins with a text; empty if one does."""
    if "." in text:
        return known.wrong_beginning(text)
    names = (*known.connections, *known.elsewhere)
    if any(name.startswith(text) for name in names):
        return ""
    return f"no connection begins with {quoted(text)}{suggestion(text, names) or listed(names)}"


def _call_name(text: str, known: KnownNames) -> str:
    if known.elsewhere or any(each.has(text) for each in known.connections.values()):
        return ""
    names = {name.partition(".")[2] for name in known.functions}
    return f"no function is named {quoted(text)}{suggestion(text, names)}"
