"""What is in force stays in the state folder, whole, whatever happens to the files that it was taken from."""

import errno
import os
import stat
from pathlib import Path

import pytest

from extproc.config.configuration import configuration_digest, load_configuration
from extproc.config.load import load_settings
from extproc.config.path_fields import Role, replace_paths, role_of
from extproc.config.snapshot import SnapshotInForce, Snapshots
from extproc.model.errors import ConfigError

CONFIG = """
version: 1
state: state
identity:
  providers:
    corp: {issuer: https://i.test, audiences: [a], jwks_file: keys/jwks.json}
connections:
  crm:
    protocol: http-json
    hosts: [crm.test]
    upstream: {address: "127.0.0.1:9000", tls: true, ca_file: ca.pem}
    credential: {file: credential}
    openapi: openapi.yaml
    functions: {extra: {method: GET, path: "/extra"}}
masking:
  pseudonym_key_file: pseudonym
  detectors: {BADGE: {pattern: "B-[0-9]{4}\\u007f?", context: ["\\u2028", "été", "2026-01-01"]}}
policy: {data: [data.yaml]}
"""
OPENAPI = "openapi: 3.1.0\npaths: {/customers: {get: {operationId: list_customers}}}\n"
SECRET, KEY = "never-in-a-snapshot-8f3a", "k" * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "jwks.json").write_text('{"keys":[]}')
    (folder / "ca.pem").write_text("pem")
    (folder / "openapi.yaml").write_text(OPENAPI)
    (folder / "credential").write_text(SECRET)
    (folder / "pseudonym").write_text(KEY)
    (folder / "data.yaml").write_text("guard: {}")
    (folder / "extproc.yaml").write_text(CONFIG)
    return folder / "extproc.yaml"


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "etc" / "state")


def test_a_snapshot_is_the_configuration_and_stays_it(file, snapshots):
    """Edited, broken and removed files change nothing of it."""
    taken = snapshots.take(file)
    assert taken.digest == configuration_digest(load_settings(file))
    assert taken.settings.connections["crm"].function_names == ("list_customers", "extra")
    before = taken.settings
    for name in ("extproc.yaml", "openapi.yaml", "ca.pem", "keys/jwks.json"):
        (file.parent / name).write_text("broken: [")
    assert load_configuration(taken.file) == taken
    for name in ("extproc.yaml", "openapi.yaml", "ca.pem", "keys/jwks.json"):
        (file.parent / name).unlink()
    assert load_configuration(taken.file).settings == before


@pytest.mark.parametrize("name", ["openapi.yaml", "ca.pem", "keys/jwks.json", "pseudonym", "extproc.yaml"])
def test_the_digest_covers_the_file_and_what_it_names(file, name):
    """A comment counts only where a file's content is taken as it is."""
    before = configuration_digest(load_settings(file))
    path = file.parent / name
    path.write_text(path.read_text() + "\n# more\n")
    assert (configuration_digest(load_settings(file)) == before) is (name == "extproc.yaml")
    path.write_text(path.read_text().replace("crm.test", "other.test"))
    assert configuration_digest(load_settings(file)) != before


@pytest.mark.parametrize("name", ["credential", "data.yaml"])
def test_what_is_followed_while_processes_run_is_not_in_the_digest(file, name):
    before = configuration_digest(load_settings(file))
    (file.parent / name).write_text("guard: {other: 1}")
    assert configuration_digest(load_settings(file)) == before


def test_no_secret_is_copied_and_everything_is_private(file, snapshots, tmp_path):
    snapshots.take(file)
    folder = file.parent / "state" / "configuration"
    copies = [each for each in folder.rglob("*") if each.is_file()]
    assert len(copies) == 4  # the settings, and three files whose content counts
    for each in copies:
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert SECRET not in each.read_text()
        assert KEY not in each.read_text()
    assert stat.S_IMODE((folder / "files").stat().st_mode) == 0o700


def test_a_key_that_was_replaced_in_place_stops_a_restart(file, snapshots):
    """A process with another key would make other pseudonyms than its siblings."""
    taken = snapshots.take(file)
    (file.parent / "pseudonym").write_text("x" * 40)
    with pytest.raises(ConfigError, match="has changed since it took effect"):
        load_configuration(taken.file)
    assert snapshots.take(file).digest != taken.digest


def test_an_edited_snapshot_is_not_used(file, snapshots):
    taken = snapshots.take(file)
    taken.file.write_text(taken.file.read_text().replace("crm.test", "evil.test"))
    with pytest.raises(ConfigError, match="has changed since it took effect"):
        load_configuration(taken.file)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_disk_that_fails_refuses_it_and_keeps_what_is_in_force(file, snapshots, monkeypatch, number, nth):
    """At the first file, at one between, at the last."""
    taken = snapshots.take(file)
    snapshots.put_in_force(SnapshotInForce(taken.digest, str(file), 1))
    for name in ("openapi.yaml", "ca.pem", "keys/jwks.json"):
        (file.parent / name).write_text((file.parent / name).read_text() + " \n")
    writes, opened = [], os.open

    def failing(path, *args, **kwargs):
        if str(path).startswith(str(file.parent / "state")):
            writes.append(path)
            if len(writes) == nth:
                raise OSError(number, os.strerror(number))
        return opened(path, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", failing)
        with pytest.raises(ConfigError, match="cannot be stored"):
            snapshots.take(file)
    assert snapshots.in_force() == SnapshotInForce(taken.digest, str(file), 1)
    assert load_configuration(taken.file) == taken
    assert list((file.parent / "state").rglob(".*")) == []


def test_a_folder_that_cannot_be_made_is_refused(file, snapshots):
    (file.parent / "state").mkdir()
    (file.parent / "state" / "configuration").write_text("a file is in the way")
    with pytest.raises(ConfigError, match="cannot be stored"):
        snapshots.take(file)
    with pytest.raises(ConfigError, match="cannot be stored"):
        snapshots.put_in_force(SnapshotInForce("d", "f", 1))


def test_a_file_that_changes_while_it_is_read_is_refused(file, snapshots, monkeypatch):
    """Between the check and the copy: what is in force must be what was checked."""
    original = Path.open

    def edited(self, *args, **kwargs):
        if self.name == "openapi.yaml" and args == ("rb",):
            edited.opened += 1
            if edited.opened == 2:
                self.write_text(OPENAPI.replace("list_customers", "drop_customers"))
        return original(self, *args, **kwargs)

    edited.opened = 0
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", edited)
        with pytest.raises(ConfigError, match="changed while it was read"):
            snapshots.take(file)
    assert list((file.parent / "state" / "configuration").glob("*.yaml")) == []


def test_old_snapshots_are_removed_with_their_copies(file, snapshots):
    first = snapshots.take(file)
    (file.parent / "ca.pem").write_text("another authority")
    second = snapshots.take(file)
    third_party = file.parent / "state" / "configuration" / "worker-0.status.json"
    third_party.write_text("{}")
    snapshots.keep_only(first.digest, second.digest)
    assert load_configuration(first.file)
    snapshots.keep_only(second.digest)
    assert not first.file.exists()
    assert load_configuration(second.file) == second
    assert third_party.exists()
    assert len(list((file.parent / "state" / "configuration" / "files").iterdir())) == 3


def test_equal_content_has_one_path(file, snapshots):
    """So that Envoy is shown no change where there is none."""
    first = snapshots.take(file).settings
    (file.parent / "extproc.yaml").write_text(CONFIG.replace("crm.test", "other.test"))
    second = snapshots.take(file).settings
    assert first.connections["crm"].upstream == second.connections["crm"].upstream
    assert first.identity == second.identity


def test_what_is_in_force_is_unknown_where_nothing_says_so(snapshots, file):
    assert snapshots.in_force() is None
    snapshots.take(file)
    (file.parent / "state" / "configuration" / "in-force.json").write_text("{")
    assert snapshots.in_force() is None


def test_each_path_of_the_settings_has_a_role(file):
    """A new path is content, and copied, unless somebody says otherwise: this list is to be changed with care."""
    found: dict[str, Role] = {}

    def note(owner, field, path):
        found[field] = role_of(owner, field)
        return path

    replace_paths(load_settings(file), note)
    assert {name for name, role in found.items() if role is Role.CONTENT} == {"jwks_file", "ca_file", "openapi"}
    assert found["pseudonym_key_file"] is Role.SECRET
    assert found["file"] is found["data"] is Role.FOLLOWED
    assert found["state"] is found["spool"] is found["store"] is found["socket"] is Role.PLACE
