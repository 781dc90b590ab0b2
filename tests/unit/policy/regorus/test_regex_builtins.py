"""Expressions and globs mean under the embedded engine what they mean under OPA."""

import json
import subprocess

import pytest
import regorus

from extproc.policy.regorus.builtins import (
    ALLOWED,
    REFUSED,
    cidr_contains,
    cidr_is_valid,
    replacements,
    strings_count,
)
from extproc.policy.regorus.regex_builtins import BadArgument, Patterns

MATCHES = [
    (r"^\d+$", "123", True),
    (r"^\d+$", "١٢٣", False),
    (r"^\w+$", "né", False),
    (r"^\W+$", "é", True),
    (r"^[\w-]+$", "a-b_c", True),
    (r"^[\w-]+$", "é", False),
    (r"^[^\w]$", "é", True),
    (r"^[\W]$", "é", True),
    (r"^[\D]$", "٣", True),
    (r"^\s$", "\u00a0", False),
    (r"^\S$", "\u00a0", True),
    (r"^[\s]$", "\t", True),
    (r"\bdrop\b", "édropé", True),
    (r"\bdrop\b", "xdropx", False),
    (r"^[a&&b]+$", "&", True),
    (r"^[a[b]+$", "[", True),
    (r"^[a~~b]+$", "~", True),
    (r"^[]a]+$", "]a", True),
    (r"^[^]a]+$", "b", True),
    (r"^[^]a]+$", "]", False),
    (r"^[[:alpha:]]+$", "abc", True),
    (r"^[[:alpha:]]+$", "é", False),
    (r"^[^[:digit:]]+$", "٣", True),
    (r"a$", "a\n", False),
    (r"(?m)a$", "a\nb", True),
    (r"(?i)DROP", "drop", True),
    (r"(?is)a.b", "A\nB", True),
    (r"a.b", "a\nb", False),
    (r"(?P<name>x)y", "xy", True),
    (r"(?:x|y)z", "yz", True),
    (r"\pL", "é", True),
    (r"a{2,3}$", "aaa", True),
    (r"[{,]", ",", True),
    (r"[(?i)]", "?", True),
    (r"\.\*\\", r".*\ "[:3], True),
    (r"\x41", "A", True),
    ("", "", True),
]
GLOBS = [
    ("a*", [], "ab", True),
    ("a*", [], "a.b", False),
    ("a*", None, "a.b", True),
    ("a**", ["."], "a.b", True),
    ("a*:c", [":"], "ab:c", True),
    ("a*", [":"], "a:c", False),
    ("a?", [":"], "a:", False),
    ("a?", [], "a\n", True),
    ("[!a-c]", [], "d", True),
    ("[!a-c]", [], "b", False),
    ("[a-c]", [], "b", True),
    ("[abc-e]", [], "d", False),
    ("[abc-e]", [], "-", True),
    ("{a,b*}c", ["/"], "bxc", True),
    ("{a,b*}c", ["/"], "b/c", False),
    ("*.github.com", ["."], "api.github.com", True),
    ("*.github.com", ["."], "api.cdn.github.com", False),
    ("\\*", [], "*", True),
    ("\\*", [], "a", False),
    ("", [], "", True),
    ("a+(b)$", [], "a+(b)$", True),
    ("*", ["[", "^", "-"], "a-b", False),
    ("é*", [], "éa", True),
]
NETWORKS = [
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "10.2.0.0/16", True),
    ("10.0.0.0/8", "9.0.0.0/7", False),
    ("10.0.0.0/8", "11.0.0.1", False),
    ("10.0.0.0/8", "::ffff:10.1.1.1", True),
    ("::ffff:10.0.0.0/104", "10.1.1.1", True),
    ("0.0.0.0/0", "::1", False),
    ("::/0", "10.0.0.1", False),
    ("2001:db8::/32", "2001:db8:1::/48", True),
]


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    return Patterns()


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_expressions(patterns, pattern, text, expected):
    assert patterns.match(pattern, text) is expected


@pytest.mark.parametrize(("pattern", "delimiters", "text", "expected"), GLOBS)
def test_globs(patterns, pattern, delimiters, text, expected):
    assert patterns.glob_match(pattern, delimiters, text) is expected


@pytest.mark.parametrize(("network", "other", "expected"), NETWORKS)
def test_networks(network, other, expected):
    assert cidr_contains(network, other) is expected


def test_opa_agrees(opa_binary, tmp_path):
    cases = [f"regex.match({json.dumps(p)}, {json.dumps(t)})" for p, t, _ in MATCHES]
    cases += [f"glob.match({json.dumps(p)}, {json.dumps(d)}, {json.dumps(t)})" for p, d, t, _ in GLOBS]
    cases += [f'net.cidr_contains("{n}", "{o}")' for n, o, _ in NETWORKS]
    expected = [case[-1] for case in (*MATCHES, *GLOBS, *NETWORKS)]
    found = subprocess.run(
        [opa_binary, "eval", "--format", "raw", "--strict-builtin-errors", f"[{', '.join(cases)}]"],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert json.loads(found.stdout) == expected


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a{,3}", r"\B", "(?x)a", "(?u)a", "(?-u)a", r"\<a", "a" * 5_000, r"(a)\1", "\\"]
)
def test_expressions_that_cannot_be_kept_are_errors(patterns, pattern):
    with pytest.raises(BadArgument):
        patterns.match(pattern, "a")
    assert patterns.is_valid(pattern) is False
    assert patterns.match("a", "a") is True


@pytest.mark.parametrize("pattern", ["[", "[]", "[!]", "{a", "{a,b", "\\", "}{"])
def test_globs_that_cannot_be_read_are_errors(patterns, pattern):
    with pytest.raises(BadArgument):
        patterns.glob_match(pattern, [], "a")


def test_wrong_types_are_errors(patterns):
    for arguments in ((1, [], "a"), ("a", [], 1), ("a", "x", "a"), ("a", [1], "a")):
        with pytest.raises(BadArgument):
            patterns.glob_match(*arguments)
    for arguments in ((1, "a"), ("a", None)):
        with pytest.raises(BadArgument):
            patterns.match(*arguments)
    for arguments in ((1, "10.0.0.1"), ("10.0.0.0/8", "x"), ("10.0.0.0/33", "10.0.0.1")):
        with pytest.raises(BadArgument):
            cidr_contains(*arguments)


def test_a_hostile_text_takes_no_time(patterns):
    assert patterns.match("^(a+)+$", "a" * 50_000 + "b") is False
    assert patterns.glob_match("*a*a*a*a*a*a*a*b", None, "a" * 50_000) is False


def test_the_other_functions_of_expressions(patterns):
    assert patterns.split(r"\W+", "a, b") == ["a", "b"]
    assert patterns.find_n(r"\d", "1a2", -1) == ["1", "2"]
    assert patterns.find_all_string_submatch_n("a(b)", "ab", -1) == [["ab", "b"]]
    assert patterns.replace("a1", r"\d", "x") == "ax"


def test_counting_and_networks():
    assert strings_count("aaa", "aa") == 1
    assert strings_count("aé", "") == 3
    assert [cidr_is_valid(text) for text in ("10.0.0.0/8", "10.0.0.0", "x/8", 1, "010.0.0.0/8")] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_every_allowed_built_in_exists():
    found = json.loads(regorus.Engine().eval_query_as_json("opa.runtime().builtins"))
    assert {*ALLOWED} - {"print"} <= {*found["result"][0]["expressions"][0]["value"]}


def test_nothing_is_both_allowed_and_refused():
    assert not ALLOWED & REFUSED.keys()
    assert replacements(Patterns()).keys() <= ALLOWED
