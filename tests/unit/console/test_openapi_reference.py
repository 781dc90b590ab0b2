"""The copy of the API's description in the documentation."""

from pathlib import Path

from extproc.console.openapi_reference import render_reference

PAGE = Path(__file__).parents[3] / "docs/reference/openapi.json"


def test_the_copy_is_what_the_api_says_of_itself():
    """After a change of the API: ``make reference``."""
    assert PAGE.read_text() == render_reference()
