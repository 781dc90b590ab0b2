"""Verification of bearer tokens for the API. Nothing in front of the control process does it."""

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import jwt

from extproc.config.schema import Settings
from extproc.console.jwks import Jwk, Keys, fetch_file, fetch_url
from extproc.identity.jwt_metadata import identify_by_claims
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.ids import Clock
from extproc.model.reasons import Reason
from extproc.model.units import NANOSECONDS_PER_SECOND
from extproc.settings.identity import Provider

ALGORITHMS: dict[str, tuple[str, ...]] = {
    "RSA": ("RS256", "PS256"),
    "EC": ("ES256",),
    "OKP": ("EdDSA",),
}
"""Accepted algorithms by key type (RFC 7518 section 6.1, RFC 8037). All others are refused, above all ``none`` and
those with shared secrets."""
MAX_TOKEN = 16_384
"""Characters of a token."""
RSA_BITS = 2_048
"""The least number of bits of an RSA modulus (RFC 7518 section 3.3)."""


class Authenticator:
    """Verifies tokens of the given providers. Safe to use from any thread."""

    def __init__(self, providers: Mapping[str, Provider], clock: Clock) -> None:
        self._providers = providers
        self._clock = clock
        self._keys = {name: Keys(name, _fetch(provider), clock) for name, provider in providers.items()}

    def identify(self, token: str) -> Identity:
        """Verify signature, issuer, audience and times, and return the identity.

        Args:
            token: a JWT in compact form (RFC 7519).

        Raises:
            Refused: ``unauthenticated`` or ``token-rejected``. The error contains nothing of the token.

        Source: RFC 8725 section 3 (algorithms by key, not by token; exact issuer; audience).
        """
        return self.verify(token)[0]

    def verify(self, token: str) -> tuple[Identity, Mapping[str, Any]]:
        """Do as ``identify`` does, and return the token's claims, too. Numbers among them are doubles."""
        claims = self.signed_claims(token)
        now_s = self._clock() / NANOSECONDS_PER_SECOND
        return identify_by_claims(claims, self._providers, now_s=now_s), claims

    def signed_claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims that a key of their issuer has signed. Their meaning and times are not checked.

        Raises:
            Refused: ``unauthenticated`` or ``token-rejected``.
        """
        payload = self._verified(token)
        try:
            # Read numbers as Envoy's metadata has them: an integer of any length becomes a double, or infinite.
            claims = json.loads(payload, parse_int=float)
        except (ValueError, RecursionError):
            raise _refused("claims are not JSON") from None
        if not isinstance(claims, dict):
            raise _refused("claims are not an object")
        return claims

    def _verified(self, token: str) -> bytes:
        """Return the payload, if a key of its issuer has signed it."""
        try:
            header, issuer = _unverified(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise _refused("not a token") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if (
            not isinstance(algorithm, str)
            or not isinstance(kid, str | None)
            or "crit" in header
            or "b64" in header
        ):
            raise _refused("header")  # RFC 7515 section 4.1.11: unknown extensions must be refused
        name = next((name for name, each in self._providers.items() if each.issuer == issuer), None)
        if name is None:
            raise Refused(
                Reason.TOKEN_REJECTED, rule="jwt.iss", detail="not the issuer of a provider of approvers"
            )
        for key in self._keys[name].matching(kid):
            payload = _check(token, key, algorithm)
            if payload is not None:
                return payload
        raise _refused("no key of the issuer has signed it")


def make_authenticator(settings: Settings, clock: Clock) -> Authenticator:
    """Make an authenticator for the providers of approvers: those in the settings, or all."""
    providers, wanted = settings.identity.providers, settings.control.approver_providers
    return Authenticator({name: each for name, each in providers.items() if not wanted or name in wanted}, clock)


def _fetch(provider: Provider) -> partial[bytes]:
    if provider.jwks_file is not None:
        return partial(fetch_file, provider.jwks_file)
    return partial(fetch_url, str(provider.jwks_url))


def _refused(detail: str) -> Refused:
    return Refused(Reason.UNAUTHENTICATED, rule="jwt", detail=detail)


def _unverified(token: str) -> tuple[dict[str, object], object]:
    """Read the header and the issuer, which select the key. Nothing else of an unverified token is read."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise ValueError("not a token")
    parts = jwt.api_jws.PyJWS().decode_complete(token, options={"verify_signature": False})
    claims = json.loads(parts["payload"])
    if not isinstance(claims, dict):
        raise ValueError("the claims are not an object")  # noqa: TRY004 - the caller catches one error for all of this
    return parts["header"], claims.get("iss")


def _check(token: str, key: Jwk, algorithm: str) -> bytes | None:
    """Return the payload if this key may verify by this algorithm, and does."""
    if not _serves(key, algorithm):
        return None
    try:
        made = _long_enough(key, algorithm)
        payload: bytes = jwt.api_jws.PyJWS().decode_complete(token, made, algorithms=[algorithm])["payload"]
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return payload


def is_usable(key: Jwk) -> bool:
    """Return whether the key can verify tokens."""
    for algorithm in ALGORITHMS.get(str(key.get("kty")), ()):
        if _serves(key, algorithm):
            with contextlib.suppress(jwt.PyJWTError, ValueError, TypeError, KeyError):
                _long_enough(key, algorithm)
                return True
    return False


def _long_enough(key: Jwk, algorithm: str) -> jwt.PyJWK:
    made = jwt.PyJWK(key, algorithm)
    if getattr(made.key, "key_size", RSA_BITS) < RSA_BITS and key["kty"] == "RSA":
        raise ValueError("the modulus is too short")
    return made


def _serves(key: Jwk, algorithm: str) -> bool:
    """Return whether the key may verify by this algorithm: only as it declares (RFC 7517 sections 4.2 to 4.4)."""
    operations = key.get("key_ops", ["verify"])
    return (
        algorithm in ALGORITHMS.get(str(key.get("kty")), ())
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in key
    )
