"""Files are read once; their revision says which policy decided."""

from pathlib import Path

import pytest

from extproc.model.errors import ConfigError
from extproc.policy.bundle.policy_files import read_data, read_sources
from extproc.policy.bundle.starter_policies import starter_folder
from extproc.policy.contract.policy_sources import Module, Sources

QUERY = "data.extproc.decision"


def test_no_paths_are_the_starter_policies():
    sources = read_sources([], [], QUERY)
    assert "decision.rego" in {module.name for module in sources.modules}
    assert not any(module.is_test for module in sources.modules)
    assert any(module.name == "decision_test.rego" for module in sources.tests)


def test_the_starter_folder_is_the_checkouts_or_the_packages(tmp_path):
    package = tmp_path / "site-packages" / "extproc"
    assert starter_folder(package) == package / "_starter" / "rego"
    (tmp_path / "site-packages" / "policy" / "rego").mkdir(parents=True)
    assert starter_folder(package) == package / "_starter" / "rego"
    (tmp_path / "site-packages" / "pyproject.toml").touch()
    assert starter_folder(package) == tmp_path / "site-packages" / "policy" / "rego"
    assert (starter_folder() / "decision.rego").is_file()


def test_every_change_changes_the_revision():
    base = Sources((Module("a.rego", "package a"), Module("b.rego", "package b")), {"x": 1}, "data.a")
    others = [
        Sources((Module("a.rego", "package a "), Module("b.rego", "package b")), {"x": 1}, "data.a"),
        Sources((Module("a2.rego", "package a"), Module("b.rego", "package b")), {"x": 1}, "data.a"),
        Sources((Module("a.rego", "package a"),), {"x": 1}, "data.a"),
        Sources(base.modules, {"x": 2}, "data.a"),
        Sources(base.modules, {"x": 1}, "data.b"),
    ]
    assert len({source.revision for source in (base, *others)}) == len(others) + 1
    assert Sources(base.modules[::-1], {"x": 1}, "data.a").revision == base.revision
    assert Sources(base.modules, {"x": 1}, "data.a", (Module("a_test.rego", ""),)).revision == base.revision


def test_tests_do_not_decide(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.rego").write_text("package a")
    (tmp_path / "a_test.rego").write_text("package a")
    sources = read_sources([tmp_path], [], QUERY)
    assert [module.name for module in sources.modules] == [f"{tmp_path}/deep/a.rego"]
    assert [module.name for module in sources.tests] == [f"{tmp_path}/a_test.rego"]


def test_where_a_folder_is_does_not_count(tmp_path):
    """Replicas may keep their policy in different places; people are told the whole path all the same."""
    for place in ("one", "two"):
        (tmp_path / place / "deep").mkdir(parents=True)
        (tmp_path / place / "deep" / "a.rego").write_text("package a")
    found = [read_sources([tmp_path / place], [], QUERY) for place in ("one", "two")]
    assert found[0].revision == found[1].revision
    assert found[0].modules[0].name != found[1].modules[0].name


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "a: [", "a.yaml:1"),
        ("a.yaml", "a: 1\na: 2\n", "a.yaml:2:1: key given twice"),
        ("a.yaml", "- 1", "must be an object"),
        ("a.yaml", "a: [.nan]", "not JSON"),
        ("a.yaml", "a: !!python/object:os.system x", "a.yaml:1"),
        ("a.yaml", "? [1]\n: 2", "key"),
        ("a.json", '{"a":}', "a.json:1:6"),
        ("a.json", '{"a":1,"a":2}', "key given twice"),
        ("a.json", "[]", "must be an object"),
        ("a.txt", "", "not a data file"),
        ("a.yaml", b"\xff", "UTF-8"),
    ],
)
def test_a_wrong_data_file_is_named(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=message):
        read_data([file])


def test_dates_in_yaml_are_text(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("day: 2026-01-02\n1: one\n")
    assert read_data([file]) == {"day": "2026-01-02", "1": "one"}


def test_two_files_may_not_disagree(tmp_path):
    one, two = tmp_path / "1.json", tmp_path / "2.json"
    one.write_text('{"a":{"b":1}}')
    two.write_text('{"a":{"b":2}}')
    with pytest.raises(ConfigError, match=r"data\.a\.b is given by an earlier file too"):
        read_data([one, two])


@pytest.mark.parametrize(("paths", "data"), [([Path("nowhere")], []), ([], [Path("nowhere.json")])])
def test_a_missing_path_says_what_to_check(paths, data):
    with pytest.raises(ConfigError) as caught:
        read_sources(paths, data, QUERY)
    assert "nowhere" in str(caught.value)
    assert caught.value.hint


def test_a_folder_without_policy_is_an_error(tmp_path):
    (tmp_path / "a_test.rego").write_text("package a")
    with pytest.raises(ConfigError, match="no Rego file"):
        read_sources([tmp_path], [], QUERY)
