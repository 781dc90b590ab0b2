"""A page's origin, as its browser tells it: one that is listed passes, every other reading does not."""

from types import SimpleNamespace

import pytest

from extproc.flow.request.origin import check_origin
from extproc.model.call import Headers
from extproc.model.errors import Refused
from extproc.settings.cors import BrowserRules

APP = b"https://app.test"


def check(rules, *origins):
    connection = SimpleNamespace(settings=SimpleNamespace(browser_rules=rules))
    check_origin(Headers(tuple(("origin", each) for each in origins)), connection)


@pytest.mark.parametrize("rules", [None, BrowserRules(()), BrowserRules((APP.decode(),))])
def test_a_client_that_is_no_browser_sends_none(rules):
    check(rules)


def test_a_listed_origin_passes():
    check(BrowserRules(("https://other.test", APP.decode())), APP)


@pytest.mark.parametrize(
    "origins",
    [(b"https://evil.test",), (b"",), (b"null",), (b"*",), (APP, APP), (APP, b"https://evil.test"), (APP + b" ",),
     (APP + b":443",), (APP + b"/",), (APP.upper(),), (b"\xff",)],
)  # fmt: skip
@pytest.mark.parametrize("rules", [BrowserRules(()), BrowserRules((APP.decode(),))])
def test_all_others_are_refused(rules, origins):
    with pytest.raises(Refused) as caught:
        check(rules, *origins)
    assert (caught.value.reason, caught.value.rule) == ("origin-refused", "cors.origins")


def test_a_connection_that_does_not_look_lets_all_pass():
    check(None, b"https://evil.test")
