"""Credentials follow their source, and show themselves to nobody."""

import os
from pathlib import Path

import pytest
import structlog

from extproc.credentials.credential import MAX_BYTES, EnvCredential, FileCredential, header_value, make_credential
from extproc.model.errors import CredentialError
from extproc.settings.connection import CredentialSettings

SECRET = "s3cret-value"


def file_with(folder, text=SECRET, mode=0o600):
    file = folder / "token"
    file.write_text(text)
    file.chmod(mode)
    return file


def credential(**settings):
    return make_credential(CredentialSettings.model_validate(settings))


def test_a_file_gives_prefix_and_value_without_the_trailing_newline(tmp_path):
    made = credential(file=file_with(tmp_path, SECRET + "\r\n"))
    assert (made.header, made.present().value) == ("authorization", b"Bearer s3cret-value")


def test_header_and_prefix_can_be_chosen(tmp_path):
    made = credential(file=file_with(tmp_path), header="x-api-key", prefix="")
    assert (made.header, made.present().value) == ("x-api-key", SECRET.encode())


def test_a_variable_is_a_source(monkeypatch):
    monkeypatch.setenv("EXTPROC_TEST_TOKEN", SECRET)
    assert credential(env="EXTPROC_TEST_TOKEN").present().value == b"Bearer s3cret-value"


def test_a_missing_variable_is_an_error():
    with pytest.raises(CredentialError, match="credential variable NOPE: not set"):
        EnvCredential("NOPE", {}).read()


def test_an_unchanged_file_is_not_read_again(tmp_path, monkeypatch):
    source = FileCredential(file_with(tmp_path))
    source.read()
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("read again"))
    assert source.read() == SECRET.encode()


def test_rotation_by_rename_is_seen_at_once(tmp_path):
    source = FileCredential(file_with(tmp_path, "old-value-1"))
    assert source.read() == b"old-value-1"
    (tmp_path / "next").write_text("new-value-2")
    (tmp_path / "next").rename(tmp_path / "token")
    assert source.read() == b"new-value-2"


def test_rotation_by_symbolic_link_is_seen_at_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"a-value-{name}")
    link = tmp_path / "current"
    link.symlink_to("a")
    source = FileCredential(link / "token")
    assert source.read() == b"a-value-a"
    (tmp_path / "other").symlink_to("b")
    (tmp_path / "other").rename(link)
    assert source.read() == b"a-value-b"


def test_rotation_in_place_keeps_size_and_time_and_is_seen(tmp_path):
    file = file_with(tmp_path, "a-value-1")
    source = FileCredential(file)
    source.read()
    status = file.stat()
    (tmp_path / "next").write_text("a-value-2")
    os.utime(tmp_path / "next", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "next").rename(file)
    assert source.read() == b"a-value-2"


def test_a_file_that_goes_away_or_bad_is_no_credential_any_more(tmp_path):
    """The old value must not live on."""
    file = file_with(tmp_path)
    source = FileCredential(file)
    source.read()
    file.write_text("two\nlines of it")
    for _ in range(2):
        with pytest.raises(CredentialError):
            source.read()
    file.unlink()
    with pytest.raises(CredentialError, match="No such file"):
        source.read()
    file_with(tmp_path, "back-again")
    assert source.read() == b"back-again"


def test_a_folder_is_no_credential(tmp_path):
    with pytest.raises(CredentialError):
        FileCredential(tmp_path).read()


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"  ", b"a-value\rb", b"a-value\x00b", b"a-value\n\n", b" a-value-1", b"a-value-1 ", b"a-value\xff", "ü-value-1".encode(), b"a-value\t1", b"a-value\x7f",
     b"a-value\n1", b"7-bytes",
     b"a" * (MAX_BYTES + 1)],
)  # fmt: skip
def test_what_is_no_header_value_is_refused_without_being_shown(raw):
    with pytest.raises(CredentialError) as caught:
        header_value(raw, "credential file x")
    assert str(caught.value).startswith("credential file x: ")
    assert len(str(caught.value)) < 120
    assert caught.value.__cause__ is None


def test_the_longest_value_passes(tmp_path):
    text = "a" * MAX_BYTES
    assert FileCredential(file_with(tmp_path, text + "\n")).read() == text.encode()


def test_no_repr_shows_the_value(tmp_path):
    made = credential(file=file_with(tmp_path))
    made.present()
    assert SECRET not in repr(made)
    assert SECRET not in repr(made.present())
    assert SECRET not in repr(made.source)
    assert SECRET not in repr(EnvCredential("X", {"X": SECRET}))


def test_a_file_that_others_can_read_is_warned_of_once(tmp_path):
    source = FileCredential(file_with(tmp_path, mode=0o644))
    with structlog.testing.capture_logs() as logs:
        source.read()
        source.path.write_text("another-value")
        source.read()
    assert [(log["log_level"], log["mode"]) for log in logs] == [("warning", "0o644")]
    assert SECRET not in str(logs)
    with structlog.testing.capture_logs() as logs:
        FileCredential(file_with(tmp_path)).read()
    assert logs == []


def test_what_conceals_a_credential_is_made_once_per_value(tmp_path):
    made = credential(file=file_with(tmp_path))
    first = made.present()
    assert made.present() is first
    made.source.path.write_text("another-value")
    assert made.present().redact_credential(b"s3cret-value another-value") == b"s3cret-value [CREDENTIAL]"
