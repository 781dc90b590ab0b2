"""The session at a console: renewed in time, ended when its provider says so, and never sent elsewhere."""

import threading
import time

import pytest

from extproc.console.afar.oauth_client import Tokens
from extproc.console.afar.published_endpoints import find_sign_in
from extproc.console.afar.remote_session import RemoteSession
from extproc.console.afar.safe_address import console_origin
from extproc.console.afar.session_file import SessionFile
from extproc.model.errors import ControlError
from tests.unit.console.afar.provider import Reply, provider, tokens

pytestmark = pytest.mark.slow


@pytest.fixture
def idp():
    with provider() as fake:
        fake.works()
        yield fake


@pytest.fixture
def file(tmp_path):
    return SessionFile(tmp_path / "extproc")


@pytest.fixture
def session(idp, file):
    """A session whose access token has just ended."""
    made = RemoteSession(console_origin(idp.url), file)
    made.keep(find_sign_in(made.server), Tokens("access-canary-old", "refresh-canary-old", time.time()))
    idp.asked.clear()
    return made


def test_a_token_that_lasts_is_used_as_it_is(idp, session, file):
    session.keep(
        find_sign_in(session.server), Tokens("access-canary-new", "refresh-canary-old", time.time() + 300)
    )
    idp.asked.clear()
    assert session.bearer() == "access-canary-new"
    assert idp.asked == []


def test_a_token_that_ends_is_renewed_and_the_new_ones_are_kept(idp, session):
    assert session.bearer() == "access-canary-first"
    (asked,) = idp.asked
    assert asked.form["grant_type"] == "refresh_token"
    assert (asked.form["refresh_token"], asked.form["client_id"]) == ("refresh-canary-old", "cli")
    assert session.stored().refresh_token == "refresh-canary-first"
    assert session.bearer() == "access-canary-first"
    assert len(idp.asked) == 1


def test_a_provider_that_gives_no_new_refresh_token_means_the_old_one(idp, session):
    idp.answers["/token"] = Reply(tokens("first", refresh_token=None))
    session.bearer()
    assert session.stored().refresh_token == "refresh-canary-old"


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unauthorized_client"])
def test_a_session_that_the_provider_has_ended_is_forgotten(idp, session, error):
    idp.answers["/token"] = Reply({"error": error}, 400)
    with pytest.raises(ControlError, match="the session has ended") as caught:
        session.bearer()
    assert caught.value.reason == "sign-in-needed"
    assert "extproc login --server" in caught.value.hint
    assert session.stored() is None


@pytest.mark.parametrize("reply", [Reply({}, 500), Reply({}, 503), Reply(raw=b"<html>"), Reply({}, 302)])
def test_a_provider_in_trouble_ends_no_session(idp, session, reply):
    idp.answers["/token"] = reply
    with pytest.raises(ControlError) as caught:
        session.bearer()
    assert "canary" not in str(caught.value)
    assert session.stored().refresh_token == "refresh-canary-old"


def test_without_a_refresh_token_the_person_signs_in_again(idp, session):
    session.keep(find_sign_in(session.server), Tokens("access-canary-old", "", time.time()))
    with pytest.raises(ControlError, match="the session has ended"):
        session.bearer()


def test_nobody_is_signed_in_at_another_console(idp, session, file):
    """Also not at another port or by another name of this machine."""
    for url in ("https://approve.example.com", "http://127.0.0.1:1", idp.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(ControlError, match="nobody is signed in"):
            RemoteSession(console_origin(url), file).bearer()
    assert idp.asked == []


def test_two_consoles_have_a_session_each(idp, session, file):
    with provider() as second_idp:
        second_idp.works()
        second = RemoteSession(console_origin(second_idp.url), file)
        second.keep(find_sign_in(second.server), Tokens("access-canary-2", "refresh-canary-2", time.time() + 300))
        assert second.bearer() == "access-canary-2"
        assert session.bearer() == "access-canary-first"
        assert second.end() == (True, True)
        assert session.stored() is not None
        assert not any("canary-old" in str(each.form) for each in second_idp.asked)
        assert not any("canary-2" in str(each.form) for each in idp.asked)


def test_two_commands_renew_a_session_once(idp, session, file):
    """Providers that change the refresh token would end the session of the second one."""

    def slowly(asked):
        time.sleep(0.2)
        good = asked.form["refresh_token"] == "refresh-canary-old"
        return Reply(tokens("first")) if good else Reply({"error": "invalid_grant"}, 400)

    idp.answers["/token"] = slowly
    found = []
    commands = [
        threading.Thread(target=lambda: found.append(RemoteSession(session.server, file).bearer()))
        for _ in range(3)
    ]
    for each in commands:
        each.start()
    for each in commands:
        each.join()
    assert found == ["access-canary-first"] * 3
    assert idp.paths().count("/token") == 1


def test_signing_out_revokes_the_refresh_token(idp, session):
    assert session.end() == (True, True)
    (asked,) = idp.asked
    assert (asked.path, asked.form["token"]) == ("/revoke", "refresh-canary-old")
    assert asked.form["token_type_hint"] == "refresh_token"
    assert session.stored() is None
    assert session.end() == (False, False)


def test_signing_out_works_without_the_provider(idp, session):
    idp.answers["/revoke"] = Reply({}, 503)
    assert session.end() == (True, False)
    assert session.stored() is None


def test_the_clock_is_the_one_that_is_given(idp, file):
    """A clock that went back keeps a token for longer, and the console refuses it."""
    now = [1_000.0]
    session = RemoteSession(console_origin(idp.url), file, lambda: now[0])
    session.keep(find_sign_in(session.server), Tokens("access-canary-old", "refresh-canary-old", 1_100.0))
    assert session.bearer() == "access-canary-old"
    now[0] = 1_081.0
    assert session.bearer() == "access-canary-first"
