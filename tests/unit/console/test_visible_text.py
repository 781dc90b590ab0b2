"""No text of a call can hide in a page, reorder it, or become markup."""

import re

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from extproc.console.printable import printable
from extproc.console.visible_text import hidden_characters, visible, visible_lines

ENTITIES = re.compile(r"&(?:lt|gt|amp|#34|#39);")
OWN = re.compile(r'<span class="(?:hidden|eol)"(?: title="[a-z0-9 ()-]+")?(?: aria-hidden="true")?>[^<>]*</span>')


def test_plain_text_is_escaped_only():
    assert visible("a <b> & 'c' \"d\" é") == Markup("a &lt;b&gt; &amp; &#39;c&#39; &#34;d&#34; é")


def test_a_hidden_character_is_marked_with_its_name_and_a_spelled_one_is_not():
    assert visible("a\u202eb") == 'a<span class="hidden" title="right-to-left override">\\u202e</span>b'
    assert visible(r"a\u202eb") == r"a\u202eb"


def test_lines_and_tabs_are_kept():
    assert re.sub("<[^>]*>", "", visible_lines("a\n\tb")) == "a↵\n→\tb"


def test_names_of_hidden_characters():
    assert hidden_characters("a\u200b\u200bb\u0007\n") == ("zero width space", "control character")


@given(st.text())
def test_nothing_but_our_own_elements_is_markup(text):
    for made in (visible(text), visible_lines(text)):
        rest = ENTITIES.sub("", OWN.sub("", made))
        assert not set("<>\"'&") & set(rest)
        assert all(char in "\n\t" or printable(char) == char for char in rest)
