"""MkDocs hook: let pages link to files of the repository that are outside ``docs/``.

A page links to such a file by its relative path, ``../../envoy/full-guard.yaml``, as the repository needs it.
The site takes a copy of the file, as text, and the link leads to the copy. A link to a missing file fails the
build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)(\))")
"""A Markdown link that climbs to a parent folder, without an anchor."""
FOLDER = "repository"
"""The folder of the site that holds the copies."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with each link that leaves ``docs/`` turned to a copy inside the site."""
    root = Path(config.docs_dir).parent
    here = posixpath.dirname(page.file.src_uri)

    def inside(match: re.Match[str]) -> str:
        """Return the link as it is, or one to the copy."""
        named = posixpath.normpath(posixpath.join("docs", here, match[2]))
        if named.startswith("docs/") or not (root / named).is_file():
            return match[0]
        copy = f"{FOLDER}/{named}.txt"
        if files.get_file_from_path(copy) is None:
            files.append(File.generated(config, copy, abs_src_path=str(root / named)))
        return f"{match[1]}{posixpath.relpath(copy, here or '.')}{match[3]}"

    return LINK.sub(inside, markdown)
