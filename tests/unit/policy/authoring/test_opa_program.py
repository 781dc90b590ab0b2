"""The ``opa`` program checks, tests and serves a copy of the files; its words are told by the files' own names."""

import asyncio
from pathlib import Path

import pytest

from extproc.model.errors import ConfigError, PolicyError
from extproc.policy.authoring.opa_program import OpaProgram, find_program
from extproc.policy.contract.policy_sources import Module, Sources
from extproc.policy.opa.opa_engine import OpaEngine

pytestmark = pytest.mark.slow

POLICY = """package t

default decision := false

decision if {
	input.identity.subject in data.vips
}
"""
TESTS = """package t_test

import data.t

test_vip if t.decision with input.identity.subject as "ada"

test_other if not t.decision with input.identity.subject as "bob"
"""


@pytest.fixture
def program(opa_binary):
    return OpaProgram(str(opa_binary))


def sources(policy: str = POLICY, tests: str = "", name: str = "policy/t.rego") -> Sources:
    more = (Module("policy/t_test.rego", tests),) if tests else ()
    return Sources((Module(name, policy),), {"vips": ["ada"]}, "data.t.decision", more)


def test_a_good_policy_has_no_faults(program):
    assert program.check(sources(tests=TESTS)) == []
    assert str(program).startswith("opa 1.")


@pytest.mark.parametrize(
    ("policy", "line", "words", "hint"),
    [
        ("package t\n\nx := input.identiti.subject\n", 3, "undefined ref: input.identiti", "identity"),
        ("package t\n\nx := input.identity.group\n", 3, "undefined ref: input.identity.group", "groups"),
        ("package t\n\nx if {\n\ty := 1\n}\n", 4, "assigned var y unused", "rego_compile_error"),
        ("package t\n\nx := = 1\n", 3, "unexpected", "rego_parse_error"),
        ("package t\n\nx := nowhere(1)\n", 3, "undefined function nowhere", "rego_type_error"),
    ],
)
def test_faults_have_the_place_in_the_authors_file(program, policy, line, words, hint):
    found = program.check(sources(policy))
    assert (found[0].file, found[0].line) == ("policy/t.rego", line)
    assert words in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize("name", ["/somewhere/else/t.rego", "../up/t.rego", ".hidden/t.rego", "b.tar.gz/t.rego"])
def test_whatever_the_files_are_called(program, name):
    [found] = program.check(sources("package t\n\nx := nowhere(1)\n", name=name))
    assert (found.file, found.line) == (name, 3)
    twice = Sources((Module(name, POLICY), Module(name, "package other\n")), {}, "data.t.decision")
    assert program.check(twice) == []


def test_tests_run_with_the_data(program):
    run = program.test(sources(tests=TESTS), timeout_s=10, coverage=True)
    assert run.passed
    assert {one.name for one in run.results} == {"data.t_test.test_vip", "data.t_test.test_other"}
    [covered] = run.coverage
    assert (covered.file, covered.missed) == ("policy/t.rego", ())
    assert run.percent == 100


def test_a_test_that_fails_is_named(program):
    run = program.test(sources(tests=TESTS.replace('"bob"', '"ada"')), timeout_s=10, coverage=True)
    failed = [one for one in run.results if not one.passed]
    assert [(one.name, one.file, one.line) for one in failed] == [
        ("data.t_test.test_other", "policy/t_test.rego", 7)
    ]
    assert not run.passed
    assert run.coverage == ()


def test_a_policy_without_tests_has_no_results(program):
    assert program.test(sources(), timeout_s=10, coverage=True).results == ()


def test_a_policy_that_does_not_compile_is_not_tested_or_served(program):
    broken = sources("package t\n\nx := nowhere(1)\n", TESTS)
    with pytest.raises(ConfigError, match=r"policy/t\.rego:3: .*nowhere"):
        program.test(broken, timeout_s=10, coverage=False)
    with pytest.raises(ConfigError, match="does not start") as caught, program.serving(broken):
        pytest.fail("it serves")
    assert "policy/t.rego:3: " in caught.value.hint


def test_a_server_decides_by_the_files_and_sees_nothing_of_this_process(program, monkeypatch):
    monkeypatch.setenv("CANARY", "4111111111111111")
    seen = "\n\nenv := opa.runtime().env\n"
    with program.serving(sources(POLICY + seen)) as server:
        assert server.socket

        async def ask(query: str, document: bytes) -> object:
            engine = OpaEngine(server, query)
            try:
                return await engine.evaluate(document)
            finally:
                await engine.close()

        assert asyncio.run(ask("data.t.decision", b'{"identity":{"subject":"ada"}}')) is True
        assert asyncio.run(ask("data.t.decision", b"{}")) is False
        assert "CANARY" not in asyncio.run(ask("data.t.env", b"{}"))
    assert not Path(server.socket).exists()


def test_a_program_that_is_none(tmp_path):
    with pytest.raises(ConfigError, match="cannot be run"):
        OpaProgram(str(tmp_path / "none")).check(sources())
    odd = tmp_path / "odd"
    odd.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    odd.chmod(0o700)
    with pytest.raises((ConfigError, PolicyError), match="ended with 3: broken"):
        OpaProgram(str(odd)).check(sources())


def test_the_program_is_on_path_or_named(tmp_path, monkeypatch):
    monkeypatch.delenv("EXTPROC_OPA", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() is None
    (tmp_path / "opa").write_text("")
    (tmp_path / "opa").chmod(0o700)
    assert find_program() == OpaProgram(f"{tmp_path}/opa")
    monkeypatch.setenv("EXTPROC_OPA", "/named/opa")
    assert find_program() == OpaProgram("/named/opa")
