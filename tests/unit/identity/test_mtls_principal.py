"""Callers by client certificate: only of trust domains that the operator names."""

import pytest
from pydantic import ValidationError

from extproc.identity.mtls_principal import identify
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.settings.identity import IdentitySettings
from extproc.settings.mtls import MtlsSettings

WEB = "spiffe://cluster.local/ns/shop/sa/web"
MTLS = MtlsSettings(
    trust_domains=["cluster.local", "partners.example.com", "example.com"],
    groups={
        "shop": ["spiffe://cluster.local/ns/shop/*"],
        "web": [WEB],
        "partner": ["a.partners.example.com"],
    },
)


@pytest.mark.parametrize(
    ("principal", "issuer", "groups"),
    [
        (WEB, "cluster.local", ("shop", "web")),
        ("spiffe://cluster.local/ns/shop/sa/web2", "cluster.local", ("shop",)),
        ("spiffe://cluster.local/ns/shopping/sa/web", "cluster.local", ()),
        ("a.partners.example.com", "partners.example.com", ("partner",)),
        ("b.example.com", "example.com", ()),
        ("partners.example.com", "partners.example.com", ()),
    ],
)
def test_the_principal_names_the_caller_and_its_trust_domain_the_issuer(principal, issuer, groups):
    assert identify(principal, MTLS) == Identity(issuer, principal, groups)


@pytest.mark.parametrize(
    "principal",
    [
        "spiffe://evil.test/ns/shop/sa/web",
        "spiffe://cluster.local",
        "spiffe://cluster.local/",
        "spiffe://cluster.local//sa",
        "spiffe://cluster.local.evil.test/ns/shop",
        "spiffe://evil@cluster.local/ns/shop",
        "spiffe://cluster.local:80/ns/shop",
        "spiffe://CLUSTER.LOCAL/ns/shop",
        "SPIFFE://cluster.local/ns/shop",
        "spiffe://cluster.local/ns/shop/%2e%2e",
        "spiffe://cluster.local/ns/shop?x",
        "spiffe://cluster.local/ns/shop\n",
        "https://cluster.local/ns/shop",
        "x.cluster.local/ns",
        "CN=spiffe://cluster.local/ns/shop/sa/web",
        "CN=web,O=example.com",
        "notexample.com",
        "*.example.com",
        ".example.com",
        "example.com.",
        "a..example.com",
        "A.example.com",
        "\u0430.example.com",
        WEB + "x" * 256,
        " ",
    ],
)
def test_a_certificate_of_no_accepted_trust_domain_is_refused(principal):
    """Also one that only has such a name in its subject, which any authority of the listener may write."""
    with pytest.raises(Refused) as caught:
        identify(principal, MTLS)
    assert (caught.value.reason, caught.value.rule) == (Reason.TOKEN_REJECTED, "mtls.trust_domains")
    assert principal.strip() == "" or principal not in str(caught.value)


@pytest.mark.parametrize("path", ["/ns/shop/../admin", "/ns/shop/./sa", "/..", "/ns/shop/.."])
def test_a_path_with_dots_is_no_spiffe_id(path):
    """SPIFFE-ID, section 2.2. It would be in the group of all below ``/ns/shop``."""
    with pytest.raises(Refused):
        identify("spiffe://cluster.local" + path, MTLS)


def test_without_settings_or_certificate_nobody_calls():
    assert identify(WEB, None) is None
    assert identify("", MTLS) is None


@pytest.mark.parametrize(
    "mtls",
    [
        {},
        {"trust_domains": []},
        {"trust_domains": ["*"]},
        {"trust_domains": [""]},
        {"trust_domains": ["a..b"]},
        {"trust_domains": ["spiffe://cluster.local"]},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["spiffe://other.test/ns/a"]}},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["spiffe://cluster.local/ns*"]}},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["spiffe://cluster.local/*/sa/web"]}},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["*"]}},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["/*"]}},
        {"trust_domains": ["cluster.local"], "groups": {"a": ["web"]}},
    ],
)
def test_settings_that_could_fit_nobody_or_anybody_are_refused(mtls):
    with pytest.raises(ValidationError):
        IdentitySettings.model_validate({"mtls": mtls})


def test_somebody_must_be_able_to_call():
    with pytest.raises(ValidationError, match="give providers, mtls, or both"):
        IdentitySettings.model_validate({})


def test_an_issuer_is_no_trust_domain():
    provider = {"issuer": "cluster.local", "audiences": ["a"], "jwks_url": "https://x"}
    with pytest.raises(ValidationError, match="two callers could have one name"):
        IdentitySettings.model_validate(
            {"providers": {"a": provider}, "mtls": {"trust_domains": ["cluster.local"]}}
        )
