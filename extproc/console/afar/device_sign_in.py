"""Sign-in with a code that is typed into a browser on any device (RFC 8628)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from pydantic import Field

from extproc.console.afar.oauth_client import (
    VERIFIER_BYTES,
    ProviderRefusedError,
    Tokens,
    oauth_client,
    tokens_from,
)
from extproc.console.afar.published_endpoints import SignInPlace, asked
from extproc.console.afar.safe_address import ASK_OPERATOR, origin_of, provider_url
from extproc.console.expected_answers import Expected, expect
from extproc.model.errors import ControlError

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LONGEST_WAIT_S = 1_800
SLOWER_S = 5.0
"""Seconds by which the interval grows each time the provider asks for it (RFC 8628 section 3.5)."""
LONGEST_INTERVAL_S = 60.0


class DeviceAnswer(Expected):
    """RFC 8628 section 3.2."""

    device_code: str = Field(min_length=1, max_length=4_096, repr=False)
    user_code: str = Field(min_length=1, max_length=64)
    verification_uri: str
    verification_uri_complete: str | None = None
    expires_in: float = Field(gt=0, le=86_400)
    interval: float = Field(5, ge=0, le=600)


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person needs, and what the command needs meanwhile."""

    user_code: str
    url: str
    """Where to type the code."""
    complete_url: str
    """The same with the code in it; empty: none was given."""
    expires_in_s: float
    interval_s: float
    device_code: str = field(repr=False)
    verifier: str = field(repr=False)
    """Proves that who redeems the code has asked for it (RFC 7636)."""


def begin(place: SignInPlace, verification_host: str = "") -> DeviceCode:
    """Ask the provider for a code.

    Args:
        place: where to sign in.
        verification_host: a further host on which people may type the code; empty: the issuer's only.

    Raises:
        ControlError: the provider has no device flow, or sends people to an address that is not its own.
    """
    if not place.device_endpoint:
        raise ControlError("the identity provider has no sign-in by code", "Use `extproc login --browser`.")
    verifier = secrets.token_urlsafe(VERIFIER_BYTES)
    # Not in RFC 8628: Keycloak asks for PKCE here, too, from a client that has to use it; others ignore it.
    proof = {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
    form = {"client_id": place.client_id, "scope": place.scope, **proof}
    answer = asked("the identity provider", "POST", place.device_endpoint, data=form)
    if answer.status != httpx.codes.OK:
        raise ControlError(
            f"the identity provider gives this client no code: status {answer.status}",
            "The client needs the device flow, or use `extproc login --browser`.",
        )
    found = expect(DeviceAnswer, answer.document, who="an identity provider")
    return DeviceCode(
        user_code=found.user_code,
        url=_for_people(found.verification_uri, place, verification_host),
        complete_url=_for_people(found.verification_uri_complete, place, verification_host)
        if found.verification_uri_complete
        else "",
        expires_in_s=min(found.expires_in, LONGEST_WAIT_S),
        interval_s=found.interval,
        device_code=found.device_code,
        verifier=verifier,
    )


def wait(
    place: SignInPlace,
    code: DeviceCode,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Tokens:
    """Ask until the person has signed in.

    Args:
        place: where to sign in.
        code: what ``begin`` returned.
        sleep: waits, seconds.
        clock: monotonic seconds.

    Raises:
        ControlError: the person refused, the code has expired, or the provider cannot be asked.
    """
    client, interval, ends = oauth_client(place.client_id), max(code.interval_s, 1.0), clock() + code.expires_in_s
    while clock() < ends:
        sleep(interval)
        try:
            return tokens_from(
                lambda: client.fetch_token(
                    place.token_endpoint,
                    grant_type=GRANT,
                    device_code=code.device_code,
                    code_verifier=code.verifier,
                )
            )
        except ProviderRefusedError as refused:
            if refused.code == "slow_down":
                interval = min(interval + SLOWER_S, LONGEST_INTERVAL_S)
            elif refused.code == "access_denied":
                raise ControlError("the sign-in was refused in the browser", "", refused.reason) from None
            elif refused.code == "expired_token":
                break
            elif refused.code != "authorization_pending":
                raise
    raise ControlError("nobody signed in before the code expired", "Run the command again.", "sign-in-needed")


def _for_people(url: str, place: SignInPlace, verification_host: str) -> str:
    """Return the address if a person may be sent there: another host could ask for the password.

    Raises:
        ControlError: it is none, or of another host.
    """
    checked = provider_url(url, "verification address")
    host = origin_of(checked).host
    if host not in (origin_of(place.issuer).host, verification_host.lower()):
        raise ControlError(
            f"the identity provider sends people to another host: {host}",
            f"If that host is the provider's, add --verification-host {host}. {ASK_OPERATOR}",
        )
    return checked
