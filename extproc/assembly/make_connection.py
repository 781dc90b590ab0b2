"""Make one registered connection: its protocol, its masking plan, its approval terms, its credential."""

from types import MappingProxyType

from extproc.credentials.credential import make_credential
from extproc.flow.services import Connection
from extproc.model.decision import ApprovalTerms, HoldMode
from extproc.model.masking import Exemption, Listed, MaskOperator, MaskPlan, MaskRule, RuleSource
from extproc.model.quorum import Quorum
from extproc.protocols.catalogue import BY_NAME
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.settings.connection import ConnectionSettings
from extproc.settings.envoy import GuardFilter
from extproc.settings.limits import LimitSettings
from extproc.settings.masking import ExemptionSettings, MaskingSettings, MaskRuleSettings

EVERY_ENTITY = (MaskRule(MaskOperator.REDACT, entity="*", source=RuleSource.CONNECTION),)
"""The masking of responses where the configuration has none."""


def make_connection(
    name: str, settings: ConnectionSettings, limits: LimitSettings, guard_filter: GuardFilter = "ext_proc"
) -> Connection:
    """Make the connection that the settings register under this name."""
    approvals = settings.approvals
    return Connection(
        name=name,
        settings=settings,
        protocol=make_protocol(name, settings, limits),
        mask=masking_plan(settings.masking),
        decide_only_mask=decide_only_plan(settings.masking, guard_filter),
        exemptions=MappingProxyType(
            {
                each: exemptions(settings.masking, each) | session_exemption(settings)
                for each in ("", *_functions(settings))
            }
        ),
        terms=ApprovalTerms(
            Quorum(approvals.alternatives, approvals.minimum), approvals.expires_in, HoldMode(approvals.mode)
        ),
        credential=make_credential(settings.credential) if settings.credential else None,
    )


def make_protocol(name: str, settings: ConnectionSettings, limits: LimitSettings) -> FunctionProtocol:
    """Make the connection's protocol, as the catalogue defines it."""
    return BY_NAME[settings.protocol].make(name, settings, limits)


def masking_plan(masking: MaskingSettings) -> MaskPlan:
    """Return the rules that a connection always applies; policy can only add to them."""
    response = EVERY_ENTITY if masking.response is None else _rules(masking.response)
    return MaskPlan(
        _rules(masking.request) + _declared(masking.declared.request),
        response + _declared(masking.declared.response),
    )


def decide_only_plan(masking: MaskingSettings, guard_filter: GuardFilter) -> MaskPlan:
    """Return the rules that apply to calls over ext_authz, which refuses the calls that they mask.

    An operator who chose ext_authz knows that nothing is masked, so the default is left out. The operator's own
    rules stay. Where ext_proc is configured, ext_authz is a way around the masking, and the default stays.
    """
    if guard_filter == "ext_authz" and masking.response is None:
        masking = masking.model_copy(update={"response": []})
    return masking_plan(masking)


def _functions(settings: ConnectionSettings) -> set[str]:
    """Return the functions that an exemption names: for all others, the exemptions without a function hold."""
    return {name for each in settings.masking.exempt for name in each.functions}


def exemptions(masking: MaskingSettings, function: str = "") -> MaskPlan:
    """Return the exemptions for calls of one function; those for all functions where it has no name."""
    chosen = [each for each in masking.exempt if not each.functions or function in each.functions]
    return MaskPlan(
        tuple(exemption_rule(each) for each in chosen if each.direction != "response"),
        tuple(exemption_rule(each) for each in chosen if each.direction != "request"),
    )


def session_exemption(settings: ConnectionSettings) -> MaskPlan:
    """Return the exemption of the session's own field: its name says secret, and both sides need its value."""
    if not settings.session_header:
        return MaskPlan()
    exemption = Exemption("it is the connection's session_header", header=settings.session_header)
    rule = MaskRule(MaskOperator.REDACT, entity="NAMED_SECRET", source=RuleSource.CONNECTION, exempt=exemption)
    return MaskPlan((rule,), (rule,))


def exemption_rule(settings: ExemptionSettings) -> MaskRule:
    """Return the rule of an exemption."""
    path, header = settings.path or "", ""
    if not path.startswith("$"):
        path, header = "", ":path" if path == "url" else path.removeprefix("header.")
    exemption = Exemption(
        settings.reason,
        settings.value or "",
        settings.domain or "",
        settings.pattern or "",
        header,
        record=settings.record,
    )
    path = "" if path == "$" else path  # below the root is everywhere, keys included
    return MaskRule(
        MaskOperator.REDACT,
        path=path,
        entity=settings.entity,
        source=RuleSource.CONNECTION,
        exempt=exemption,
    )


def _declared(paths: list[str] | None) -> tuple[MaskRule, ...]:
    """The rules of allow-list mode; none where it is off."""
    if paths is None:
        return ()
    passing = (MaskRule(MaskOperator.REDACT, path=path, listed=Listed.DECLARED) for path in paths)
    return (MaskRule(MaskOperator.REDACT, path="$", listed=Listed.REST), *passing)


def _rules(rules: list[MaskRuleSettings]) -> tuple[MaskRule, ...]:
    return tuple(
        MaskRule(rule.how, path=rule.path or "", entity=rule.entity or "", source=RuleSource.CONNECTION)
        for rule in rules
    )
