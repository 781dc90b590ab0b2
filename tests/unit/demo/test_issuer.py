"""The demo's issuer signs what Envoy and PyJWT accept, for listed people only."""

import httpx
import jwt
import pytest
from jwt import PyJWKSet

from extproc.demo.issuer import Person, SigningKey, issuer_app, mint, read_people

ISSUER, AUDIENCE, NOW = "http://issuer.demo", "extproc", 1_800_000_000
KEY = SigningKey.make()
MAYA = Person("maya", ("support",), "support-agent")


def read(token, key=KEY):
    keys = PyJWKSet.from_dict(key.jwks())
    options = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(
        token, keys[key.kid], algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER, options=options
    )


def test_a_minted_token_verifies_with_the_published_key_and_says_who_acts_for_whom():
    claims = read(mint(KEY, MAYA, issuer=ISSUER, audience=AUDIENCE, now_s=NOW, ttl_s=60))
    assert claims["sub"] == "maya"
    assert claims["groups"] == ["support"]
    assert claims["act"] == {"sub": "support-agent"}
    assert claims["exp"] - claims["iat"] == 60


def test_two_tokens_of_one_person_differ():
    first, second = (mint(KEY, MAYA, issuer=ISSUER, audience=AUDIENCE, now_s=NOW, ttl_s=60) for _ in range(2))
    assert read(first)["jti"] != read(second)["jti"]


def test_another_key_does_not_verify_it():
    token = mint(SigningKey.make(), MAYA, issuer=ISSUER, audience=AUDIENCE, now_s=NOW, ttl_s=60)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, PyJWKSet.from_dict(KEY.jwks())[KEY.kid], algorithms=["ES256"], audience=AUDIENCE)


def test_the_published_key_is_public_only():
    assert "d" not in KEY.jwks()["keys"][0]


async def test_the_service_gives_tokens_to_listed_people_only(tmp_path):
    file = tmp_path / "people.yaml"
    file.write_text("people: {noor: {groups: [sre]}}")
    app = issuer_app(KEY, read_people(file), issuer=ISSUER, audience=AUDIENCE, now=lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://issuer") as client:
        given = await client.post("/token", json={"name": "noor"})
        refused = await client.post("/token", json={"name": "mallory"})
        jwks = await client.get("/jwks.json")
    assert read(given.json()["access_token"])["groups"] == ["sre"]
    assert refused.status_code == 400
    assert jwks.json() == KEY.jwks()
