"""JSON Schemas (2020-12) of the input and the answer, made from the constants that the code uses."""

from typing import Any

from extproc.model.decision import ARGUMENTS, FUNCTION, Action, HoldMode
from extproc.model.masking import MaskOperator
from extproc.model.reasons import Uninspectable
from extproc.pinning.pins import PinState
from extproc.policy.contract import read_decision
from extproc.policy.contract.call_usage import WINDOWS
from extproc.policy.contract.opa_envoy_decision import (
    GUARDS_OWN,
    HEADER_VALUE,
    MAX_BODY,
    MAX_HEADERS,
    MAX_PARAMETER,
    STATUSES,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
ANYTHING: Schema = {}


def input_schema() -> Schema:
    """The schema of the input: see ``extproc.policy.contract.input_document.build_document``."""
    counts = _object(dict.fromkeys(WINDOWS, WHOLE))
    parts = {
        "attributes": _attributes(),
        "source_principal": TEXT,
        "version": _object({"ext_authz": {"const": "v3"}, "encoding": {"const": "protojson"}}),
        "parsed_path": _list(TEXT),
        "parsed_query": _map(_list(TEXT)),
        "parsed_body": ANYTHING,
        "truncated_body": {"type": "boolean"},
        "identity": _object({"issuer": TEXT, "subject": TEXT, "groups": _list(TEXT), "actor": TEXT}),
        "connection": _object({"name": TEXT, "protocol": TEXT}),
        "call": _object(
            dict.fromkeys(("id", "protocol", "function", "name", "method", "session"), TEXT)
            | {
                "arguments": ANYTHING,
                "definition": _object({"state": {"enum": sorted(PinState)}, "digest": TEXT}),
            },
            optional=("definition",),
        ),
        "findings": _findings(),
        "body": _object(
            {"size": WHOLE, "sha256": TEXT, "uninspectable": {"enum": sorted(Uninspectable)}},
            optional=("uninspectable",),
        ),
        "direction": {"enum": ["request", "response", "list", "server"]},
        "time": {"type": "string", "format": "date-time"},
        "usage": _object({"caller": counts, "function": counts}),
        "response": _response(),
    }
    return {"$schema": DIALECT, "title": "Input of policy"} | _object(
        parts, optional=("source_principal", "usage", "response")
    )


def answer_schema() -> Schema:
    """The schema of the answer: see ``extproc.policy.contract.read_decision.read_decision``."""
    actions = (_action_answer(action) for action in Action)
    shapes = [{"type": "boolean"}, *actions, _opa_envoy_allow(), _opa_envoy_deny()]
    return {"$schema": DIALECT, "title": "Answer of policy", "oneOf": shapes}


def _response() -> Schema:
    parts = {
        "status": WHOLE,
        "headers": _map(TEXT),
        "size": WHOLE,
        "body": ANYTHING,
        "findings": _findings(),
        "uninspectable": {"enum": sorted(Uninspectable)},
    }
    return _object(parts, optional=("findings", "uninspectable"))


def _findings() -> Schema:
    return _list(_object({"entity": TEXT, "path": TEXT, "count": WHOLE}))


def _attributes() -> Schema:
    http = dict.fromkeys(("id", "method", "path", "host", "scheme", "protocol", "body", "rawBody"), TEXT)
    request = {
        "time": _object({"seconds": WHOLE, "nanos": WHOLE}),
        "http": _object(http | {"headers": _map(TEXT), "size": WHOLE}, optional=(*http, "size")),
    }
    metadata = _object({"filterMetadata": _map(_map(ANYTHING))})
    parts = {
        "request": _object(request),
        "source": _peer("certificate"),
        "destination": _peer(),
        "contextExtensions": _map(TEXT),
        "metadataContext": metadata,
        "routeMetadataContext": metadata,
        "tlsSession": _object({"sni": TEXT}, optional=("sni",)),
    }
    return _object(parts, optional=tuple(name for name in parts if name != "request"))


def _peer(*more: str) -> Schema:
    """One end of the caller's connection to Envoy."""
    socket = _object({"address": TEXT, "portValue": WHOLE}, optional=("portValue",))
    address = _object(
        {"socketAddress": socket, "pipe": _object({"path": TEXT})}, optional=("socketAddress", "pipe")
    )
    parts = {"address": address, **dict.fromkeys(("principal", *more), TEXT)}
    return _object(parts, optional=tuple(parts))


def _action_answer(action: Action) -> Schema:
    rules = _list(
        {
            "oneOf": [
                _object(
                    {"path": _pattern(read_decision.PATH.pattern), "how": {"enum": sorted(MaskOperator)}},
                    optional=("how",),
                ),
                _object(
                    {"entity": _pattern(read_decision.ENTITY.pattern), "how": {"enum": sorted(MaskOperator)}},
                    optional=("how",),
                ),
            ]
        },
        most=read_decision.MAX_ITEMS,
    )
    parts: Schema = {
        "action": {"const": action.value},
        "reason": {"enum": sorted(read_decision.REASONS_OF[action])},
        "rule": {"type": "string", "maxLength": read_decision.MAX_TEXT},
        "risk": {"type": "integer", "minimum": 0, "maximum": read_decision.MAX_RISK},
        "mask": _object({"request": rules, "response": rules}, optional=("request", "response")),
        "shadow": _list({"type": "string", "maxLength": read_decision.MAX_TEXT}, most=read_decision.MAX_ITEMS),
    }
    if action is Action.HOLD:
        parts["approval"] = _approval()
    return _object(parts, optional=tuple(name for name in parts if name != "action"))


def _approval() -> Schema:
    name = {"type": "string", "minLength": 1, "maxLength": read_decision.MAX_TEXT}
    groups = _list(name, most=read_decision.MAX_ITEMS) | {"minItems": 1}
    together = _list(name, most=read_decision.MAX_APPROVERS) | {"minItems": 1, "uniqueItems": True}
    alternatives = _list(together, most=read_decision.MAX_ALTERNATIVES) | {"minItems": 1}
    duration = _pattern(read_decision.DURATION.pattern)
    same = _list({"enum": [FUNCTION, ARGUMENTS]}, most=2) | {"contains": {"const": FUNCTION}}
    parts: Schema = {
        "groups": {"oneOf": [groups, _object({"any": alternatives})]},
        "min": {"type": "integer", "minimum": 1, "maximum": read_decision.MAX_APPROVERS},
        "expires_in": duration,
        "mode": {"enum": sorted(HoldMode)},
        "break_glass": _list(name, most=read_decision.MAX_ITEMS),
        "reuse": _object({"for": duration, "same": same}, optional=("same",)),
    }
    return _object(parts, optional=tuple(parts))


def _opa_envoy_allow() -> Schema:
    parameter = {"type": "string", "maxLength": MAX_PARAMETER}
    name = parameter | {"minLength": 1}
    return _opa_envoy_answer(
        {
            "allowed": {"const": True},
            "headers": _fields(),
            "response_headers_to_add": _fields(),
            "request_headers_to_remove": _list(TEXT, most=MAX_HEADERS),
            "query_parameters_to_remove": _list(name, most=MAX_HEADERS),
            "query_parameters_to_set": _map({"oneOf": [parameter, _list(parameter, most=MAX_HEADERS)]})
            | {"propertyNames": name},
        }
    )


def _opa_envoy_deny() -> Schema:
    return _opa_envoy_answer(
        {
            "allowed": {"const": False},
            "headers": _fields(),
            "body": {"type": "string", "maxLength": MAX_BODY},
            "http_status": {"enum": sorted(STATUSES)},
        }
    )


def _fields() -> Schema:
    value = _pattern(HEADER_VALUE.pattern)
    fields = _map({"oneOf": [value, _list(value, most=MAX_HEADERS)]})
    return {"oneOf": [fields, _list(fields, most=MAX_HEADERS)]}


def _opa_envoy_answer(parts: Schema) -> Schema:
    """An object with further keys, which are ignored but for the guard's own and misspelled ones."""
    properties = parts | {"dynamic_metadata": {"type": "object"}}
    no_own = {"not": {"enum": sorted(GUARDS_OWN)}}
    return {"type": "object", "properties": properties, "required": ["allowed"], "propertyNames": no_own}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    shape: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return shape | ({"required": required} if required else {})


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _list(items: Schema, *, most: int = 0) -> Schema:
    return {"type": "array", "items": items} | ({"maxItems": most} if most else {})


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}
