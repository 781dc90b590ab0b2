"""Mask header and trailer fields, the same way for requests and responses.

A field's name is context for detectors, as a key of JSON is. Percent-encoding is seen through.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

import orjson

from extproc.credentials.redactor import NO_CREDENTIAL, CredentialRedactor
from extproc.masking.edits import Edit, apply
from extproc.masking.masker import Masker
from extproc.model.call import Headers
from extproc.model.errors import MaskingError
from extproc.model.masking import Finding, MaskRule
from extproc.model.permit import HeaderEdits

PATH = ":path"
URL = "url"
"""The place of what is found in ``PATH``."""
ELEMENT = re.compile(r"\$\[([0-9]+)\]")
FIXED = frozenset(
    {
        *(PATH, "host", "content-encoding", "content-length", "content-type", "transfer-encoding"),
        *("connection", "keep-alive", "te", "trailer", "upgrade"),
    }
)
"""Fields that may not be rewritten. Where one holds an entity that is to be masked, nothing passes."""
ENVOYS = "x-envoy-"
"""Prefix of the fields that Envoy lets nobody rewrite."""
COOKIES = {"cookie": b"; ", "set-cookie": None}
"""Cookie fields, with the separator that joins repeated ones (RFC 9113 section 8.2.3); None: never joined
(RFC 9110 section 5.3)."""
JSON = "application/json"
UTF8 = "utf-8"
UNIT = re.compile(r"((?:%[0-9A-Fa-f]{2})+)|.", re.DOTALL)
Rules = tuple[MaskRule, ...]
Findings = tuple[Finding, ...]
Characters = list[tuple[str, int]]
"""The decoded characters of a text, each with its offset in the text."""


def mask_fields(
    masker: Masker, fields: Headers, rules: Rules, redact_credential: CredentialRedactor = NO_CREDENTIAL
) -> tuple[HeaderEdits, Findings]:
    """Return edits after which no field holds an entity that is to be masked, nor the credential.

    All fields are searched together first; only those in which something is found are searched one by one.

    Args:
        masker: finds and masks.
        fields: those to search, in order; a field of the request line under its pseudo-header's name.
        rules: those for paths are not for fields, and are left aside.
        redact_credential: takes the credential out of them.

    Returns:
        The edits, and what was found where: ``header.<name>``.

    Raises:
        MaskingError: it cannot be masked, or stands in a field that cannot be rewritten.
    """
    in_list, alone = tuple(_at(rules, "$[*]")), tuple(_at(rules, "$"))
    if not (rules or redact_credential):
        return HeaderEdits(), ()
    came = {name: _values(fields, name) for name in dict.fromkeys(name for name, _ in fields)}
    values = _concealed(came, redact_credential)
    suspects, exempt = _suspects(masker, values, in_list) if in_list else ({}, ())
    findings = list(exempt)
    for name in suspects:
        sent = [_masked(masker, name, value, alone, findings) for value in values[name]]
        left = sent == values[name] or _suspects(masker, {name: sent}, in_list)[0]
        if left or name in FIXED or name.startswith(ENVOYS):
            raise MaskingError("a header field holds what cannot be masked there")
        values[name] = sent
    changed = {name: [value for value in sent if value] for name, sent in values.items() if sent != came[name]}
    return _edits(changed), tuple(findings)


def _at(rules: Rules, root: str) -> Iterator[MaskRule]:
    """Yield the rules for entities. An exemption for one field gets the path of that field below a root."""
    for rule in rules:
        if rule.exempt and rule.exempt.header:
            yield replace(rule, path=f"{root}['{rule.exempt.header}']", exempt=replace(rule.exempt, header=""))
        elif rule.entity and not rule.path:
            yield rule


def _concealed(values: dict[str, list[bytes]], redact_credential: CredentialRedactor) -> dict[str, list[bytes]]:
    """Remove the credential. It goes first: an entity may be a part of it, and the rest would stay."""
    whole = b"\n".join(value for each in values.values() for value in each)
    if not redact_credential or redact_credential(whole) == whole:
        return dict(values)
    return {name: [redact_credential(value) for value in each] for name, each in values.items()}


def _values(fields: Headers, name: str) -> list[bytes]:
    """Return a field's values: repeated ones joined to one, but for those that may not be joined."""
    if name not in COOKIES:
        return [fields.raw(name)]
    values = [value for each, value in fields if each == name]
    between = COOKIES[name]
    return values if between is None else [between.join(values)]


def _edits(changed: dict[str, list[bytes]]) -> HeaderEdits:
    """Return the edits. Fields that end up empty are removed: Envoy does not set a field to nothing."""
    first = tuple((name, values[0]) for name, values in changed.items() if values)
    more = tuple((name, value) for name, values in changed.items() for value in values[1:])
    return HeaderEdits(first, tuple(name for name, values in changed.items() if not values), more)


def _suspects(masker: Masker, values: dict[str, list[bytes]], rules: Rules) -> tuple[dict[str, None], Findings]:
    """Search all fields together, as written and percent-decoded.

    Returns:
        The names of the fields that masking changes, in order, and what exemptions let pass.
    """
    seen = [{name: text} for name, each in values.items() for value in each for text in _readings(name, value)]
    if not masker.may_hold("\n\n".join(text for each in seen for part in each.items() for text in part)):
        return {}, ()
    document = orjson.dumps(seen)
    masked = masker.mask(document, JSON, rules)
    exempt = tuple(_exempt(masked.findings, seen))
    if masked.body == document:
        return {}, exempt
    pairs = zip(seen, orjson.loads(masked.body), strict=True)
    return {name: None for was, now in pairs if was != now for name in was}, exempt


def _exempt(findings: Findings, seen: list[dict[str, str]]) -> Iterator[Finding]:
    """Yield what exemptions let pass, once for each field and entity: a field is there in several readings."""
    counts: dict[tuple[str, str, str], int] = {}
    for each in findings:
        if each.is_exempt and (place := ELEMENT.match(each.path)):
            name = next(iter(seen[int(place[1])]))
            key = each.entity, URL if name == PATH else f"header.{name}", each.how
            counts[key] = max(counts.get(key, 0), each.count)
    for (entity, path, how), count in counts.items():
        yield Finding(entity, path, how, count)


def _readings(name: str, value: bytes) -> Iterator[str]:
    for piece in _pieces(name, value):
        text, encoding = _text(piece)
        yield text
        if encoding != UTF8:
            yield piece.decode(UTF8, "replace")
        if "%" in text:
            yield unquote(text)
        if "+" in text:
            yield unquote_plus(text)


def _pieces(name: str, value: bytes) -> list[bytes]:
    return value.split(b";") if name in COOKIES else [value]


def _masked(masker: Masker, name: str, value: bytes, rules: Rules, findings: list[Finding]) -> bytes:
    """Mask one value. Bytes outside masked spans stay as they are."""
    pieces = []
    for piece in _pieces(name, value):
        text, encoding = _text(piece)
        for read in (_as_it_is, _percent_decoded, _form_decoded):
            edits, found = _look(masker, name, read(text), len(text), rules)
            if edits:
                text = apply(text, edits)
                findings += [
                    Finding(each.entity, f"header.{name}", each.how, each.count)
                    for each in found
                    if not each.is_exempt
                ]
        pieces.append(text.encode(encoding))
    return b";".join(pieces)


def _look(
    masker: Masker, name: str, characters: Characters, end: int, rules: Rules
) -> tuple[list[Edit], Findings]:
    """Return edits of a text, found by masking the JSON document ``{name: text}``."""
    head = json.dumps({name: ""}, ensure_ascii=False)[:-2]
    quoted = [(json.dumps(character, ensure_ascii=False)[1:-1], at) for character, at in characters]
    places = [at for letters, at in quoted for _ in letters] + [end]
    document = "".join([head, *(letters for letters, _ in quoted), '"}'])
    trial = masker.trial(document.encode(), JSON, rules)
    if any(edit.start < len(head) for edit in trial.edits):
        raise MaskingError("the name of a header field holds what is to be masked")
    behind = len(head)
    return [
        Edit(places[edit.start - behind], places[edit.end - behind], json.loads(f'"{edit.text}"'))
        for edit in trial.edits
    ], trial.findings


def _as_it_is(text: str) -> Characters:
    return [(character, at) for at, character in enumerate(text)]


def _percent_decoded(text: str) -> Characters:
    characters: Characters = []
    for unit in UNIT.finditer(text):
        at = unit.start()
        decoded, encoding = _text(unquote_to_bytes(unit[1])) if unit[1] else (unit[0], "")
        for character in decoded:
            characters.append((character, at))
            at += 3 * len(character.encode(encoding)) if encoding else 1
    return characters


def _form_decoded(text: str) -> Characters:
    """Decode as a query: a plus is a space."""
    return [(" " if text[at] == "+" else character, at) for character, at in _percent_decoded(text)]


def _text(value: bytes) -> tuple[str, str]:
    """Return a value as text with its encoding: UTF-8, or else Latin-1 (RFC 9110 section 5.5)."""
    try:
        return value.decode(), UTF8
    except UnicodeDecodeError:
        return value.decode("latin-1"), "latin-1"
