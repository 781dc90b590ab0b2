"""Mask fields whose values are bytes in Base64, as gRPC's ``*-bin``, where their type is known.

A field is removed if it cannot be read, or if its type is unknown and it holds text that is to be masked: readers
can do without the field, and its bytes would pass unmasked.
"""

import base64
import binascii
from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor

from extproc.credentials.redactor import CredentialRedactor
from extproc.flow.headers.text_headers import Findings, Rules, mask_fields
from extproc.masking.masker import Masker
from extproc.model.call import Headers
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding
from extproc.model.permit import HeaderEdits

REMOVED = "UNDECODABLE"


def mask_all_fields(
    masker: Masker,
    fields: Headers,
    kinds: Mapping[str, Descriptor | None],
    rules: Rules,
    redact_credential: CredentialRedactor,
) -> tuple[HeaderEdits, Findings]:
    """Mask fields as ``mask_fields`` does, and apart from them those whose values are bytes.

    Args:
        masker: finds and masks.
        fields: those to search.
        kinds: the names of those whose values are bytes, with their type of message where that is known.
        rules: those for paths are left aside.
        redact_credential: takes the credential out of the fields.

    Raises:
        MaskingError: a field cannot be masked.
    """
    rules = tuple(rule for rule in rules if rule.entity)
    if not (rules or redact_credential):
        return HeaderEdits(), ()
    text = Headers(tuple(each for each in fields if each[0] not in kinds)) if kinds else fields
    edits, findings = mask_fields(masker, text, rules, redact_credential)
    for name, kind in kinds.items():
        value = fields.raw(name)
        masked, found = _masked(masker, value, kind, rules, redact_credential)
        findings += tuple(Finding(each.entity, f"header.{name}", each.how, each.count) for each in found)
        if masked is None:
            edits = HeaderEdits(edits.set, (*edits.remove, name), edits.add)
        elif masked != value:
            edits = HeaderEdits((*edits.set, (name, masked)), edits.remove, edits.add)
    return edits, findings


def _masked(
    masker: Masker, value: bytes, kind: Descriptor | None, rules: Rules, redact_credential: CredentialRedactor
) -> tuple[bytes | None, Findings]:
    """Return the masked value, None to remove the field, and the findings."""
    try:
        pieces = [_decoded(piece) for piece in value.split(b",")]
        if kind is not None:
            masked = [masker.field(piece, kind, rules, redact_credential) for piece in pieces]
            found = tuple(finding for each in masked for finding in each.findings)
            if [each.body for each in masked] == pieces:
                return value, found
            return b",".join(base64.b64encode(each.body).rstrip(b"=") for each in masked), found
        found = tuple(each for piece in pieces for each in _found(masker, piece, rules))
    except MaskingError:
        return None, (Finding(REMOVED, "$", "remove"),)
    if found or any(redact_credential(piece) != piece for piece in pieces):
        return None, found
    return value, ()


def _found(masker: Masker, value: bytes, rules: Rules) -> Findings:
    """Search bytes of unknown type for entities that are to be masked, in the text that they may hold."""
    found: Findings = ()
    for text in {value.decode("latin-1"), value.decode("utf-8", "replace")}:
        found = found or tuple(each for each in masker.mask_text(text, rules)[1] if each.is_masked)
    return found


def _decoded(value: bytes) -> bytes:
    """Decode Base64, with padding or without (gRPC over HTTP/2, Custom-Metadata).

    Raises:
        MaskingError: it is not Base64.
    """
    bare = value.strip(b" \t").rstrip(b"=")
    try:
        return base64.b64decode(bare + b"=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MaskingError("a binary field is not Base64") from None
