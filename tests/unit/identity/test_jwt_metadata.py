"""Envoy's word is checked a second time."""

import pytest

from extproc.identity.jwt_metadata import LEEWAY_S, NAMESPACE, identify
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.settings.identity import Provider

NOW = 1_800_000_000.0
ISSUER = "https://login.test"
PROVIDERS = {
    "corp": Provider.model_validate({"issuer": ISSUER, "audiences": ["tools", "more"], "jwks_url": "https://x"}),
    "partner": Provider.model_validate(
        {"issuer": "https://p.test", "audiences": ["p"], "jwks_url": "https://p", "claims": {"groups": "roles"}}
    ),
}
CLAIMS = {"iss": ISSUER, "sub": "ada", "aud": "tools", "exp": NOW + 60}


def caller(**changes):
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    return identify({NAMESPACE: {"claims": claims}}, PROVIDERS, now_s=NOW)


def refused(**changes):
    with pytest.raises(Refused) as caught:
        caller(**changes)
    return caught.value.reason


def test_the_claims_say_who_calls():
    found = caller(groups=["sre", "dev"], act={"sub": "agent-7", "act": {"sub": "agent-1"}})
    assert found == Identity(ISSUER, "ada", ("sre", "dev"), "agent-7")


def test_an_actor_of_another_issuer_is_named_by_that_issuer():
    """RFC 8693 section 4.1: ``iss`` and ``sub`` together say who acts. That account must not decide on the call."""
    assert caller(act={"sub": "agent-7"}).actor_name == f"{ISSUER}|agent-7"
    assert caller(act={"sub": "agent-7", "iss": ISSUER}) == caller(act={"sub": "agent-7"})
    assert caller(act={"sub": "agent-7", "iss": "https://p.test"}).actor_name == "https://p.test|agent-7"
    assert caller().actor_name == ""
    assert refused(act={"sub": "agent-7", "iss": 7}) is Reason.TOKEN_REJECTED


def test_groups_and_actor_may_be_absent():
    assert caller() == Identity(ISSUER, "ada")


def test_each_provider_has_its_own_audiences_and_groups_claim():
    found = caller(iss="https://p.test", aud=["x", "p"], roles="admins", groups=["ignored"])
    assert found == Identity("https://p.test", "ada", ("admins",))
    assert refused(iss="https://p.test", aud="tools") is Reason.TOKEN_REJECTED


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {NAMESPACE: {}},
        {"guard": {"claims": CLAIMS}},
        {"envoy.lb": {"claims": CLAIMS}},
        {"envoy.filters.http.header_to_metadata": {"claims": CLAIMS}},
    ],
)
def test_without_a_verified_token_nobody_calls(metadata):
    """Claims in another namespace are none: some filters write header fields of the caller there."""
    assert identify(metadata, PROVIDERS, now_s=NOW) is None


@pytest.mark.parametrize(
    "payloads", [{"claims": None}, {"claims": "x"}, CLAIMS, {"other": CLAIMS}, {"Claims": CLAIMS}]
)
def test_claims_under_another_key_or_of_another_form_are_refused(payloads):
    """Not taken for nobody's call: a token was there, and the settings name the wrong key."""
    with pytest.raises(Refused) as caught:
        identify({NAMESPACE: payloads}, PROVIDERS, now_s=NOW)
    assert (caught.value.reason, caught.value.rule) == (Reason.UNAUTHENTICATED, "jwt.metadata_key")


PARTNER = {"iss": "https://p.test", "sub": "bo", "aud": "p", "exp": NOW + 60}


def meshed(**payloads):
    keys = {"corp": "payload", "partner": "acme"}
    providers = {name: each.model_copy(update={"metadata_key": keys[name]}) for name, each in PROVIDERS.items()}
    return identify({NAMESPACE: payloads}, providers, now_s=NOW)


def test_each_provider_has_its_own_metadata_key():
    assert meshed(payload=CLAIMS).subject == "ada"
    assert meshed(acme=PARTNER).subject == "bo"


@pytest.mark.parametrize(
    "payloads",
    [
        {"acme": CLAIMS},
        {"payload": PARTNER},
        {"claims": CLAIMS},
        {"payload": CLAIMS, "acme": PARTNER},
        {"payload": CLAIMS, "acme": CLAIMS},
        {"payload": {"payload": CLAIMS}},
        {"payload": {"code": 1.0, "message": "Jwt is expired"}},
    ],
)
def test_claims_under_another_providers_key_are_refused(payloads):
    with pytest.raises(Refused):
        meshed(**payloads)


@pytest.mark.parametrize("issuer", [..., "", None, ISSUER + "/", ISSUER.upper(), [ISSUER], 1.0])
def test_an_unknown_issuer_is_refused(issuer):
    assert refused(iss=issuer) is Reason.TOKEN_REJECTED


def test_an_issuer_of_two_providers_is_nobodys():
    with pytest.raises(Refused):
        identify({NAMESPACE: {"claims": CLAIMS}}, {**PROVIDERS, "twin": PROVIDERS["corp"]}, now_s=NOW)


@pytest.mark.parametrize(
    "audience", [..., "other", "", "Tools", [], ["other"], [["tools"]], {"tools": 1}, 1.0, None]
)
def test_a_token_for_somebody_else_is_refused(audience):
    assert refused(aud=audience) is Reason.TOKEN_REJECTED


@pytest.mark.parametrize("changes", [{"exp": NOW - LEEWAY_S}, {"exp": 0.0}, {"nbf": NOW + LEEWAY_S + 1}])
def test_a_token_out_of_its_time_is_refused(changes):
    assert refused(**changes) is Reason.UNAUTHENTICATED


@pytest.mark.parametrize("changes", [{"exp": NOW - LEEWAY_S + 1}, {"nbf": NOW + LEEWAY_S}, {"nbf": 0.0}])
def test_clocks_may_differ_a_little(changes):
    assert caller(**changes).subject == "ada"


@pytest.mark.parametrize("value", [..., None, "2000000000", True, float("nan"), float("inf"), []])
def test_a_token_that_never_ends_is_refused(value):
    assert refused(exp=value) is Reason.TOKEN_REJECTED


@pytest.mark.parametrize("value", [None, "0", False, float("nan")])
def test_an_unclear_beginning_is_refused(value):
    assert refused(nbf=value) is Reason.TOKEN_REJECTED


NAMELESS = [None, "", 1.0, ["ada"], "a" * 257, "ada\n", "a\x00", "a\x7f", "a\u2028b", "\ud800"]


@pytest.mark.parametrize("name", [..., *NAMELESS])
def test_a_caller_without_a_clear_name_is_refused(name):
    assert refused(sub=name) is Reason.TOKEN_REJECTED


@pytest.mark.parametrize("groups", [1.0, {"sre": True}, ["sre", 1.0], ["a\n"], ["g"] * 1_001, "", True])
def test_unclear_groups_are_refused(groups):
    assert refused(groups=groups) is Reason.TOKEN_REJECTED


@pytest.mark.parametrize("act", [None, "agent", [], {}, *({"sub": name} for name in NAMELESS)])
def test_an_unclear_actor_is_refused(act):
    """An agent must not pass for the person it acts for."""
    assert refused(act=act) is Reason.TOKEN_REJECTED


def test_a_refusal_repeats_no_claim():
    with pytest.raises(Refused) as caught:
        caller(sub="mallory\n")
    assert "mallory" not in str(caught.value)
