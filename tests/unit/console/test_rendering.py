"""Templates print nothing raw, wherever a value stands, and have no code and no style of their own."""

import re
from importlib.resources import files

import pytest

from extproc.console.rendering import MEDIA_TYPES, PACKAGE, render, static_address, static_file

TEMPLATES = sorted(each.name for each in (files(PACKAGE) / "templates").iterdir())
STATEMENT = re.compile(r"\{[%#].*?[%#]\}", re.DOTALL)
TAG = re.compile(r"<[a-zA-Z/](?:\{\{.*?\}\}|[^>])*>", re.DOTALL)
EVIL = "\"'><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}"


def source(name):
    return (files(PACKAGE) / "templates" / name).read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_values_in_attributes_are_plain_text(name):
    """The filters make elements, which would end an attribute."""
    tags = TAG.findall(STATEMENT.sub("", source(name)))
    assert tags
    assert not [tag for tag in tags if re.search(r"\|\s*visible", tag)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_attribute_with_a_value_is_quoted(name):
    for tag in TAG.findall(STATEMENT.sub("", source(name))):
        for at in re.finditer(r"\{\{", tag):
            assert tag[: at.start()].count('"') % 2 == 1, tag


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_have_no_code_no_style_and_switch_no_escaping_off(name):
    text = source(name)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|\|\s*safe|autoescape|javascript:", text)
    assert all("src=" in each for each in re.findall(r"<script[^>]*>", text))


def test_a_value_is_escaped_and_printable_in_text_and_attributes():
    values = {"title": EVIL, "lines": [EVIL], "action": {"address": EVIL, "name": EVIL}}
    page = render("message.html", values | {"visitor": None, "events": EVIL, "now_ms": 0, "told": None})
    assert "<img" not in page.replace('<img src="/static/', "")
    assert "\u202e" not in page
    assert page.count("\\u202e{{ 7 * 7 }}") == 6


def test_a_missing_value_is_an_error():
    with pytest.raises(Exception, match="is undefined"):
        render("message.html", {})


def test_static_files_have_addresses_that_name_their_content():
    assert len({static_address(name) for name in MEDIA_TYPES}) == len(MEDIA_TYPES)
    assert all(static_file(name) for name in MEDIA_TYPES)
    with pytest.raises(KeyError):
        static_file("../rendering.py")


def test_the_script_makes_no_markup_of_text():
    """Only fragments that the server rendered become markup."""
    script = static_file("console.js").decode()
    assert script.count("innerHTML") == 1
    assert not re.search(r"eval|insertAdjacentHTML|outerHTML|document\.write|Function\(", script)
