"""Valid tokens, and above all invalid ones."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from extproc.console import jwks as keys_module
from extproc.console.authenticator import MAX_TOKEN, Authenticator, make_authenticator
from extproc.console.jwks import FRESH_NS, MAX_BYTES, MAX_KEYS, RETRY_NS, STALE_NS, Keys, fetch_url, read_keys
from extproc.model.errors import Refused
from extproc.model.identity import Identity
from extproc.model.reasons import Reason
from extproc.settings.identity import Provider
from tests.unit.console.served import AUDIENCE, EC, ED, ISSUER, RSA, jwk, key_set, settings, token

OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def verifier(tmp_path):
    return make_authenticator(settings(tmp_path), time.time_ns)


def with_keys(tmp_path, *keys):
    """Make an authenticator with exactly these keys."""
    file = tmp_path / "own.json"
    file.write_text(key_set(*keys))
    provider = Provider(issuer=ISSUER, audiences=[AUDIENCE], jwks_file=file)
    return Authenticator({"idp": provider}, time.time_ns)


def refusal(verifier, given):
    with pytest.raises(Refused) as caught:
        verifier.identify(given)
    return caught.value.reason


def segment(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "rsa"), (RSA, "PS256", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")],
)
def test_a_good_token_says_who_it_is(verifier, key, algorithm, kid):
    """Each allowed algorithm is accepted."""
    good = token("bob", ["sre"], key=key, algorithm=algorithm, header={"kid": kid}, act={"sub": "agent"})
    assert verifier.identify(good) == Identity(ISSUER, "bob", ("sre",), "agent")


def test_a_token_without_a_key_id_is_tried_with_every_key(tmp_path):
    """The algorithm must fit the type of the key."""
    verifier = with_keys(tmp_path, jwk(EC, "x"), jwk(OTHER, "y"), jwk(RSA, "z"))
    assert verifier.identify(token(header={"kid": None})).subject == "bob"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": lambda: int(time.time()) - 120}, Reason.UNAUTHENTICATED),
        ({"nbf": lambda: int(time.time()) + 120}, Reason.UNAUTHENTICATED),
        ({"exp": None}, Reason.TOKEN_REJECTED),
        ({"iss": None}, Reason.TOKEN_REJECTED),
        ({"iss": "https://evil"}, Reason.TOKEN_REJECTED),
        ({"aud": None}, Reason.TOKEN_REJECTED),
        ({"aud": "other"}, Reason.TOKEN_REJECTED),
        ({"aud": ["other"]}, Reason.TOKEN_REJECTED),
        ({"subject": None}, Reason.TOKEN_REJECTED),
        ({"subject": ""}, Reason.TOKEN_REJECTED),
        ({"subject": "bob\x1b[2J"}, Reason.TOKEN_REJECTED),
    ],
)
def test_claims_that_are_missing_or_wrong_are_refused(verifier, changes, reason):
    """The tokens are signed. Times are made now, not when the tests were collected."""
    made = {name: value() if callable(value) else value for name, value in changes.items()}
    assert refusal(verifier, token(**made)) is reason


def test_huge_numbers_are_no_times(verifier):
    """They neither crash the guard nor make a token valid for ever."""
    good = token()
    header, _, _ = good.split(".")
    claims = f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"bob","exp":{"9" * 5_000}}}'.encode()
    signed = f"{header}.{segment(claims)}"
    import jwt

    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signed.encode(), RSA)
    assert refusal(verifier, f"{signed}.{segment(signature)}") in (Reason.TOKEN_REJECTED, Reason.UNAUTHENTICATED)


def test_another_key_does_not_sign_for_the_issuer(verifier):
    """A known key id makes no difference."""
    assert refusal(verifier, token(key=OTHER)) is Reason.UNAUTHENTICATED


def test_one_bit_more_or_less_refuses(verifier):
    """This holds for each part of the token."""
    good = token()
    for position in (5, len(good) // 2, len(good) - 5):
        bad = good[:position] + ("A" if good[position] != "A" else "B") + good[position + 1 :]
        assert refusal(verifier, bad) in (Reason.UNAUTHENTICATED, Reason.TOKEN_REJECTED)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 7, "HS256", "RS384", "ES384", "RS1"])
def test_other_algorithms_are_refused(tmp_path, algorithm):
    """The token has no signature, or one made with the public key as the secret."""
    verifier = with_keys(tmp_path, jwk(RSA, "rsa"), {"kty": "oct", "kid": "rsa", "k": segment(b"secret")})
    header = segment(json.dumps({"alg": algorithm, "kid": "rsa"}).encode())
    signed = f"{header}.{token().split('.')[1]}"
    for secret in (b"", b"secret", jwk(RSA, "rsa")["n"].encode()):
        signature = segment(hmac.new(secret, signed.encode(), hashlib.sha256).digest())
        assert refusal(verifier, f"{signed}.{signature}") is Reason.UNAUTHENTICATED
    assert refusal(verifier, f"{signed}.") is Reason.UNAUTHENTICATED


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "PS256"},
        {"alg": "RS512"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"kty": "EC"},
    ],
)
def test_a_key_is_used_for_what_it_is_meant_for(tmp_path, change):
    """``use``, ``alg`` and ``key_ops`` are binding (RFC 7517)."""
    assert refusal(with_keys(tmp_path, jwk(RSA, "rsa", **change)), token()) is Reason.UNAUTHENTICATED


def test_weak_and_wrong_keys_are_not_used(tmp_path):
    """The RSA modulus has 1,024 bits, or the curve is another."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP384R1())
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_weak = token(key=weak)
    assert refusal(with_keys(tmp_path, jwk(weak, "rsa")), by_weak) is Reason.UNAUTHENTICATED
    by_curve = token(key=curve, algorithm="ES384", header={"kid": "c"})
    assert refusal(with_keys(tmp_path, jwk(curve, "c")), by_curve) is Reason.UNAUTHENTICATED


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"]}, {"crit": []}])
def test_extensions_we_do_not_know_are_refused(verifier, header):
    """RFC 7515 section 4.1.11."""
    assert refusal(verifier, token(header=header)) is Reason.UNAUTHENTICATED


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "e30.e30.",
        "é" * 10,
        "\ud800",
        "x" * (MAX_TOKEN + 1),
        f"{segment(b'[]')}.{segment(b'{}')}.",
        f"{segment(b'{}')}.{segment(b'[]')}.",
        f"{segment(b'{' * 9000)}.e30.",
        f"e30.{segment(b'[' * 9000)}.",
        f"e30.{segment(b'9' * 5000)}.",
    ],
)
def test_what_is_no_token_is_refused(verifier, given):
    """Every failure is the one documented error."""
    assert refusal(verifier, given) is Reason.UNAUTHENTICATED


def test_a_refusal_holds_nothing_of_the_token(verifier):
    """The token is neither in the message nor in the traceback."""
    with pytest.raises(Refused) as caught:
        verifier.identify(token("CANARY", iss="CANARY", groups=["CANARY"]))
    assert "CANARY" not in f"{caught.value} {caught.value.__cause__} {caught.value.detail}"


def test_only_the_configured_providers_count(tmp_path):
    """``approver_providers`` narrows; empty means all."""
    base = settings(tmp_path)
    (provider,) = base.identity.providers.values()
    second = provider.model_copy(update={"issuer": "https://second"})
    both = base.identity.model_copy(update={"providers": {"idp": provider, "second": second}})
    for wanted, accepted in (([], True), (["idp"], True), (["second"], False)):
        control = base.control.model_copy(update={"approver_providers": wanted})
        verifier = make_authenticator(base.model_copy(update={"identity": both, "control": control}), time.time_ns)
        if accepted:
            assert verifier.identify(token()).subject == "bob"
        else:
            assert refusal(verifier, token()) is Reason.TOKEN_REJECTED


# Keys


class Source:
    def __init__(self, *kids):
        self.kids, self.asked, self.failure = list(kids), 0, None

    def __call__(self):
        self.asked += 1
        if self.failure:
            raise self.failure
        return key_set(*({"kid": kid} for kid in self.kids)).encode()


class Now:
    def __init__(self):
        self.ns = 10**18

    def __call__(self):
        return self.ns


@pytest.fixture
def source():
    return Source("a")


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def keys(source, now):
    return Keys("idp", source, now)


def test_keys_are_asked_for_once_while_fresh(keys, source, now):
    """They are fetched again when they are old."""
    for _ in range(5):
        assert keys.matching("a") == ({"kid": "a"},)
    assert source.asked == 1
    now.ns += FRESH_NS
    keys.matching("a")
    assert source.asked == 2


def test_a_new_key_is_found_and_unknown_ones_do_not_flood_the_provider(keys, source, now):
    """There is one request per ``RETRY_NS``, whatever keys tokens name."""
    keys.matching("a")
    source.kids.append("b")
    for _ in range(50):
        assert keys.matching("b") == ()
    assert source.asked == 1
    now.ns += RETRY_NS
    assert keys.matching("b") == ({"kid": "b"},)
    assert source.asked == 2


@pytest.mark.parametrize("failure", [OSError(), ValueError(), keys_module.httpx.ConnectError("x")])
def test_an_outage_is_borne_for_a_while(keys, source, now, failure):
    """Known keys are used for an hour, not longer, and requests have pauses."""
    keys.matching("a")
    source.failure = failure
    now.ns += FRESH_NS
    for _ in range(10):
        assert keys.matching("a")
    assert source.asked == 2
    now.ns += STALE_NS - FRESH_NS - 1
    assert keys.matching("a")
    now.ns += 1
    assert keys.matching("a") == ()
    source.failure = None
    now.ns += RETRY_NS
    assert keys.matching("a")


def test_removed_keys_are_forgotten(keys, source, now):
    """A revoked key is refused after the next fetch."""
    keys.matching("a")
    source.kids = ["b"]
    now.ns += FRESH_NS
    assert keys.matching("a") == ()


def test_a_clock_set_back_asks_again(keys, source, now):
    """Otherwise old keys would be trusted for longer."""
    keys.matching("a")
    now.ns -= 10 * STALE_NS
    keys.matching("a")
    assert source.asked == 2


def test_a_key_file_may_change(tmp_path):
    """No request is made while keys are fresh."""
    now = Now()
    now.ns = time.time_ns()
    file = tmp_path / "keys.json"
    file.write_text(key_set(jwk(OTHER, "rsa")))
    verifier = Authenticator({"idp": Provider(issuer=ISSUER, audiences=[AUDIENCE], jwks_file=file)}, now)
    good = token(exp=int(time.time()) + 10_000)
    assert refusal(verifier, good) is Reason.UNAUTHENTICATED
    file.write_text(key_set(jwk(RSA, "rsa")))
    now.ns += FRESH_NS
    assert verifier.identify(good).subject == "bob"
    file.unlink()
    assert verifier.identify(good).subject == "bob"


NO_KEY_SETS = [
    b"",
    b"[]",
    b"{}",
    b'{"keys": {}}',
    b"\xff",
    b"[" * 100_000,
    b" " * (MAX_BYTES + 1),
    json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(),
]


@pytest.mark.parametrize("raw", NO_KEY_SETS, ids=range(len(NO_KEY_SETS)))
def test_what_is_no_key_set_is_an_error(raw):
    """One of the two that a refresh expects."""
    with pytest.raises((ValueError, RecursionError)):
        read_keys(raw)


def test_keys_are_fetched_over_http_without_following_anything():
    """A redirect, an error and a flood are failures; a key set is read."""
    body = key_set(jwk(RSA, "rsa")).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/keys": 200, "/flood": 200, "/moved": 302}.get(self.path, 500))
            self.send_header("Location", "/keys")
            self.end_headers()
            self.wfile.write(body if self.path == "/keys" else b" " * (MAX_BYTES + 70_000))

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        assert fetch_url(f"{base}/keys") == body
        for path in ("moved", "broken", "flood"):
            with pytest.raises((keys_module.httpx.HTTPError, ValueError)):
                fetch_url(f"{base}/{path}")
    finally:
        server.shutdown()
        server.server_close()
