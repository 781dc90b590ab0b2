"""NAMED_SECRET: the data of a Kubernetes Secret in YAML, whatever its keys are.

In JSON the layout of the document tells (``extproc.masking.json.layout``). In YAML, ``kind: Secret`` stands before
the data, or behind it, as ``kubectl get --output yaml`` sorts keys: then only ``apiVersion`` stands before it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from extproc.detectors.accepted_values import is_secret
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.structures.bracketed import read_bracketed
from extproc.detectors.structures.indented import read_indented
from extproc.detectors.structures.tree import Node, Value

LONGEST = 1 << 21
"""Most characters of an object: Kubernetes allows one MiB of data."""
SECRET, SECRETS = "Secret", "SecretList"
_BEGINS = re.compile(
    r"^(?P<before> *(?:- +)?)(?:kind:[ \t]*[\"']?(?P<kind>Secret(?:List)?)[\"']?[ \t]*\r?$"
    r"|apiVersion:[^\n]*\n(?P<data>(?= *data:[ \t]*(?:\r?$|\{))))",
    re.MULTILINE,
)
_DATA = re.compile(r"^(?P<before> *(?:- +)?)(?:stringData|data):[ \t]*(?:\r?\n|(?=\{))", re.MULTILINE)
_LINE = re.compile(r"(?P<blanks> *)(?P<rest>[^\n]*)(?:\n|\Z)")
_KIND = re.compile(r"kind:[ \t]*[\"']?(?P<kind>[^\s\"']*)")
_ENDS = ("---", "...")


class _Object(NamedTuple):
    """The lines of an object of Kubernetes, or of a list of them."""

    start: int
    end: int
    column: int
    kind: str
    """Empty if no line says it."""


def find(text: str, _: str) -> Ranges:
    """Yield the values of data in objects of kind Secret, and in lists of them."""
    for each in _objects(text):
        if each.kind not in (SECRET, SECRETS):
            continue
        for data in _DATA.finditer(text, each.start, each.end):
            column = len(data["before"])
            if each.kind == SECRETS or column == each.column:
                node = _data(text, data.end(), column, each.end)
                yield from ((value.start, value.end) for value in _values(node) if is_secret(SECRET, value.text))


def _data(text: str, at: int, column: int, last: int) -> Node:
    if text.startswith("{", at):
        return read_bracketed(text, at, last)[0]
    return read_indented(text, at, column, last)[0]


def unbroken(text: str) -> Ranges:
    """Yield the ranges of secrets, and of objects that may become one: no line says of which kind they are yet."""
    for each in _objects(text):
        if each.kind in (SECRET, SECRETS) or (not each.kind and each.end == len(text)):
            yield each.start, each.end


def _objects(text: str) -> Iterator[_Object]:
    """Yield the objects that are secrets, and those whose data come before a line that may say so."""
    read = 0
    if "apiVersion:" not in text and "kind:" not in text:
        return
    for begin in _BEGINS.finditer(text):
        if begin.start() >= read:
            found = _object(text, begin)
            read = found.end if found.kind or found.end == len(text) else read
            yield found


def _object(text: str, begin: re.Match[str]) -> _Object:
    column, at, kind = len(begin["before"]), begin.end(), begin["kind"] or ""
    last = min(len(text), at + LONGEST)
    at = text.find("\n", at, last) + 1 or last if begin["kind"] else at
    while at < last and (line := _LINE.match(text, at, last)):
        rest, indent = line["rest"], len(line["blanks"])
        if rest.strip():
            if indent < column or (indent == column == 0 and rest.startswith(_ENDS)):
                break
            if indent == column and not kind and (said := _KIND.match(rest)):
                kind = said["kind"]
        at = line.end()
    return _Object(begin.start(), at, column, kind)


def _values(node: Node) -> Iterator[Value]:
    for _, each in node.entries:
        if isinstance(each, Value):
            yield each
        else:
            yield from _values(each)


KUBERNETES_SECRET = Detector(
    "NAMED_SECRET",
    (rb"kind: {0,8}.?Secret", rb"apiVersion: [^ ]{1,40} {0,40}(?:- +)?data:"),
    16,
    find,
    prefilter_shortest=11,
    is_generic=True,
    unbroken=unbroken,
    meaning="the data of a Kubernetes Secret in YAML",
    proof="the object's kind",
    example="kind: Secret\ndata:\n  db: aHVudGVyMg==",
    source="Kubernetes API reference, Secret",
)
