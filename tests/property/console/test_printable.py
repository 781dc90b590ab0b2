"""No text can do anything to a terminal but be read."""

import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from extproc.console.printable import UNSEEN, plain, pretty_json, printable

text = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\x1b\x9b\x07\r\n\u202e\u2066[]\\/"))
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


@given(text)
def test_only_characters_that_show_are_left(text):
    """And saying it twice changes nothing."""
    shown = printable(text)
    assert all(char == " " or unicodedata.category(char) not in UNSEEN for char in shown)
    assert printable(shown) == shown
    shown.encode()


@given(text)
def test_markup_is_text(text):
    """What is printed is what ``printable`` says, whatever brackets are in it."""
    out = io.StringIO()
    Console(file=out, width=100_000, force_terminal=True, color_system="truecolor").print(plain(text))
    assert out.getvalue().removesuffix("\n") == printable(text)


@given(documents)
def test_pretty_json_says_the_same(document):
    """Escapes inside strings are JSON's own: reading it again gives the very value."""
    shown, complete = pretty_json(json.dumps(document))
    assert complete
    if not any(ord(char) > 0xFFFF for char in json.dumps(document, ensure_ascii=False)):
        assert json.loads(shown) == document


@given(text)
def test_what_is_not_json_is_one_line(text):
    """A cut-off preview is shown as it is."""
    shown, complete = pretty_json("{" + text)
    assert complete or "\n" not in shown
