"""Find what masking left of a value, where a request brings it back."""

from dataclasses import replace
from urllib.parse import unquote_plus

from extproc.flow.record.masked_request import dump
from extproc.flow.services import Services
from extproc.flow.stages import NamedCall
from extproc.model.masking import Finding, MaskOperator, MaskRule


def find_masked_values(named: NamedCall, services: Services) -> tuple[Finding, ...]:
    """Find labels and pseudonyms that come back in the arguments; in all of a body that no protocol has read.

    Raises:
        MaskingError: there are too many.
    """
    call, protocol = named.call, named.connection.protocol
    stars = any(rule.how is MaskOperator.PARTIAL for rule in named.connection.mask.response)
    if call.arguments is None:
        text = unquote_plus(named.request.plain.decode("utf-8", "replace"))
        return services.masker.masked_values(text, text.encode("utf-8", "replace"), stars=False)
    found = services.masker.masked_values(call.arguments, dump(call.arguments), stars=stars)
    rules = ((MaskRule(MaskOperator.REDACT, path=each.path),) for each in found)
    at_home = (protocol.request_rules(each, call)[0].path for each in rules)
    return tuple(replace(each, path=path) for each, path in zip(found, at_home, strict=True))
