"""An issuer of tokens with its own key."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://login.example.com"
AUDIENCE = "https://tools.example.com"


class Issuer:
    """Signs with ES256; its public key is in ``jwks_file``."""

    def __init__(self, folder: Path, name: str = ISSUER) -> None:
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        self.jwks_file = folder / f"jwks-{abs(hash(name))}.json"
        self.jwks_file.write_text(json.dumps({"keys": [{**public, "kid": "1", "alg": "ES256", "use": "sig"}]}))

    def token(self, subject: str = "alice", **claims: Any) -> str:
        """A token that is valid for five minutes; a claim given as None is left out."""
        now = int(time.time())
        every = {"iss": self.name, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300, **claims}
        kept = {name: value for name, value in every.items() if value is not None}
        return jwt.encode(kept, self.key, algorithm="ES256", headers={"kid": "1"})

    def headers(self, subject: str = "alice", **claims: Any) -> dict[str, str]:
        """The Authorization header with such a token."""
        return {"authorization": f"Bearer {self.token(subject, **claims)}"}
