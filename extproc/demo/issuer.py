"""A token issuer for the demo: it issues a token of any listed person to any client.

It checks no password, so it must never be reachable from outside the machine (or the compose network).
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extproc.demo.listen import arguments, run

TOKEN_LIFE_S = 3_600
"""Seconds for which a token of ``POST /token`` is valid."""


@dataclass(frozen=True)
class SigningKey:
    """An ES256 key pair and its key id."""

    private: ec.EllipticCurvePrivateKey
    kid: str

    @classmethod
    def make(cls) -> "SigningKey":
        """Make a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()), secrets.token_hex(8))

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set (RFC 7517 section 5)."""
        public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"keys": [public | {"kid": self.kid, "use": "sig", "alg": "ES256"}]}


@dataclass(frozen=True)
class Person:
    """A person for whom the issuer makes tokens."""

    subject: str
    groups: tuple[str, ...]
    actor: str = ""
    """The agent that acts for the person (RFC 8693 section 4.1); empty if the person acts."""


def mint(key: SigningKey, person: Person, *, issuer: str, audience: str, now_s: int, ttl_s: int) -> str:
    """Sign a token.

    Args:
        key: the key that signs.
        person: the subject of the token.
        issuer: the ``iss`` claim.
        audience: the ``aud`` claim.
        now_s: seconds since the Unix epoch.
        ttl_s: seconds until the token expires.

    Returns:
        A JSON Web Token in compact form (RFC 7519), signed with ES256.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": person.subject,
        "groups": list(person.groups),
        "iat": now_s,
        "exp": now_s + ttl_s,
        "jti": secrets.token_urlsafe(12),
    }
    if person.actor:
        claims["act"] = {"sub": person.actor}
    return jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.kid})


def read_people(file: Path) -> dict[str, Person]:
    """Read the people of a YAML file: each a name, with ``subject``, ``groups`` and an optional ``actor``."""
    listed = yaml.safe_load(file.read_text())
    return {
        name: Person(entry.get("subject", name), tuple(entry.get("groups", ())), entry.get("actor", ""))
        for name, entry in listed["people"].items()
    }


def issuer_app(
    key: SigningKey,
    people: dict[str, Person],
    *,
    issuer: str,
    audience: str,
    now: Callable[[], float] = time.time,
) -> Starlette:
    """Serve ``GET /jwks.json``, and ``POST /token`` with ``{"name": …}``: it gives ``{"access_token": …}``."""

    async def jwks(_request: Request) -> Response:
        return JSONResponse(key.jwks())

    async def token(request: Request) -> Response:
        person = people.get(str((await request.json()).get("name", "")))
        if person is None:
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        signed = mint(key, person, issuer=issuer, audience=audience, now_s=int(now()), ttl_s=TOKEN_LIFE_S)
        return JSONResponse({"access_token": signed, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S})

    return Starlette(routes=[Route("/jwks.json", jwks), Route("/token", token, methods=["POST"])])


def main(argv: Sequence[str] | None = None) -> None:
    """Serve with a new key."""
    given = arguments("Issue demo tokens.", argv, "people")
    listed = yaml.safe_load(given.people.read_text())
    run(
        issuer_app(
            SigningKey.make(), read_people(given.people), issuer=listed["issuer"], audience=listed["audience"]
        ),
        given.listen,
    )


if __name__ == "__main__":
    main()
