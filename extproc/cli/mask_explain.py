"""Say which rule masked a finding, or let it pass."""

from collections.abc import Iterator

from extproc.masking.plan.json_path import Location, compile_path, selects
from extproc.masking.plan.operators import FIELD
from extproc.model.masking import EXEMPT, Finding, Listed, MaskRule
from extproc.settings.masking import VALUES


def explained(findings: tuple[Finding, ...], rules: tuple[MaskRule, ...]) -> Iterator[str]:
    """Yield a line for each finding, tabs between its parts; never a value."""
    for each in findings:
        yield "\t".join((each.entity, each.path, each.how or "not masked", str(each.count), rule_of(each, rules)))


def rule_of(finding: Finding, rules: tuple[MaskRule, ...]) -> str:
    """Return the rule that decided about a finding, as people write it; empty if none did."""
    if not finding.how:
        return ""
    location = _location(finding.path)
    passes = any(each.listed is Listed.DECLARED and not _is_elsewhere(each, location) for each in rules)
    at_path = [each for each in rules if _selects(each, location) and not (passes and each.listed)]
    by_entity = [
        each for each in rules if each.entity in (finding.entity, "*") and not _is_elsewhere(each, location)
    ]
    if finding.is_exempt:
        reason = finding.how.removeprefix(EXEMPT)
        chosen = [each for each in by_entity if each.exempt and each.exempt.reason == reason]
    else:
        masking = [*at_path, *(each for each in by_entity if not each.exempt and finding.entity != FIELD)]
        chosen = [each for each in masking if each.how == finding.how] or at_path
    return next(map(_written, chosen), "" if finding.entity == "UNDECODABLE" else "that of a match which overlaps")


def masks_field(rule: MaskRule, finding: Finding) -> bool:
    """Return whether a rule's path names the place of a finding."""
    return _selects(rule, _location(finding.path))


def _location(path: str) -> Location | None:
    """Return the location that a finding shows; None if it shows only a part of it."""
    try:
        steps = [segment.selector for segment in compile_path(path)]
    except ValueError:
        return None
    return tuple(step for step in steps if step is not None)


def _selects(rule: MaskRule, location: Location | None) -> bool:
    """Return whether a rule masks a field at a location because of its path."""
    if location is None or not rule.path or rule.exempt or rule.listed is Listed.DECLARED:
        return False
    return rule.listed is Listed.REST or selects(compile_path(rule.path), location)


def _is_elsewhere(rule: MaskRule, location: Location | None) -> bool:
    """Return whether a rule's path does not lead to a location, nor above it."""
    if not rule.path or location is None:
        return False
    path = compile_path(rule.path)
    return not any(selects(path, location[:length]) for length in range(len(location) + 1))


def _written(rule: MaskRule) -> str:
    if rule.listed is Listed.REST:
        return "allow-list mode: not declared"
    if rule.exempt is None:
        return f"{'path' if rule.path else 'entity'} {rule.path or rule.entity}"
    kinds = [each for each in VALUES if getattr(rule.exempt, each)]
    place = f" at {rule.path}" if rule.path else ""
    return f"exemption of {rule.entity}{place}{f' by {kinds[0]}' if kinds else ''}"
