"""The comparison with the official conformance suite finds what it has to find."""

import json

import pytest

from tests.conformance.checks import Ended, Loss, Status, green, losses, read_checks
from tests.conformance.clients_table import JOURNEYS, PAGE, STEPS, cell, lost
from tests.conformance.comparison import read_entry
from tests.conformance.programs import CLIENTS, HERE, SERVERS

FAILURE, WARNING, NONE, SUCCESS = map(Ended, Status)


def write(folder, name, *checks):
    (folder / name).mkdir()
    (folder / name / "checks.json").write_text(json.dumps([{"id": key, "status": end} for key, end in checks]))


def loss(**changes):
    made = {"program": "server python_2", "version": "2025-11-25", "scenario": "ping", "check": "ping"}
    return Loss(**made | changes, direct=SUCCESS, guarded=FAILURE)


def test_a_check_has_its_worst_end(tmp_path):
    write(tmp_path, "server-ping-2026-11-30T04-13-01-447Z", ("a", "SUCCESS"), ("a", "FAILURE"), ("b", "INFO"))
    write(tmp_path, "auth_basic-2026-11-30T04-13-01-447Z", ("a", "WARNING"))
    found = {key: ended.status for key, ended in read_checks(tmp_path).items()}
    assert found == {
        ("ping", "a"): Status.FAILURE,
        ("ping", "b"): Status.NONE,
        ("auth_basic", "a"): Status.WARNING,
    }


@pytest.mark.parametrize(
    ("direct", "guarded", "is_loss"),
    [
        (SUCCESS, SUCCESS, False),
        (SUCCESS, FAILURE, True),
        (SUCCESS, WARNING, True),
        (SUCCESS, NONE, True),
        (SUCCESS, None, True),
        (NONE, None, False),
        (WARNING, FAILURE, True),
        (WARNING, SUCCESS, False),
        (FAILURE, None, False),
    ],
)
def test_a_loss_is_a_check_that_ends_worse(direct, guarded, is_loss):
    key = ("ping", "ping")
    found = list(losses("server python_2", "2025-11-25", {key: direct}, {key: guarded} if guarded else {}))
    assert bool(found) is is_loss


def test_a_scenario_is_green_without_a_failure():
    assert green({("a", "1"): SUCCESS, ("a", "2"): FAILURE, ("b", "1"): WARNING}) == {"b"}


def test_an_entry_names_what_it_says_and_nothing_else():
    told = {
        "reason": "r",
        "policy": "p",
        "checks": ["ping/*"],
        "programs": ["server *"],
        "versions": ["2025-11-25"],
    }
    entry = read_entry("n", told)
    assert entry.names(loss())
    for other in ({"program": "client python_2"}, {"version": "2026-07-28"}, {"scenario": "pings"}):
        assert not entry.names(loss(**other))
    assert read_entry("n", {"reason": "r", "policy": "p"}).names(loss(scenario="any"))


def test_each_program_has_its_file():
    files = {file.stem for file in (HERE / "servers").iterdir() if file.suffix in (".py", ".mjs")}
    assert files - {"features", "sessions"} == set(SERVERS)
    files = {file.stem for file in (HERE / "clients").iterdir() if file.suffix in (".py", ".mjs")}
    assert files - {"scenarios", "through"} == {name for name, _ in CLIENTS}


def test_the_lock_names_no_registry():
    """And pins every package by a hash of its content."""
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert [name for name, each in packages.items() if "resolved" in each or "integrity" not in each] == []


@pytest.mark.parametrize(
    ("direct", "guarded", "said"),
    [
        ({}, {}, ""),
        ({"text": ""}, {"text": ""}, "yes"),
        ({"text": ""}, {"text": "late"}, "**no**"),
        ({"text": ""}, {}, "**no**"),
        ({"text": "late"}, {"text": ""}, "not directly either"),
    ],
)
def test_a_step_is_lost_if_it_ends_well_directly_alone(direct, guarded, said):
    assert cell("text", direct, guarded) == said
    assert bool(lost({JOURNEYS[0]: (direct, guarded)})) is (said == "**no**")


def test_the_page_has_each_client_and_each_step():
    """`python -m tests.conformance clients` writes it."""
    lines = PAGE.read_text().partition("made by")[2].splitlines()
    head, _, *rows = [line.strip("| ").split(" | ") for line in lines if "|" in line]
    assert head == ["step", *map(str, JOURNEYS)]
    assert [row[0] for row in rows] == list(STEPS)
