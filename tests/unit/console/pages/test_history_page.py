"""The history is filtered as the visitor typed it."""

from extproc.console.pages.history_page import Wanted
from tests.unit.console.pages.page_samples import ISSUER


def test_a_subject_alone_is_of_the_visitors_issuer():
    assert Wanted(caller="maya").requester(ISSUER) == f"{ISSUER}|maya"
    assert Wanted(caller="https://other|maya").requester(ISSUER) == "https://other|maya"
    assert Wanted().requester(ISSUER) == ""


def test_where_a_subject_alone_finds_nothing_the_whole_form_is_said():
    assert "issuer|subject" in Wanted(caller="maya").nothing
    assert Wanted(caller="https://other|maya").nothing == Wanted().nothing == "No such request"
