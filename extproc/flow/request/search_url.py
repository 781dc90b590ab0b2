"""Find sensitive data in a call's URL.

A value may be sensitive only together with its name: arguments that are a part of the URL are searched under their
names too, and what is found there is taken out of the path that entries keep.
"""

import re

import orjson

from extproc.codecs.url import readable_url
from extproc.masking.masker import Masker
from extproc.model.call import Call, RequestHead
from extproc.model.masking import MASK_EVERYTHING, Finding

BETWEEN = re.compile(r"[/?&=]")
"""Characters between the parts of a URL."""


def search_url(head: RequestHead, call: Call, masker: Masker) -> tuple[tuple[Finding, ...], str]:
    """Search a URL, and mask its path for entries.

    Args:
        head: of the request.
        call: as its protocol read it.
        masker: finds and masks.

    Returns:
        The findings, and the masked path without the query.

    Raises:
        MaskingError: it cannot be searched.
    """
    readable = readable_url(head.path)
    url, findings = masker.mask_text(readable, MASK_EVERYTHING)
    path = url.partition("?")[0]
    arguments = call.arguments if isinstance(call.arguments, dict) else {}
    parts = _parts(head.path, readable) if arguments else frozenset[str]()
    carried: dict[str, str] = {
        name: value for name, value in arguments.items() if isinstance(value, str) and value in parts
    }
    if not carried:
        return findings, path
    masked = masker.mask(orjson.dumps(carried), "application/json", MASK_EVERYTHING)
    if not masked.findings:
        return findings, path
    pairs = zip(carried.values(), map(str, orjson.loads(masked.body).values()), strict=True)
    for value, shown in {(value, shown): None for value, shown in pairs if value != shown}:
        path = path.replace(value, shown)
    known = {finding.entity for finding in findings}
    return findings + tuple(each for each in masked.findings if each.entity not in known), path


def _parts(path: str, readable: str) -> frozenset[str]:
    """Return segments and parameters of a URL, as protocols read them and as they stand in its readable form.

    A set, so that each argument is looked up rather than searched for in the whole URL.
    """
    raw = BETWEEN.split(path)
    spelled = {*raw, *(parameter.partition("=")[2] for parameter in path.partition("?")[2].split("&"))}
    spelled |= {part.replace("+", " ") for part in spelled}
    return frozenset({*map(readable_url, spelled), *BETWEEN.split(readable)} - {""})
