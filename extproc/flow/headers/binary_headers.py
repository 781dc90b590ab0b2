"""Fields whose values are bytes in Base64, as gRPC's ``*-bin``: looked into, masked where their type is known.

What nobody can read, and what holds something that is to be masked and has no known type, is removed: a reader can
do without it, and its bytes would pass unseen.
"""

import base64
import binascii

from google.protobuf.descriptor import Descriptor

from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.flow.case import Case
from extproc.flow.headers.text_headers import Findings, Rules, mask_fields
from extproc.flow.services import Services
from extproc.model.call import Headers
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding
from extproc.wire.encode import HeaderEdits

REMOVED = "UNDECODABLE"


def mask_all_fields(
    case: Case,
    services: Services,
    fields: Headers,
    rules: Rules,
    redact_credential: CredentialRedactor = NO_CREDENTIAL,
) -> tuple[HeaderEdits, Findings]:
    """As ``mask_fields``, with those apart whose values are bytes.

    Raises:
        MaskingError: a field cannot be masked.
    """
    rules = tuple(rule for rule in rules if rule.entity)
    if not (rules or redact_credential):
        return HeaderEdits(), ()
    kinds = case.connection.protocol.binary_fields(case.call, fields) if case.connection else {}
    text = Headers(tuple(each for each in fields if each[0] not in kinds)) if kinds else fields
    edits, findings = mask_fields(services.masker, text, rules, redact_credential)
    for name, kind in kinds.items():
        value = fields.raw(name)
        masked, found = _masked(services, value, kind, rules, redact_credential)
        findings += tuple(Finding(each.entity, f"header.{name}", each.how, each.count) for each in found)
        if masked is None:
            edits = HeaderEdits(edits.set, (*edits.remove, name), edits.add)
        elif masked != value:
            edits = HeaderEdits((*edits.set, (name, masked)), edits.remove, edits.add)
    return edits, findings


def _masked(
    services: Services, value: bytes, kind: Descriptor | None, rules: Rules, redact_credential: CredentialRedactor
) -> tuple[bytes | None, Findings]:
    """What comes in place of a value; None for nothing."""
    try:
        pieces = [_decoded(piece) for piece in value.split(b",")]
        if kind is not None:
            masked = [services.masker.field(piece, kind, rules, redact_credential) for piece in pieces]
            found = tuple(finding for each in masked for finding in each.findings)
            if [each.body for each in masked] == pieces:
                return value, found
            return b",".join(base64.b64encode(each.body).rstrip(b"=") for each in masked), found
        found = tuple(each for piece in pieces for each in _found(services, piece, rules))
    except MaskingError:
        return None, (Finding(REMOVED, "$", "remove"),)
    if found or any(redact_credential(piece) != piece for piece in pieces):
        return None, found
    return value, ()


def _found(services: Services, value: bytes, rules: Rules) -> Findings:
    """What is to be masked in bytes of which nobody knows what they are: in the text that they may hold."""
    found: Findings = ()
    for text in {value.decode("latin-1"), value.decode("utf-8", "replace")}:
        found = found or tuple(each for each in services.masker.mask_text(text, rules)[1] if each.how)
    return found


def _decoded(value: bytes) -> bytes:
    """Base64, with padding or without (gRPC over HTTP/2, Custom-Metadata).

    Raises:
        MaskingError: it is none.
    """
    bare = value.strip(b" \t").rstrip(b"=")
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MaskingError("a binary field is not Base64") from None
