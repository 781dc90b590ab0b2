"""Precision and recall on a generated, labelled corpus, entity by entity, beside Presidio's own recognizers.

``python -m benchmarks.quality`` prints a table; ``--json FILE`` keeps the figures. Presidio joins where
``presidio_analyzer`` can be imported: its pattern recognizers, one per entity, without a language model, once with
every result and once with those of a score of 0.4 or more. It reads ``key: text``; extproc has the key as context.

Every entity comes in several spellings and with text around it; a third of the corpus are values that only look like
an entity. The detectors' rules make the check digits, so recall says that forms and contexts are found, not that the
rules are right: the detectors' tests say that.
"""

# ruff: noqa: E501, E731 - one value, one line

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import random
import string
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.entities import (
    au_abn,
    au_tfn,
    crypto,
    es_nif,
    fi_personal_identity_code,
    iban_code,
    in_aadhaar,
    it_fiscal_code,
    pl_pesel,
    sg_nric_fin,
    uk_nhs,
)

Sample = tuple[str, str, str]
"""A key, a text, and the entity in it; empty if there is none."""
WORDS = ("order", "shipped", "customer", "and", "paid", "by", "please", "call", "back", "today", "invoice", "the")
ALNUM = string.ascii_letters + string.digits
KNOWN = {
    "CREDIT_CARD": "CreditCardRecognizer",
    "US_SSN": "UsSsnRecognizer",
    "US_ITIN": "UsItinRecognizer",
    "US_BANK_NUMBER": "UsBankRecognizer",
    "US_PASSPORT": "UsPassportRecognizer",
    "EMAIL_ADDRESS": "EmailRecognizer",
    "PHONE_NUMBER": "PhoneRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "IP_ADDRESS": "IpRecognizer",
    "CRYPTO": "CryptoRecognizer",
    "UK_NHS": "NhsRecognizer",
    "ES_NIF": "EsNifRecognizer",
    "IT_FISCAL_CODE": "ItFiscalCodeRecognizer",
    "PL_PESEL": "PlPeselRecognizer",
    "FI_PERSONAL_IDENTITY_CODE": "FiPersonalIdentityCodeRecognizer",
    "AU_ABN": "AuAbnRecognizer",
    "AU_TFN": "AuTfnRecognizer",
    "IN_AADHAAR": "InAadhaarRecognizer",
    "SG_NRIC_FIN": "SgFinRecognizer",
}
LEAST_SCORE = 0.4


class Maker:
    """Makes values; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def some(self, letters: str, n: int) -> str:
        return "".join(self.chance.choices(letters, k=n))

    def digits(self, n: int) -> str:
        return self.some(string.digits, n)

    def words(self, n: int) -> str:
        return " ".join(self.chance.choices(WORDS, k=n))

    def within(self, value: str) -> str:
        """Return a value alone, or with text around it."""
        return self.chance.choice(
            [value, value, f"{self.words(3)} {value}", f"{self.words(2)} {value}, {self.words(2)}"]
        )

    def until(
        self, make: Callable[[], str], find: Callable[[str, str], Iterator[tuple[int, int]]], context: str
    ) -> str:
        while not list(find(value := make(), context)):
            pass
        return value

    def card(self) -> str:
        prefix, length = self.chance.choice(
            [("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16)]
        )
        digits = prefix + self.digits(length - len(prefix) - 1)
        total = sum(map(int, digits[::-1][1::2])) + sum(sum(divmod(2 * int(d), 10)) for d in digits[::-1][::2])
        return digits + str(-total % 10)

    def ssn(self, mark: str = "-") -> str:
        area = self.chance.choice([*range(1, 666), *range(667, 900)])
        return mark.join((f"{area:03}", f"{self.chance.randint(1, 99):02}", f"{self.chance.randint(1, 9999):04}"))

    def iban(self) -> str:
        country, form = self.chance.choice(
            [("DE", "d" * 18), ("NL", "aaaa" + "d" * 10), ("GB", "aaaa" + "d" * 14)]
        )
        rest = "".join(self.digits(1) if each == "d" else self.some(string.ascii_uppercase, 1) for each in form)
        number = f"{country}{98 - iban_code.remainder(f'{country}00{rest}'):02}{rest}"
        grouped = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        return self.chance.choice([number, grouped])

    def bitcoin(self) -> str:
        data = b"\x00" + self.chance.randbytes(20)
        number = int.from_bytes(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], "big")
        out = ""
        while number:
            number, rest = divmod(number, 58)
            out = crypto.BASE58[rest] + out
        return "1" + out

    def jwt(self) -> str:
        parts = [
            b'{"alg":"HS256","typ":"JWT"}',
            json.dumps({"sub": self.digits(8)}).encode(),
            self.chance.randbytes(32),
        ]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    def entities(self) -> Iterator[Sample]:
        """Yield one of each entity, in one of its spellings."""
        chance, digits, some = self.chance, self.digits, self.some
        upper, within = string.ascii_uppercase + string.digits, self.within
        card = self.card()
        spelled = chance.choice([card, " ".join(card[at : at + 4] for at in range(0, len(card), 4))])
        yield "note", within(spelled), "CREDIT_CARD"
        yield "note", within(self.ssn()), "US_SSN"
        yield "ssn", self.ssn(""), "US_SSN"
        yield "note", within(f"9{digits(2)}-7{chance.randint(0, 9)}-{digits(4)}"), "US_ITIN"
        yield "account_number", digits(chance.randint(8, 17)), "US_BANK_NUMBER"
        yield "passport", chance.choice([digits(9), some(string.ascii_uppercase, 1) + digits(8)]), "US_PASSPORT"
        yield (
            "contact",
            within(f"{self.some(string.ascii_lowercase, 6)}.{digits(2)}@mail.example.org"),
            "EMAIL_ADDRESS",
        )
        yield "note", within(f"+44 20 {digits(4)} {digits(4)}"), "PHONE_NUMBER"
        yield (
            "note",
            within(f"({chance.randint(201, 989)}) {chance.randint(201, 989)}-{digits(4)}"),
            "PHONE_NUMBER",
        )
        yield "phone", f"{chance.randint(201, 989)}{chance.randint(201, 989)}{digits(4)}", "PHONE_NUMBER"
        yield "note", within(self.iban()), "IBAN_CODE"
        yield (
            "host",
            within(f"10.{chance.randint(1, 254)}.{chance.randint(0, 254)}.{chance.randint(1, 254)}"),
            "IP_ADDRESS",
        )
        yield "host", f"2001:db8:{some('0123456789abcdef', 4)}::{chance.randint(1, 9999)}", "IP_ADDRESS"
        yield "wallet", within(self.bitcoin()), "CRYPTO"
        yield "nhs_number", self.until(lambda: digits(10), uk_nhs.find, "nhs"), "UK_NHS"
        yield (
            "note",
            within(self.until(lambda: digits(8) + some(upper[:26], 1), es_nif.find, "")),
            "ES_NIF",
        )
        fiscal = lambda: (
            f"{some(upper[:26], 6)}{digits(2)}{some('ABCDEHLMPRST', 1)}{digits(2)}{some(upper[:26], 1)}{digits(3)}{some(upper[:26], 1)}"
        )
        yield "note", within(self.until(fiscal, it_fiscal_code.find, "")), "IT_FISCAL_CODE"
        pesel = lambda: f"{digits(2)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}{digits(5)}"
        yield "pesel", self.until(pesel, pl_pesel.find, "pesel"), "PL_PESEL"
        hetu = lambda: (
            f"{chance.randint(1, 28):02}{chance.randint(1, 12):02}{digits(2)}-{digits(3)}{some(upper, 1)}"
        )
        yield "note", within(self.until(hetu, fi_personal_identity_code.find, "")), "FI_PERSONAL_IDENTITY_CODE"
        yield "abn", self.until(lambda: digits(11), au_abn.find, "abn"), "AU_ABN"
        yield "tfn", self.until(lambda: digits(9), au_tfn.find, "tfn"), "AU_TFN"
        yield (
            "aadhaar",
            self.until(lambda: f"{chance.randint(2, 9)}{digits(11)}", in_aadhaar.find, "aadhaar"),
            "IN_AADHAAR",
        )
        nric = lambda: some("STFG", 1) + digits(7) + some(upper[:26], 1)
        yield "note", within(self.until(nric, sg_nric_fin.find, "")), "SG_NRIC_FIN"
        yield "env", within(f"AKIA{some(upper, 16)}"), "AWS_ACCESS_KEY"
        yield "aws_secret_access_key", some(ALNUM + "+/", 40), "AWS_SECRET_KEY"
        yield "token", within(f"ghp_{some(ALNUM, 36)}"), "GITHUB_TOKEN"
        yield "token", within(f"glpat-{some(ALNUM, 20)}"), "GITLAB_TOKEN"
        yield "env", within(f"sk-proj-{some(ALNUM, 48)}"), "OPENAI_KEY"
        yield "env", within(f"xoxb-{digits(12)}-{some(ALNUM, 24)}"), "SLACK_TOKEN"
        yield (
            "url",
            f"https://hooks.slack.com/services/T{some(upper, 8)}/B{some(upper, 8)}/{some(ALNUM, 24)}",
            "SLACK_WEBHOOK",
        )
        yield "env", within(f"sk_live_{some(ALNUM, 24)}"), "STRIPE_KEY"
        yield "env", within(f"AIza{some(ALNUM, 35)}"), "GCP_KEY"
        yield "session", within(self.jwt()), "JWT"
        pem = "\n".join(some(ALNUM + "+/", 64) for _ in range(4))
        yield "file", f"-----BEGIN RSA PRIVATE KEY-----\n{pem}\n-----END RSA PRIVATE KEY-----", "PRIVATE_KEY"
        yield "dsn", within(f"postgres://app:{some(ALNUM, 12)}@db.internal:5432/x"), "CONNECTION_STRING"
        yield "api_key", f"{chance.getrandbits(160):040x}", "SECRET"

    def beside(self) -> Iterator[Sample]:
        """Entities with context beside them, in code, markup and prose, under keys that suggest something else."""
        secret, digits = self.some(ALNUM, 14) + self.digits(2), self.digits
        said = [f"DB_PASSWORD={secret}", f"?client_secret={secret}&x=1", f"my password is {secret}"]
        yield self.chance.choice(["chat", "status"]), self.chance.choice(said), "SECRET"
        said = [f"<phone>079{digits(7)}</phone>", f"[mobile: 079{digits(7)}]"]
        yield "update", self.chance.choice(said), "PHONE_NUMBER"
        yield (
            "conversion",
            f"http://10.{self.chance.randint(1, 254)}.0.{self.chance.randint(1, 254)}/x",
            "IP_ADDRESS",
        )

    def ordinary(self) -> Iterator[Sample]:
        """Texts that look like an entity and are not one."""
        chance, digits, some = self.chance, self.digits, self.some
        for key, text in (
            ("order_id", digits(chance.choice([7, 9, 10, 12]))),
            ("id", f"ORD-{digits(4)}-{digits(6)}"),
            ("at_ms", f"17{digits(11)}"),
            (
                "at",
                f"20{digits(2)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}T12:{chance.randint(10, 59)}:00Z",
            ),
            ("uuid", str(uuid.UUID(int=chance.getrandbits(128), version=4))),
            ("etag", f"{chance.getrandbits(128):032x}"),
            ("sha256", f"{chance.getrandbits(256):064x}"),
            ("commit", f"{chance.getrandbits(160):040x}"),
            ("version", f"{chance.randint(0, 20)}.{chance.randint(0, 20)}.{chance.randint(0, 99)}.{digits(2)}"),
            ("amount", f"{digits(6)}.{digits(2)}"),
            ("score", repr(chance.random())),
            ("isbn", f"978-3-{digits(2)}-{digits(6)}-{digits(1)}"),
            ("mac", ":".join(some("0123456789abcdef", 2) for _ in range(6))),
            ("position", f"{chance.uniform(-90, 90):.6f}, {chance.uniform(-180, 180):.6f}"),
            ("image", base64.b64encode(chance.randbytes(45)).decode()),
            ("sku", some(string.ascii_uppercase, 3) + digits(6)),
            ("url", f"https://example.com/orders/{digits(9)}?page={digits(1)}"),
            ("note", self.words(12)),
            ("next_page_token", some(ALNUM, 22) + digits(2)),
            ("text", f"password reset for {uuid.UUID(int=chance.getrandbits(128), version=4)}"),
            ("env", "DB_PASSWORD=${DB_PASSWORD_" + digits(4) + "}"),
            ("secret_name", f"projects/app-{digits(6)}/secrets/db-{digits(1)}"),
            ("agent", f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{chance.randint(90, 140)}.0.0.0 Safari/537.36"),
            ("file", f"app-{chance.randint(0, 20)}.{digits(1)}.{digits(1)}.{chance.randint(1, 20)}.tar.gz"),
            ("phone_updated_at", f"17{digits(8)}"),
        ):
            yield key, text, ""


def corpus(rounds: int) -> Iterator[Sample]:
    maker = Maker(7)
    for _ in range(rounds):
        yield from maker.entities()
        yield from maker.beside()
        yield from maker.ordinary()


Found = tuple[str, int, int]
"""An entity, and where it begins and ends."""
Finder = Callable[[str, str], list[Found]]


def ours() -> Finder:
    detectors = Analyzer()
    return lambda key, text: [
        (match.entity, match.start, match.end) for match in detectors.scan(text, lambda: key)
    ]


def presidio(least: float) -> Finder | None:
    """Return Presidio's recognizers of the entities that both know."""
    try:
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        return None
    recognizers = {entity: getattr(known, name)() for entity, name in KNOWN.items()}

    def find(key: str, text: str) -> list[Found]:
        whole = f"{key}: {text}"
        return [
            (entity, hit.start, hit.end)
            for entity, each in recognizers.items()
            for hit in each.analyze(whole, each.supported_entities, None) or ()
            if hit.score >= least
        ]

    return find


def measure(find: Finder, samples: list[Sample]) -> dict[str, dict[str, float]]:
    """Return precision and recall by entity.

    A match is wrong if it does not overlap the entity in the text: a second name for the same value is not wrong.
    """
    hit: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for key, text, entity in samples:
        found = find(key, text)
        right = [(start, end) for name, start, end in found if name == entity]
        hit[entity] += bool(right)
        wrong.update(
            {name for name, start, end in found if not any(low < end and start < high for low, high in right)}
        )
    there = Counter(entity for _, _, entity in samples if entity)
    return {
        entity: {
            "n": n,
            "precision": hit[entity] / ((hit[entity] + wrong[entity]) or 1),
            "recall": hit[entity] / n,
        }
        for entity, n in sorted(there.items())
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    samples = list(corpus(chosen.rounds))
    finders = {"extproc": ours(), "Presidio": presidio(0.0), f"Presidio, {LEAST_SCORE}+": presidio(LEAST_SCORE)}
    results = {name: measure(find, samples) for name, find in finders.items() if find}
    print(f"{'entity':27}{'n':>6}", *(f"{name:>22}" for name in results))
    print(" " * 33, *(f"{'precision  recall':>22}" for _ in results))
    for entity, mine in results["extproc"].items():
        row = []
        for name, result in results.items():
            both = name == "extproc" or entity in KNOWN
            row.append(
                f"{result[entity]['precision']:>14.3f}{result[entity]['recall']:>8.3f}" if both else f"{'-':>22}"
            )
        print(f"{entity:27}{mine['n']:>6}", *row)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
