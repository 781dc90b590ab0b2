"""Where to sign in: the console names its identity provider, which names its endpoints."""

from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import Field

from extproc.console.afar.safe_address import ASK_OPERATOR, Origin, origin_of, provider_url
from extproc.console.bounded_answer import Answer, TooSlowError, UnreadableAnswerError, ask
from extproc.console.expected_answers import Expected, expect
from extproc.model.errors import ControlError

WITHIN_S = 20.0
"""Seconds for one answer."""
LARGEST = 256 << 10
"""Bytes of one answer."""
ABOUT = "/.well-known/extproc"
DISCOVERY = "/.well-known/openid-configuration"
"""OpenID Connect Discovery section 4."""


class AboutConsole(Expected):
    """What the console publishes for the command line: docs/reference/api.md."""

    issuer: str = Field(max_length=2_048)
    client_id: str = Field(min_length=1, max_length=256)
    scopes: list[str] = Field([], max_length=50)
    server: str | None = Field(None, max_length=2_048)


@dataclass(frozen=True, slots=True)
class SignInPlace:
    """Where and as which client the command line signs a person in."""

    issuer: str
    client_id: str
    scope: str
    token_endpoint: str
    device_endpoint: str
    """Empty: the provider does not have the device flow."""
    authorization_endpoint: str
    """Empty: the provider has no browser sign-in."""
    revocation_endpoint: str
    """Empty: tokens cannot be revoked there."""
    names_issuer: bool
    """True: the provider puts ``iss`` into its answers to browsers (RFC 9207)."""


def find_sign_in(server: Origin, expected_issuer: str = "") -> SignInPlace:
    """Ask the console and its identity provider. No token is sent.

    Args:
        server: the console.
        expected_issuer: the only issuer to accept; empty: the one that the console names.

    Raises:
        ControlError: one of them does not answer as it should, or names an address that is not safe.
    """
    about = expect(AboutConsole, _fetch(f"{server}{ABOUT}", f"the console {server}"), who=f"the console {server}")
    if about.server and str(origin_of(provider_url(about.server, "console"))) != str(server):
        raise ControlError(f"the console says that its address is {about.server}", f"Use --server {about.server}")
    issuer = provider_url(about.issuer, "issuer")
    if expected_issuer and issuer != expected_issuer:
        raise ControlError(
            f"the console names the identity provider {issuer}, not {expected_issuer}",
            "If that is right, run `extproc logout` first, or name it with --issuer.",
        )
    return _discover(issuer, about)


def _discover(issuer: str, about: AboutConsole) -> SignInPlace:
    found = _fetch(f"{issuer.rstrip('/')}{DISCOVERY}", f"the identity provider {issuer}")
    # Discovery section 4.3: exactly the issuer that was asked.
    if found.get("issuer") != issuer:
        raise ControlError(f"the identity provider {issuer} says that it is another one", ASK_OPERATOR)

    def endpoint(name: str) -> str:
        return "" if found.get(name) is None else provider_url(found[name], name)

    return SignInPlace(
        issuer=issuer,
        client_id=about.client_id,
        scope=" ".join(dict.fromkeys(("openid", *about.scopes))),
        token_endpoint=provider_url(found.get("token_endpoint"), "token_endpoint"),
        device_endpoint=endpoint("device_authorization_endpoint"),
        authorization_endpoint=endpoint("authorization_endpoint"),
        revocation_endpoint=endpoint("revocation_endpoint"),
        names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _fetch(url: str, who: str) -> dict[str, Any]:
    answer = asked(who, "GET", url)
    if answer.status == httpx.codes.NOT_FOUND and url.endswith(ABOUT):
        raise ControlError(f"{who} has no sign-in for the command line", ASK_OPERATOR)
    if answer.status != httpx.codes.OK or not isinstance(answer.document, dict):
        raise ControlError(f"{who} does not say how to sign in: status {answer.status} for {url}", ASK_OPERATOR)
    return answer.document


def asked(who: str, method: str, url: str, **content: Any) -> Answer:
    """Send one request, with errors in words.

    Args:
        who: the server's name in errors.
        method: of HTTP.
        url: checked before.
        content: see ``ask``.

    Raises:
        ControlError: no usable answer. Holds nothing of the request or the answer.
    """
    try:
        return ask(method, url, within_s=WITHIN_S, most=LARGEST, **content)
    except TooSlowError:
        raise ControlError(f"{who} did not answer within {WITHIN_S:.0f} s") from None
    except UnreadableAnswerError:
        raise ControlError(f"{who} gave an answer that is no JSON, or too long", ASK_OPERATOR) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise no_answer(who, error) from None


def no_answer(who: str, error: Exception) -> ControlError:
    """Return the error of a server that cannot be reached. A wrong certificate is named as such."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        hint = "Check its address. For an authority of your own, set SSL_CERT_FILE to its certificate."
        return ControlError(f"{who} has no certificate that this machine trusts", hint)
    return ControlError(f"{who} cannot be reached", "Check its address, the network, and HTTPS_PROXY.")
