"""The comparison of two recordings sees each kind of difference."""

import copy
import json

import pytest

from tests.recording.compare import compare_files

ENTRY = {
    "what": "entry by record",
    "entry": {"kind": "call.denied", "reason": "not-in-scope", "detail": "no rule"},
}
SENT = {
    "what": "to Envoy",
    "message": {"immediate_response": {"body": '{"status":403,"title":"No"}'}},
    "raw": "00",
}
COMMAND = {"args": ["doctor"], "exit_code": 1, "stdout": "a problem", "stderr": "", "raised": ""}
MASK = {
    "method": "mask",
    "input": "00",
    "given": [],
    "direct": True,
    "outputs": [{"output": "11", "findings": []}],
}
TEST = {
    "test": "test_a", "file": "tests/test_a.py", "outcome": "passed", "story": [ENTRY, SENT], "cli": [COMMAND],
    "refused": [{"type": "Refused", "reason": "not-in-scope", "rule": "r", "detail": "no rule"}],
    "masks": [MASK], "metrics": {"extproc_calls_total{}": 1.0},
}  # fmt: skip


def compared(tmp_path, *after) -> int:
    for name, tests in (("before", [TEST]), ("after", after)):
        lines = [{"meta": {"metrics": {}}}, *tests]
        (tmp_path / name).write_text("\n".join(json.dumps(line) for line in lines))
    return compare_files(tmp_path / "before", tmp_path / "after", 10)


def changed(*path_and_value):
    test = copy.deepcopy(TEST)
    *path, last, value = path_and_value
    place = test
    for step in path:
        place = place[step]
    place[last] = value
    return test


@pytest.mark.parametrize(
    "after",
    [
        changed("story", 0, "entry", "reason", "policy-denied"),
        changed("story", 1, "message", "immediate_response", "body", '{"status":200,"title":"No"}'),
        changed("story", 1, "message", "immediate_response", "body", '{"status": 403,"title":"No"}'),
        changed("story", [SENT, ENTRY]),
        changed("story", [ENTRY]),
        changed("story", [ENTRY, ENTRY, SENT]),
        changed("refused", 0, "rule", "other"),
        changed("cli", 0, "exit_code", 0),
        changed("masks", 0, "outputs", 0, "output", "22"),
        changed("masks", []),
        changed("metrics", {}),
        changed("outcome", "AssertionError"),
    ],
)
def test_other_behaviour_fails(tmp_path, capsys, after):
    assert compared(tmp_path, after) == 1
    assert "(a) behaviour: 1 different" in capsys.readouterr().out


@pytest.mark.parametrize(
    "after",
    [
        changed("story", 0, "entry", "detail", "no rule matches"),
        changed("story", 1, "message", "immediate_response", "body", '{"status":403,"title":"Denied"}'),
        changed("refused", 0, "detail", "no rule matches"),
        changed("cli", 0, "stdout", "one problem"),
    ],
)
def test_other_wording_is_told_and_does_not_fail(tmp_path, capsys, after):
    assert compared(tmp_path, after) == 0
    assert "(b) wording: 1 different" in capsys.readouterr().out


def test_the_same_recording_does_not_differ(tmp_path, capsys):
    assert compared(tmp_path, TEST) == 0
    assert "different" not in capsys.readouterr().out


@pytest.mark.parametrize(("numbers", "status"), [((1, 1, 2, 2), 0), ((1, 2, 2, 1), 1)])
def test_ids_must_join_the_same_events_in_whatever_order(tmp_path, capsys, numbers, status):
    """Two calls side by side: the second may come first, and may not have the other's id."""
    entries = [
        {"what": "entry by record", "entry": {"kind": "call.denied", "subject": who, "step": step}}
        for who, step in (("ada", 1), ("ada", 2), ("bob", 1), ("bob", 2))
    ]
    numbered = [{**one, "call_id": f"<id>{number:032d}"} for one, number in zip(entries, numbers, strict=True)]
    before = [{**one, "call_id": f"<id>{number:032d}"} for one, number in zip(entries, (1, 1, 2, 2), strict=True)]
    after = [*numbered[2:], *numbered[:2]]
    lines = {"before": {**TEST, "story": before}, "after": {**TEST, "story": after}}
    for name, test in lines.items():
        (tmp_path / name).write_text("\n".join(json.dumps(line) for line in ({"meta": {"metrics": {}}}, test)))
    assert compare_files(tmp_path / "before", tmp_path / "after", 10) == status


def test_a_key_that_was_changed_on_purpose_can_be_left_out(tmp_path):
    after = changed("story", 0, "entry", "side", "request")
    assert compared(tmp_path, after) == 1
    assert compare_files(tmp_path / "before", tmp_path / "after", 10, frozenset({"side"})) == 0


def test_a_missing_test_of_which_nothing_was_recorded_is_only_counted(tmp_path):
    silent = {**TEST, "test": "test_b", "story": [], "cli": [], "refused": [], "masks": [], "metrics": {}}
    compared(tmp_path, TEST)
    with (tmp_path / "before").open("a") as out:
        out.write("\n" + json.dumps(silent))
    assert compare_files(tmp_path / "before", tmp_path / "after", 10) == 0


def test_a_missing_test_fails(tmp_path, capsys):
    assert compared(tmp_path) == 1
    assert "(c) missing: 1" in capsys.readouterr().out


def test_a_renamed_test_is_compared_too(tmp_path, capsys):
    assert compared(tmp_path, {**TEST, "test": "test_b"}) == 0
    assert compared(tmp_path, {**changed("story", 0, "entry", "reason", "other"), "test": "test_b"}) == 1
    assert "test_a -> test_b" in capsys.readouterr().out
