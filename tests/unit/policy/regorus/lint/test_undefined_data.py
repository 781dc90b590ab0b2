"""Data that the decision reads and nothing defines is found; all other references are left alone."""

import json

import pytest

from extproc.policy.contract.policy_sources import Module
from extproc.policy.regorus.evaluator import compile_modules
from extproc.policy.regorus.lint.rego_module import read_modules
from extproc.policy.regorus.lint.undefined_data import undefined_data

OTHER = Module("o.rego", "package o.lists\n\nvips contains 1\n\ntable := {}")
DATA = {"known": {"a": 1, "list": [1]}}


def found(text):
    engine = compile_modules([Module("t.rego", f"package t\n\n{text}"), OTHER], DATA)
    modules = read_modules(json.loads(engine.get_ast_as_json()))
    return [(one.line, one.message) for one in undefined_data(modules, "data.t.decision", DATA)]


UNDEFINED = {
    "decision if input.call.name in data.blocklist": "data.blocklist",
    "decision if data.known.b": "data.known.b",
    "decision if data.known.a.b": "data.known.a.b",
    'decision if data["blocklist"][input.call.name]': "data.blocklist",
    "decision if data.o.lists.vipz": "data.o.lists.vipz",
    "decision if not data.blocklist": "data.blocklist",
    "decision if help\n\nhelp if data.blocklist": "data.blocklist",
    "decision if count([1 | data.blocklist]) > 0": "data.blocklist",
    "import data.blocklist\n\ndecision if blocklist": "data.blocklist",
    "import data.known as k\n\ndecision if k.b": "data.known.b",
}


@pytest.mark.parametrize("text", UNDEFINED)
def test_it_is_found(text):
    [(line, message)] = found(text)
    assert message == f"reads {UNDEFINED[text]}, which nothing defines"
    assert line >= 3


FINE = [
    "decision if data.known.a",
    "decision if data.known.list[0]",
    "decision if data.known[input.call.name]",
    "decision if data[input.call.name].x",
    "decision if data.o.lists.vips[1]",
    "decision if data.o.lists.table.x",
    "decision if data.o.lists",
    "import data.o.lists\n\ndecision if lists.vips",
    "decision if object.get(data, [`blocklist`], false)",
    "decision if data.extproc_loaded.settings_valid",
    "decision := true\n\nunused if data.blocklist",
    "decision if { some x in [{}]; x.blocklist }",
]


@pytest.mark.parametrize("text", FINE)
def test_what_may_be_defined_is_left_alone(text):
    assert found(text) == []
