"""Reads the caller's identity from the claims that Envoy's jwt_authn filter has verified.

Envoy puts them into dynamic metadata, under the key that the provider's settings name.

The signature is not checked here: Envoy does that, with ``forward: false`` and ``payload_in_metadata``, and only
Envoy's filter can write this namespace. No other one is read: filters write header fields of callers into some.
Issuer, audience, times and subject are checked a second time, so that an Envoy with a loose configuration (one
that accepts a token without ``exp``, for example) lets nobody in.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeGuard

from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.settings.identity import Provider

NAMESPACE = "envoy.filters.http.jwt_authn"
LEEWAY_S = 30.0
"""Seconds by which clocks may differ; the rendered Envoy configuration allows the same difference."""
MAX_NAME = 256
"""Characters of a subject, actor or group."""
MAX_GROUPS = 1_000
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def identify(
    metadata: Mapping[str, Mapping[str, Any]], providers: Mapping[str, Provider], *, now_s: float
) -> Identity | None:
    """Read the caller's identity.

    Args:
        metadata: dynamic metadata by filter namespace, as plain values; numbers are doubles.
        providers: the accepted issuers.
        now_s: wall-clock seconds since the Unix epoch.

    Returns:
        The identity; None if Envoy has verified no token.

    Raises:
        Refused: ``unauthenticated`` if the token is expired or not valid yet, or under no provider's key;
            ``token-rejected`` if it is not meant for this service, or does not name the caller clearly.
    """
    payloads = metadata.get(NAMESPACE)
    if not payloads:
        return None
    keys = {each.metadata_key for each in providers.values()} & payloads.keys()
    if len(keys) > 1:
        raise _rejected("iss", "verified tokens under several metadata keys")
    key = next(iter(keys), None)
    claims = payloads[key] if key is not None else None
    if not isinstance(claims, Mapping):
        detail = "no claims under the metadata_key of a provider"
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt.metadata_key", detail=detail)
    return identify_by_claims(
        claims, {name: each for name, each in providers.items() if each.metadata_key == key}, now_s=now_s
    )


def expiry(metadata: Mapping[str, Mapping[str, Any]], providers: Mapping[str, Provider]) -> float | None:
    """Return when the caller's token expires, in seconds since the Unix epoch; None if there is no token.

    Args:
        metadata: of a request that ``identify`` accepted.
        providers: as for ``identify``.
    """
    payloads = metadata.get(NAMESPACE, {})
    found = [payloads[each.metadata_key] for each in providers.values() if each.metadata_key in payloads]
    times = [each.get("exp") for each in found if isinstance(each, Mapping)]
    return min((each for each in times if _is_time(each)), default=None)


def identify_by_claims(claims: Mapping[str, Any], providers: Mapping[str, Provider], *, now_s: float) -> Identity:
    """Read the caller's identity from the claims of a verified token.

    Args:
        claims: the token's payload; numbers are doubles.
        providers: the issuers whose tokens may have these claims.
        now_s: wall-clock seconds since the Unix epoch.

    Raises:
        Refused: see ``identify``.

    Sources: RFC 7519 section 4.1, RFC 8693 section 4.1.
    """
    provider = _provider(claims, providers)
    _check_times(claims, now_s)
    _check_audience(claims, provider)
    return Identity(
        issuer=provider.issuer,
        subject=_name(claims.get("sub"), "sub"),
        groups=_groups(claims.get(provider.claims.groups)),
        actor=_actor(claims),
        actor_issuer=_actor_issuer(claims),
        person=_person(claims, provider.claims.person),
    )


def _rejected(claim: str, detail: str) -> Refused:
    return Refused(Reason.TOKEN_REJECTED, rule=f"jwt.{claim}", detail=detail)


def _provider(claims: Mapping[str, Any], providers: Mapping[str, Provider]) -> Provider:
    """Return the token's provider. With several for one issuer, it is unclear whose audiences count."""
    issuer = claims.get("iss")
    matching = [provider for provider in providers.values() if provider.issuer == issuer]
    if len(matching) != 1:
        raise _rejected("iss", "not the issuer of exactly one provider")
    return matching[0]


def _check_times(claims: Mapping[str, Any], now_s: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0.0)
    if not _is_time(expires) or not _is_time(begins):
        raise _rejected("exp", "exp is missing, or exp or nbf is not a number")
    if now_s >= expires + LEEWAY_S or now_s < begins - LEEWAY_S:
        raise Refused(Reason.UNAUTHENTICATED, rule="jwt.exp", detail="expired or not yet valid")


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _person(claims: Mapping[str, Any], claim: str | None) -> str:
    """Return the person's name in one form: accounts whose names differ by letter case alone are joined.

    An address that the issuer says is not verified names nobody.
    """
    value = claims.get(claim) if claim else None
    unverified = claim == "email" and claims.get("email_verified", True) is not True
    if not isinstance(value, str) or unverified or len(value) > MAX_NAME or UNPRINTABLE.search(value):
        return ""
    return normalized_person(value)


def normalized_person(value: str) -> str:
    """Return a person's name in the form in which ``Identity.person`` has it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold()).strip()


def _check_audience(claims: Mapping[str, Any], provider: Provider) -> None:
    audience = claims.get("aud")
    given = [audience] if isinstance(audience, str) else audience
    if not isinstance(given, list) or not any(each in provider.audiences for each in given):
        raise _rejected("aud", "not meant for an accepted audience")


def _name(value: object, claim: str) -> str:
    """Return a claim that is a name: text that looks the same to every reader and in every log."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or UNPRINTABLE.search(value):
        raise _rejected(claim, f"missing, not text, longer than {MAX_NAME} characters or unprintable")
    return value


def _groups(value: object) -> tuple[str, ...]:
    """Return the groups: of a list of names, or of one name; none if the claim is missing."""
    if value is None:
        return ()
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or len(given) > MAX_GROUPS:
        raise _rejected("groups", "not a list of names")
    return tuple(_name(each, "groups") for each in given)


def _actor(claims: Mapping[str, Any]) -> str:
    """Return the current actor: the outermost of nested ``act`` claims (RFC 8693 section 4.1)."""
    if "act" not in claims:
        return ""
    act = claims["act"]
    if not isinstance(act, Mapping):
        raise _rejected("act", "not an object")
    return _name(act.get("sub"), "act.sub")


def _actor_issuer(claims: Mapping[str, Any]) -> str:
    """Return who names the actor, where that is not the token's issuer: together they say who it is (RFC 8693)."""
    act = claims.get("act")
    issuer = act.get("iss") if isinstance(act, Mapping) else None
    return "" if issuer is None or issuer == claims["iss"] else _name(issuer, "act.iss")
