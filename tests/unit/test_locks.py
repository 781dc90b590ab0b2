"""The locks hold every file to its hash, name no host, and cover what the project says it needs."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = (ROOT / "locks/build.in").read_text().splitlines()
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {
    "core": PROJECT["project"]["dependencies"],
    "embedded": PROJECT["project"]["dependencies"] + EXTRAS["embedded"],
    "presidio": PROJECT["project"]["dependencies"] + EXTRAS["presidio"],
    "dev": PROJECT["project"]["dependencies"] + EXTRAS["embedded"] + EXTRAS["presidio"] + EXTRAS["dev"],
}
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def text_of(lock):
    return (ROOT / f"locks/{lock}.txt").read_text()


def entries(lock):
    """One string per locked requirement: continuation lines joined."""
    joined = text_of(lock).replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip()]


def pinned(lock):
    """Name to the versions locked for it (several where platforms differ)."""
    found = {}
    for entry in entries(lock):
        requirement = Requirement(HASH.sub("", entry).strip())
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("lock", WANTED)
def test_every_line_is_one_version_with_hashes(lock):
    for entry in entries(lock):
        assert re.match(r"[A-Za-z0-9._-]+==[^\s=]+ ", entry), entry
        assert HASH.search(entry), entry


@pytest.mark.parametrize("lock", WANTED)
def test_no_host_and_no_option_is_named(lock):
    assert "://" not in text_of(lock)
    assert not [entry for entry in entries(lock) if entry.startswith(("-", "#"))]


@pytest.mark.parametrize("lock", WANTED)
def test_each_dependency_of_the_project_is_locked_at_an_accepted_version(lock):
    locked = pinned(lock)
    for line in WANTED[lock] + [line for line in BUILD if line and not line.startswith("#")]:
        requirement = Requirement(line)
        found = locked.get(canonicalize_name(requirement.name))
        assert found, f"{line} is not in locks/{lock}.txt: run make lock"
        for lockline in found:
            version = str(lockline.specifier).removeprefix("==")
            assert requirement.specifier.contains(version, prereleases=True), f"{line} against {lockline}"


@pytest.mark.parametrize(
    ("smaller", "larger"), [("core", "embedded"), ("embedded", "dev"), ("core", "presidio"), ("presidio", "dev")]
)
def test_a_larger_lock_has_each_line_of_a_smaller_one(smaller, larger):
    """The same version and hashes, for at least the same platforms: a larger lock may leave a marker out."""
    there = set(entries(larger))
    for entry in entries(smaller):
        without_marker = re.sub(r" ;.*?(?= +--hash)", "", entry)
        assert {entry, without_marker} & there, entry
