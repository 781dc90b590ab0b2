"""Make one registered connection: its protocol, its masking plan, its approval terms, its credential."""

from extproc.credentials.credential import make_credential
from extproc.flow.services import Connection
from extproc.model.decision import ApprovalTerms
from extproc.model.masking import Listed, MaskOperator, MaskPlan, MaskRule, RuleSource
from extproc.protocols.catalogue import BY_NAME
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.settings.connection import ConnectionSettings
from extproc.settings.envoy import GuardFilter
from extproc.settings.limits import LimitSettings
from extproc.settings.masking import MaskingSettings, MaskRuleSettings

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
        terms=ApprovalTerms(tuple(approvals.groups), approvals.minimum, approvals.expires_in),
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
