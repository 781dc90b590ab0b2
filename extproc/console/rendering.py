"""Rendering of pages: templates with automatic escaping, and static files under names that change with them.

Every value that a template prints is escaped and printable, whatever its author forgot: see ``_finalize``. The
filter ``visible`` marks hidden characters, and ``visible_lines`` keeps line ends; both are for text, not for
attributes.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from extproc.console.printable import printable
from extproc.console.visible_text import visible, visible_lines

PACKAGE = "extproc.console.pages"
MEDIA_TYPES = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The static files."""
NAME_LENGTH = 16
"""Characters of a static file's digest in its address."""


@cache
def static_file(name: str) -> bytes:
    """Return a static file. Raises ``KeyError`` for a name that is not one."""
    MEDIA_TYPES[name]
    return (files(PACKAGE) / "static" / name).read_bytes()


@cache
def static_address(name: str) -> str:
    """Return the address of a static file, which names its content: browsers may keep it for good."""
    return f"/static/{hashlib.sha256(static_file(name)).hexdigest()[:NAME_LENGTH]}/{name}"


def render(template: str, values: Mapping[str, Any]) -> str:
    """Render a template. A value that is missing is an error."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"visible": visible, "visible_lines": visible_lines}
    made.globals["static"] = static_address
    return made


def _finalize(value: Any) -> Any:
    """Make a value printable before it is escaped. HTML that a template made is left as it is."""
    return value if isinstance(value, Markup) else printable(str(value))
