"""A real server on a unix socket, a key for tests, and an evidence reader with switches."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from extproc.config.schema import Settings
from extproc.evidence.query.reader import QueryResult
from extproc.model.errors import QueryError

ISSUER = "https://idp.example"
AUDIENCE = "extproc"
LASTS_S = 36_000
"""Seconds of a token: one that is a test's parameter is made before the first test, and used much later."""
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key, kid, **more):
    family = {
        rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
        ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        ed25519.Ed25519PrivateKey: jwt.algorithms.OKPAlgorithm,
    }
    algorithm = next(each for kind, each in family.items() if isinstance(key, kind))
    document = json.loads(algorithm.to_jwk(key.public_key()))
    document.pop("key_ops", None)
    return {**document, "kid": kid, **more}


def key_set(*keys):
    return json.dumps({"keys": list(keys)})


def token(subject="bob", groups=("sre",), *, key=RSA, algorithm="RS256", header=None, **changes):
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "exp": int(time.time()) + LASTS_S,
        "groups": list(groups),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    fields = {"kid": "rsa", **(header or {})}
    fields = {name: value for name, value in fields.items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers=fields)


def settings(folder: Path, **control) -> Settings:
    jwks = folder / "jwks.json"
    if not jwks.exists():
        jwks.write_text(key_set(jwk(RSA, "rsa"), jwk(EC, "ec"), jwk(ED, "ed")))
    return Settings.model_validate(
        {
            "version": 1,
            "identity": {
                "providers": {"idp": {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks_file": str(jwks)}}
            },
            "connections": {
                "crm": {
                    "protocol": "http-json",
                    "hosts": ["crm"],
                    "upstream": {"address": "127.0.0.1:1"},
                    "functions": {"get": {"method": "GET", "path": "/"}},
                }
            },
            "control": control,
        }
    )


SESSIONS = [
    {
        "session_id": "s-1",
        "session": "s-1",
        "issuer": ISSUER,
        "subject": "alice",
        "actors": ["agent-7"],
        "started": "2026-01-02T03:04:05.000000Z",
        "ended": "2026-01-02T03:05:05.000000Z",
        "calls": 2,
        "denied": 1,
        "held": 1,
        "failed": 0,
        "open": 0,
        "functions": ["crm.get"],
        "risk": 80,
        "findings": 3,
    }
]
ENTRIES = [
    {
        "time": "2026-01-02T03:04:05.000000Z",
        "time_ns": 1_767_323_045_000_000_000,
        "kind": "call.denied",
        "call_id": "c-1",
        "function": "crm.get",
        "reason": "policy-denied",
        "rule": "no_deletes",
        "risk": 80,
        "status": 403,
        "duration_ms": 12.5,
        "arguments": "{}",
    }
]


class FakeReader:
    """An evidence store of one session."""

    failure: Exception | None = None
    hold = threading.Event()

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.hold.set()

    def _answer(self, *asked):
        self.asked.append(asked)
        self.hold.wait(30)
        if self.failure:
            raise self.failure

    def sessions(self, limit, subject=None, function=None):
        self._answer("sessions", limit, subject, function)
        return SESSIONS

    def session(self, session_id):
        self._answer("session", session_id)
        return ENTRIES if session_id in {"s-1", "a/b"} else []

    def query(self, sql, limit_rows, max_seconds):
        self._answer("query", sql, limit_rows, max_seconds)
        return QueryResult(("n", "big"), ("Int64", "UInt64"), ((1, 2**63), (None, [2**60])), truncated=True)


class Switch:
    """An application that can be exchanged while it is served: one server for all tests of a module."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


GONE = QueryError("secret detail")


class _Server(uvicorn.Server):
    def install_signal_handlers(self):
        pass

    @contextlib.contextmanager
    def capture_signals(self):
        yield


@contextlib.contextmanager
def served(app, path: Path) -> Iterator[Path]:
    """Serve in a thread until the block ends."""
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    path.chmod(0o600)
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield path
    finally:
        server.should_exit = True
        thread.join()
        bound.close()
