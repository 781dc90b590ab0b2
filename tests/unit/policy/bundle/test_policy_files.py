"""Files are read once; their revision says which policy decided."""

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from extproc.model.errors import ConfigError
from extproc.policy.bundle.data_files import read_data
from extproc.policy.bundle.policy_files import PolicyFiles, read_sources
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


POLICY = "package a\n\nx := data.roles\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def bundle(file: Path, files: dict[str, str]) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return file


TREE = {
    "a.rego": POLICY,
    "data.json": '{"roles": {"sre": 1}}',
    "roles/data.yaml": "dev: 2",
    "roles/list/data.json": "[1, 2]",
    "roles/other.json": '{"never": 1}',
    ".git/data.json": '{"never": 1}',
    ".git/b.rego": "package never",
}
DATA = {"roles": {"sre": 1, "dev": 2, "list": [1, 2]}}


def test_the_data_of_a_folder_is_below_its_name(tmp_path):
    sources = read_sources([write(tmp_path, TREE)], [], QUERY)
    assert sources.data == DATA
    assert [module.below for module in sources.modules] == ["a.rego"]


@pytest.mark.parametrize("prefix", ["", "/", "./"])
def test_a_bundle_is_read_as_its_folder_is(tmp_path, prefix):
    manifest = {".manifest": json.dumps({"revision": "r", "roots": ["a", "roles"], "rego_version": 1})}
    files = {f"{prefix}{name}": text for name, text in (TREE | manifest).items()}
    packed = read_sources([bundle(tmp_path / "b.tar.gz", files)], [], QUERY)
    assert packed.data == DATA
    assert packed.revision == read_sources([write(tmp_path / "folder", TREE)], [], QUERY).revision


@pytest.mark.slow
def test_opa_reads_the_same_data_and_builds_such_bundles(opa_binary, tmp_path):
    tree = {name: text for name, text in TREE.items() if not name.startswith(".git")}
    folder, built = write(tmp_path / "folder", tree), tmp_path / "b.tar.gz"
    command = [opa_binary, "eval", "--format", "raw", "--bundle", folder, "data"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)
    assert found.pop("a") == {"x": DATA["roles"]}
    assert found == DATA
    subprocess.run([opa_binary, "build", "--bundle", folder, "-o", built], check=True, timeout=30)
    sources = read_sources([built], [], QUERY)
    assert sources.data == DATA
    assert [module.text.split() for module in sources.modules] == [POLICY.split()]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("roles/data.json", '{"sre": 2}', "data.roles.sre is given by an earlier file too"),
        ("roles/data.json", "3", "data.roles is given by an earlier file too"),
        ("extproc_loaded/data.json", "{}", "extproc_loaded is the loader's own"),
        ("data.yaml", "- 1", "data must be an object"),
        (".signatures.json", "{}", "the bundle is signed\n  the embedded engine does not check signatures"),
        ("patch.json", "{}", "a delta bundle"),
        ("policy.wasm", "", "policy that is compiled to WebAssembly"),
        (".manifest", '{"roots": ["a"]}', "the manifest's roots do not permit data.roles.sre"),
        (".manifest", '{"roots": ["roles"]}', "the manifest's roots do not permit data.a"),
        (".manifest", '{"rego_version": 0}', "the bundle holds Rego v0"),
        (".manifest", '{"file_rego_versions": {"a.rego": 0}}', "the bundle holds Rego v0"),
        (".manifest", "[]", "not a bundle's manifest"),
        (".manifest", "{", "not JSON"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_what_cannot_be_applied_is_refused_by_name(tmp_path, packed, name, text, says):
    files = {"a.rego": POLICY, "data.json": '{"roles": {"sre": 1}}', name: text}
    path = bundle(tmp_path / "b.tar.gz", files) if packed else write(tmp_path / "b", files)
    with pytest.raises(ConfigError) as caught:
        read_sources([path], [], QUERY)
    assert says in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_bundle_that_is_none_or_too_large_is_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_text("no")
    with pytest.raises(ConfigError, match="the bundle cannot be read"):
        read_sources([tmp_path / "a.tar.gz"], [], QUERY)
    whole = bundle(tmp_path / "b.tar.gz", {"a.rego": POLICY * 10_000}).read_bytes()
    (tmp_path / "c.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="the bundle cannot be read"):
        read_sources([tmp_path / "c.tar.gz"], [], QUERY)
    large = bundle(tmp_path / "d.tar.gz", {"a.rego": POLICY, "data.json": " " * (65 << 20)})
    with pytest.raises(ConfigError, match="the bundle is too large"):
        read_sources([large], [], QUERY)


def test_data_among_the_policies_is_told_where_it_belongs(tmp_path):
    (tmp_path / "guard.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match=r"not a Rego file\n.*policy\.data"):
        read_sources([tmp_path / "guard.yaml"], [], QUERY)


def test_a_change_of_any_file_that_is_read_changes_the_fingerprint(tmp_path):
    files = PolicyFiles((write(tmp_path, TREE),), (), QUERY)
    seen = {files.fingerprint()}
    for name in ("a.rego", "data.json", "roles/data.yaml", "roles/list/data.json"):
        (tmp_path / name).write_text((tmp_path / name).read_text() + " ")
        seen.add(files.fingerprint())
    (tmp_path / "roles/other.json").write_text("{}")
    seen.add(files.fingerprint())
    assert len(seen) == 5


def test_other_data_in_a_policy_folder_is_named(tmp_path):
    write(tmp_path, TREE)
    assert PolicyFiles((tmp_path,), (), QUERY).unread() == (tmp_path / "roles/other.json",)
    assert PolicyFiles((tmp_path,), (tmp_path / "roles/other.json",), QUERY).unread() == ()
