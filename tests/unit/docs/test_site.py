"""The site's navigation and its first page lead to every page, and pages name files that exist."""

import posixpath
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
CLICKS = 2
AT_THE_ROOT = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
PATH = re.compile(r"(?<![\w/.])((?:extproc|tests|docs|benchmarks|deploy|policy/rego|envoy|locks|\.ci)/[\w./-]*\w)")


def navigation():
    def files(entry):
        match entry:
            case str():
                yield entry
            case list():
                for each in entry:
                    yield from files(each)
            case dict():
                yield from files(list(entry.values()))

    return list(files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))


def links(page):
    """The pages that a page links to."""
    folder = posixpath.dirname(page)
    targets = (
        posixpath.normpath(posixpath.join(folder, link)) for link in LINK.findall((DOCS / page).read_text())
    )
    return {target for target in targets if target in PAGES}


def test_every_page_is_in_the_navigation_once():
    assert sorted(navigation()) == PAGES


def test_the_first_page_reaches_every_page_in_two_clicks():
    reached = {"index.md"}
    for _ in range(CLICKS):
        reached |= {target for page in reached for target in links(page)}
    assert sorted(reached) == PAGES


@pytest.mark.parametrize("page", [*AT_THE_ROOT, *(f"docs/{page}" for page in PAGES)])
def test_a_path_that_a_page_names_exists(page):
    """Unless the page shows the file, which its reader is to write."""
    text = re.sub(r"https?://\S+", "", (ROOT / page).read_text())
    shown = re.findall(r"^```python\n# (\S+\.py)$", text, re.MULTILINE)
    named = {match.rstrip("./") for match in PATH.findall(text)}
    unknown = {path for path in named if not exists(path)}
    assert sorted(path for path in unknown if not any(file.startswith(path) for file in shown)) == []


@pytest.mark.parametrize("page", AT_THE_ROOT)
def test_a_link_of_a_page_outside_the_site_leads_to_a_file(page):
    for link in LINK.findall((ROOT / page).read_text()):
        assert "://" in link or (ROOT / link).exists(), link


def exists(path):
    """Whether there is such a file or folder; a decision record may be named by its number alone."""
    return (ROOT / path).exists() or (path.startswith("docs/adr/") and any(ROOT.glob(f"{path}-*.md")))
