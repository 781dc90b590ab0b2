"""The page says what the schema says."""

from pathlib import Path

from extproc.config.reference import render_reference
from extproc.config.schema import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_page_is_what_the_schema_renders_to():
    """After a change of the schema: write ``render_reference()`` to the page."""
    assert PAGE.read_text() == render_reference()


def test_every_key_is_explained():
    schema = Settings.model_json_schema()
    silent = [
        f"{name}.{key}"
        for name, definition in [("Settings", schema), *schema["$defs"].items()]
        for key, value in definition.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]
    assert silent == []
