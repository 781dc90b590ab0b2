"""CRYPTO: an address of Bitcoin, in Base58Check or in Bech32 (BIP 173, BIP 350)."""

import hashlib
import re
from itertools import chain

from extproc.detectors.detector import APART, Detector, Ranges

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
LEGACY = re.compile(r"[13](?<![0-9A-Za-z].)[1-9A-HJ-NP-Za-km-z]{25,34}(?![0-9A-Za-z])")
HEX = re.compile("[0-9a-f]*")
"""Digests and UUIDs look alike. One address in 10 to the 19 has no letter behind f."""
SEGWIT = (
    re.compile(r"bc1(?<![0-9A-Za-z]...)[02-9ac-hj-np-z]{11,87}(?![0-9A-Za-z])"),
    re.compile(r"BC1(?<![0-9A-Za-z]...)[02-9AC-HJ-NP-Z]{11,87}(?![0-9A-Za-z])"),
)
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
CONSTANTS = (1, 0x2BC830A3)
"""The checksum constants of Bech32 and of Bech32m."""


def find(text: str, _: str) -> Ranges:
    """Yield addresses with the right checksum."""
    for match in LEGACY.finditer(text):
        if not HEX.fullmatch(match[0]) and base58check(match[0]):
            yield match.span()
    for match in chain.from_iterable(each.finditer(text) for each in SEGWIT):
        if bech32(match[0].lower()):
            yield match.span()


def base58check(address: str) -> bool:
    """Check version, 20 bytes, and the first four bytes of their double SHA-256."""
    number = 0
    for char in address:
        number = number * 58 + BASE58.index(char)
    if number >> 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def bech32(address: str) -> bool:
    """Check by BIP 173, section Checksum, for the prefix ``bc``."""
    check = 1
    for value in (3, 3, 0, 2, 3, *map(BECH32.index, address[3:])):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check in CONSTANTS


CRYPTO = Detector(
    "CRYPTO",
    (APART + rb"[13][1-9A-HJ-NP-Za-km-z]{25}", rb"bc1[02-9ac-hj-np-z]{11}", rb"BC1[02-9AC-HJ-NP-Z]{11}"),
    14,
    find,
    meaning="an address of Bitcoin",
    proof="checksum",
    example="1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    source="BIP 173, BIP 350",
)
