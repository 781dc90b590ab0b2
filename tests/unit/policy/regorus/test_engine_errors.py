"""A refused policy names the cause, its place, and what to do; a failed evaluation too, and no value."""

import pytest

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.regorus.evaluator import EmbeddedEngine

V0 = 'this is Rego v0: run "opa fmt --v0-v1", or use engine: opa'
REFUSED = {
    "allow { input.x }": (1, V0),
    "allow = true { input.x }": (1, V0),
    "default allow = false\nallow {\n\tinput.x == 1\n}": (2, V0),
    'deny[msg] { msg := "if only" } # if': (1, V0),
    "allow { input.x } else = false { true }": (1, V0),
    "f(x) = y { y := x }": (1, V0),
    "import future.keywords.in\nallow { 1 in input.x }": (2, V0),
    "import future.keywords\nallow if 1 in [1]\ndeny { true }": (3, V0),
    "allow if input.x\ndeny { input.y }": (
        2,
        "`if` keyword is required before rule body\n  write `if` before the `{`",
    ),
    'f("a")': (1, "rule must have a body or assignment\n  give it a value"),
    'x := 3\ny := $"a{x}b"': (2, "string interpolation"),
    "x := 3\ny := concat(``, [$`a{x}b`])": (2, "string interpolation"),
    'x := "$" # $"no"\ny := $"a"': (2, "string interpolation"),
    "import future.keywords.not\nallow if { not { input.x } }": (1, "import future.keywords.not is newer than"),
    "import rego.v2\nallow if { input.x and input.y }": (1, "import rego.v2 is newer than the embedded engine"),
    'import future.keywords\nallow if { input.x == "or b" or (input.y) }': (2, "the operator `or` is newer than"),
    "allow if { x > 3 }": (1, "use of undefined variable `x` is unsafe\n  give it a value first"),
    "input := 3": (1, "input cannot be shadowed\n  use another name"),
    "allow if { y = 1; y := 2 }": (1, "var `y` used before definition below\n  declare a variable once"),
    "x := := 3": (1, "expecting expression\n  if `opa check` accepts it, write it in another way"),
    f"x := {'1' * 2_000}": (1, "line exceeds maximum column width of 1024\n  break the line"),
}
FAILED = {
    "decision := f(1)\nf(x, y) := x": "1 arguments, 2 expected",
    "decision := startswith(input.n, `a`)": "`startswith` expects string argument of another type than it has",
    "decision := sprintf(`%p`, [1])": "sprintf: `%p` of a whole number is not available",
    "decision := sprintf(`%v`, [{[1]}])": "a set that holds arrays, objects or sets is given to this function",
    "decision := sprintf(`%.2f`, [3])": "sprintf: `%f` of a whole number is not available",
    "decision := sprintf(`%v`, [123456789012345678901])": "an integer beyond 64 bits is given to this function",
    "decision := 1 / input.z": "divide by zero",
    "decision := net.cidr_contains(`x`, `y`)": "not an address or network",
}


def load(text: str) -> EmbeddedEngine:
    return EmbeddedEngine.from_sources(Sources((Module("t.rego", f"package t\n{text}\n"),), {}, "data.t.decision"))


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_names_its_cause_and_line(text):
    line, words = REFUSED[text]
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value).startswith(f"t.rego:{line + 1}:")
    assert words in str(caught.value)


@pytest.mark.parametrize("text", FAILED)
def test_a_failure_names_its_cause_and_line(text):
    with pytest.raises(PolicyError, match=r"^evaluation failed at t\.rego:2: ") as caught:
        load(text).evaluate_now(b'{"n":1,"z":0}')
    assert str(caught.value).endswith(FAILED[text])


@pytest.mark.parametrize(
    "text",
    [
        "import rego.v1\ndecision if true",
        "import future.keywords\ndecision if 1 in [1]",
        "import future.keywords.if\nimport future.keywords.contains\nx contains 1 if true\ndecision := true",
        'f("a") := 1\nf("b") := 2\ndecision := f("a") == 1',
        "f([x, `b`]) := x\ndecision if f([1, `b`]) == 1",
        'decision if { "$" == concat("", ["$"]) } # $"{x}"',
    ],
)
def test_what_opa_reads_the_engine_reads(text):
    assert load(text).evaluate_now(b"{}") is True
