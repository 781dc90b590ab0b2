"""Values with check digits, and phones. The rules are those of python-stdnum and phonenumbers, or our own arithmetic.

Nothing here comes from the detectors: a corpus that they had made could not show what they get wrong.
"""

# ruff: noqa: E501 - one entity, one line

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from functools import cache

from benchmarks.quality.cases import ALNUM, DIGITS, UPPER, Maker

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"


def luhn(digits: str) -> str:
    """Append the check digit of ISO/IEC 7812-1."""
    total = sum(map(int, digits[::-1][1::2])) + sum(sum(divmod(2 * int(d), 10)) for d in digits[::-1][::2])
    return digits + str(-total % 10)


def card(maker: Maker) -> str:
    prefix, length = maker.chance.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("3528", 16)]
    )
    return luhn(prefix + maker.digits(length - len(prefix) - 1))


def failed_card(maker: Maker) -> str:
    """Return a card number with one digit typed wrong."""
    good = card(maker)
    return good[:-1] + str((int(good[-1]) + maker.chance.randint(1, 9)) % 10)


def grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def ssn(maker: Maker, mark: str = "-") -> str:
    area = maker.chance.choice([*range(1, 666), *range(667, 900)])
    return mark.join((f"{area:03}", f"{maker.chance.randint(1, 99):02}", f"{maker.chance.randint(1, 9999):04}"))


def itin(maker: Maker, mark: str = "-") -> str:
    return mark.join(
        (f"9{maker.digits(2)}", str(maker.chance.choice([*range(70, 89), 90, 92, 94, 97])), maker.digits(4))
    )


IBAN_FORMS = {
    "DE": "d18", "NL": "a4d10", "GB": "a4d14", "FR": "d10l11d2", "ES": "d20", "IT": "a1d10l12", "PL": "d24",
    "BE": "d12", "AT": "d16", "CH": "d5l12", "PT": "d21", "SE": "d20", "NO": "d11", "DK": "d14", "FI": "d14",
}  # fmt: skip
"""National parts of IBANs: a capitals, d digits, l both, each with a count."""


def iban(maker: Maker, country: str = "") -> str:
    country = country or maker.chance.choice(sorted(IBAN_FORMS))
    rest, form = "", IBAN_FORMS[country]
    letters = {"a": UPPER, "d": DIGITS, "l": UPPER + DIGITS}
    at = 0
    while at < len(form):
        end = at + 1
        while end < len(form) and form[end].isdigit():
            end += 1
        rest += maker.some(letters[form[at]], int(form[at + 1 : end]))
        at = end
    number = int("".join(str(int(each, 36)) for each in f"{rest}{country}00"))
    return f"{country}{98 - number % 97:02}{rest}"


def bitcoin(maker: Maker) -> str:
    data = b"\x00" + maker.chance.randbytes(20)
    number = int.from_bytes(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], "big")
    out = ""
    while number:
        number, rest = divmod(number, 58)
        out = BASE58[rest] + out
    return "1" + out


def _date(maker: Maker, form: str) -> str:
    parts = {
        "y": f"{maker.chance.randint(40, 99):02}",
        "m": f"{maker.chance.randint(1, 12):02}",
        "d": f"{maker.chance.randint(1, 28):02}",
        "C": "19",
    }
    return "".join(parts[each] for each in form)


@cache
def _validator(module: str) -> Callable[[str], bool]:
    valid: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return valid


def until_valid(module: str, make: Callable[[], str]) -> str:
    """Make values until python-stdnum takes one of them."""
    valid = _validator(module)
    for _ in range(200_000):
        if valid(value := make()):
            return value
    raise ValueError(f"no value is valid by stdnum.{module}")


def _nric(m: Maker) -> str:
    first, digits = m.pick("S", "T", "F", "G"), m.digits(7)
    total = sum(int(d) * w for d, w in zip(digits, (2, 7, 6, 5, 4, 3, 2), strict=True)) + (
        4 if first in "TG" else 0
    )
    return first + digits + ("JZIHGFEDCBA" if first in "ST" else "XWUTRQPNMLK")[total % 11]


def _medicare(m: Maker) -> str:
    digits = m.pick("2", "3", "4", "5", "6") + m.digits(7)
    return f"{digits}{sum(int(d) * w for d, w in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=True)) % 10}{m.some('123456789', 1)}"


def _npi(m: Maker) -> str:
    return luhn("80840" + m.pick("1", "2") + m.digits(8))[5:]


def _dea(m: Maker) -> str:
    d = m.digits(6)
    total = int(d[0]) + int(d[2]) + int(d[4]) + 2 * (int(d[1]) + int(d[3]) + int(d[5]))
    return m.pick("A", "B", "F", "M") + m.some(UPPER, 1) + d + str(total % 10)


def _mbi(m: Maker) -> str:
    letters = "ACDEFGHJKMNPQRTUVWXY"
    either = letters + DIGITS
    return "".join(
        m.some(each, 1)
        for each in (
            "123456789",
            letters,
            either,
            DIGITS,
            letters,
            either,
            DIGITS,
            letters,
            letters,
            DIGITS,
            DIGITS,
        )
    )


def _nino(m: Maker) -> str:
    pair = m.pick("AB", "CE", "JT", "NX", "PR", "SL", "WM", "YK")
    return f"{pair}{m.digits(6)}{m.some('ABCD', 1)}"


def _dl_gb(m: Maker) -> str:
    return f"{m.some(CONSONANTS, 5)}{m.digits(1)}{m.chance.randint(1, 12):02}{m.chance.randint(1, 28):02}{m.digits(1)}{m.some(UPPER, 2)}9{m.some(UPPER, 2)}"


def _svnr(m: Maker) -> str:
    """Return a German pension insurance number: area, date of birth, letter, serial, check digit."""
    body = f"{m.pick('15', '42', '65')}{_date(m, 'dmy')}{m.some(UPPER, 1)}{m.digits(2)}"
    digits = "".join(each if each.isdigit() else f"{ord(each) - 64:02}" for each in body)
    total = sum(
        sum(divmod(int(d) * w, 10)) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return body + str(total % 10)


def _nir(m: Maker) -> str:
    body = f"{m.pick('1', '2')}{_date(m, 'ym')}{m.chance.randint(1, 95):02}{m.digits(3)}{m.digits(3)}"
    return f"{body}{97 - int(body) % 97:02}"


def _ahv(m: Maker) -> str:
    body = "756" + m.digits(9)
    total = sum(int(d) * (3 if at % 2 else 1) for at, d in enumerate(body))
    return f"756.{body[3:7]}.{body[7:11]}.{body[11:]}{-total % 10}"


def _dotted_cpf(digits: str, *, dotted: bool) -> str:
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}" if dotted else digits


Identifier = tuple[tuple[str, ...], Callable[[Maker], str]]
"""Names under which the number stands, and how it is made."""


def _valid(module: str, make: Callable[[Maker], str]) -> Callable[[Maker], str]:
    return lambda maker: until_valid(module, lambda: make(maker))


_TAX_NUMBERS = {
    "de": ("de.idnr", 11), "fr": ("fr.nif", 13), "es": ("es.dni", 8), "pt": ("pt.nif", 9), "it": ("it.iva", 11), "nl": ("nl.bsn", 9),
    "pl": ("pl.nip", 10), "ja": ("jp.cn", 13), "zh": ("cn.uscc", 18),
}  # fmt: skip


def tax_number(m: Maker, language: str) -> str:
    """Return a number with the check digit of a country in which a language is spoken."""
    if language not in _TAX_NUMBERS:
        return ssn(m, "")
    module, digits = _TAX_NUMBERS[language]
    letter = (lambda: m.some(UPPER, 1)) if language == "es" else str
    return until_valid(module, lambda: m.number(digits) + letter())


IDENTIFIERS: dict[str, Identifier] = {
    "US_SSN": (("ssn", "social_security_number"), lambda m: ssn(m, m.pick("-", ""))),
    "US_ITIN": (("itin", "taxpayer_id"), lambda m: itin(m, m.pick("-", ""))),
    "US_NPI": (("npi", "provider_npi"), _npi),
    "US_MBI": (("mbi", "medicare_number"), _mbi),
    "ABA_ROUTING_NUMBER": (("routing_number", "aba"), _valid("us.rtn", lambda m: m.digits(9))),
    "MEDICAL_LICENSE": (("dea_number", "medical_license"), _dea),
    "US_DRIVER_LICENSE": (("driver_license", "drivers_license_number"), lambda m: m.some(UPPER, 1) + m.digits(7)),
    "US_PASSPORT": (("passport_number", "passport"), lambda m: m.some(UPPER, 1) + m.digits(8)),
    "UK_NHS": (("nhs_number", "nhs"), _valid("gb.nhs", lambda m: m.digits(10))),
    "UK_NINO": (("nino", "national_insurance_number"), _nino),
    "UK_DRIVING_LICENCE": (("driving_licence", "licence_number"), _dl_gb),
    "DE_TAX_ID": (("steuer_id", "steueridentifikationsnummer"), _valid("de.idnr", lambda m: m.number(11))),
    "DE_SOCIAL_SECURITY": (
        ("sozialversicherungsnummer", "rentenversicherungsnummer"),
        _svnr,
    ),
    "FR_NIR": (
        ("numero_securite_sociale", "nir"),
        _nir,
    ),
    "NL_BSN": (("bsn", "burgerservicenummer"), _valid("nl.bsn", lambda m: m.number(9))),
    "SE_PERSONNUMMER": (
        ("personnummer", "person_nummer"),
        _valid("se.personnummer", lambda m: f"{_date(m, 'ymd')}-{m.digits(4)}"),
    ),
    "NO_FODSELSNUMMER": (("fodselsnummer", "fnr"), _valid("no.fodselsnummer", lambda m: _date(m, "dmy") + m.digits(5))),
    "DK_CPR": (("cpr", "cpr_nummer"), _valid("dk.cpr", lambda m: f"{_date(m, 'dmy')}-{m.digits(4)}")),
    "FI_PERSONAL_IDENTITY_CODE": (
        ("hetu", "henkilotunnus"),
        _valid("fi.hetu", lambda m: f"{_date(m, 'dmy')}-{m.digits(3)}{m.some(ALNUM.upper(), 1)}"),
    ),
    "BR_CPF": (
        ("cpf", "cpf_numero"),
        lambda m: _dotted_cpf(until_valid("br.cpf", lambda: m.digits(11)), dotted=m.chance.random() < 0.5),
    ),
    "BR_CNPJ": (("cnpj", "cnpj_empresa"), _valid("br.cnpj", lambda m: m.digits(8) + "0001" + m.digits(2))),
    "MX_CURP": (
        ("curp", "curp_titular"),
        _valid(
            "mx.curp",
            lambda m: f"{m.some(CONSONANTS, 1)}{m.some('AEIOU', 1)}{m.some(CONSONANTS, 2)}{_date(m, 'ymd')}{m.pick('H', 'M')}{m.pick('DF', 'JC', 'NL', 'PL')}{m.some(CONSONANTS, 3)}{m.digits(2)}",
        ),
    ),
    "CA_SIN": (("sin", "social_insurance_number"), _valid("ca.sin", lambda m: m.number(9))),
    "ZA_ID": (("id_number", "sa_id_number"), _valid("za.idnr", lambda m: f"{_date(m, 'ymd')}{m.digits(4)}0{m.digits(2)}")),
    "JP_MY_NUMBER": (("my_number", "マイナンバー"), _valid("jp.in_", lambda m: m.digits(12))),
    "CN_RESIDENT_ID": (
        ("id_card", "身份证号"),
        _valid("cn.ric", lambda m: f"{m.pick('110101', '310104', '440305')}{_date(m, 'Cymd')}{m.digits(3)}{m.some(DIGITS + 'X', 1)}"),
    ),
    "KR_RRN": (("rrn", "주민등록번호"), _valid("kr.rrn", lambda m: f"{_date(m, 'ymd')}-{m.pick('1', '2')}{m.digits(6)}")),
    "TR_TCKIMLIK": (("tckn", "tc_kimlik_no"), _valid("tr.tckimlik", lambda m: m.number(11))),
    "IL_ID": (("teudat_zehut", "israeli_id"), _valid("il.idnr", lambda m: m.digits(9))),
    "CH_AHV": (("ahv_nummer", "avs"), _ahv),
    "BE_NATIONAL_NUMBER": (("rijksregisternummer", "numero_national"), _valid("be.nn", lambda m: f"{_date(m, 'ymd')}{m.digits(5)}")),
    "AT_SVNR": (("svnr", "sozialversicherungsnummer"), _valid("at.vnr", lambda m: f"{m.number(4)}{_date(m, 'dmy')}")),
    "PT_NIF": (("nif", "contribuinte"), _valid("pt.nif", lambda m: m.pick("1", "2", "3") + m.digits(8))),
    "RO_CNP": (("cnp", "cod_numeric_personal"), _valid("ro.cnp", lambda m: f"{m.pick('1', '2')}{_date(m, 'ymd')}{m.pick('01', '12', '40')}{m.digits(4)}")),
    "CZ_RC": (("rodne_cislo", "rc"), _valid("cz.rc", lambda m: f"{_date(m, 'ymd')}/{m.digits(4)}")),
    "ES_NIF": (("nif", "dni"), _valid("es.nif", lambda m: m.digits(8) + m.some(UPPER, 1))),
    "ES_NIE": (("nie", "numero_extranjero"), _valid("es.nie", lambda m: m.pick("X", "Y", "Z") + m.digits(7) + m.some(UPPER, 1))),
    "IT_FISCAL_CODE": (
        ("codice_fiscale", "fiscal_code"),
        _valid(
            "it.codicefiscale",
            lambda m: f"{m.some(CONSONANTS, 6)}{m.digits(2)}{m.some('ABCDEHLMPRST', 1)}{m.chance.randint(1, 28):02}{m.some('ABCDEFGHIL', 1)}{m.digits(3)}{m.some(UPPER, 1)}",
        ),
    ),
    "PL_PESEL": (("pesel", "numer_pesel"), _valid("pl.pesel", lambda m: f"{_date(m, 'ymd')}{m.digits(5)}")),
    "PL_NIP": (("nip", "numer_nip"), _valid("pl.nip", lambda m: m.number(10))),
    "IN_AADHAAR": (("aadhaar", "aadhaar_number"), _valid("in_.aadhaar", lambda m: m.some("23456789", 1) + m.digits(11))),
    "IN_PAN": (("pan", "pan_number"), lambda m: f"{m.some(UPPER, 3)}P{m.some(UPPER, 1)}{m.some('123456789', 1)}{m.digits(3)}{m.some(UPPER, 1)}"),
    "AU_ABN": (("abn", "business_number"), _valid("au.abn", lambda m: m.number(11))),
    "AU_ACN": (("acn", "company_number_acn"), _valid("au.acn", lambda m: m.digits(9))),
    "AU_TFN": (("tfn", "tax_file_number"), _valid("au.tfn", lambda m: m.number(9))),
    "AU_MEDICARE": (("medicare", "medicare_number"), _medicare),
    "NZ_IRD": (("ird", "ird_number"), _valid("nz.ird", lambda m: m.pick("49", "51", "82", "90", "101", "120") + m.digits(6))),
    "SG_NRIC_FIN": (("nric", "fin"), _nric),
}  # fmt: skip
"""National and medical identifiers."""


REGIONS = (
    "US", "CA", "GB", "IE", "FR", "DE", "NL", "BE", "LU", "AT", "CH", "IT", "ES", "PT", "DK", "SE", "NO", "FI", "PL", "CZ", "SK", "HU", "RO",
    "BG", "GR", "TR", "IL", "ZA", "EG", "KE", "NG", "IN", "PK", "SG", "MY", "ID", "PH", "TH", "VN", "JP", "KR", "CN", "TW", "HK", "AU", "BR",
)  # fmt: skip
"""Regions whose phone numbers are measured."""


def phone(maker: Maker, region: str, *, international: bool) -> str:
    """Return a valid number as people of a region write it."""
    import phonenumbers

    sort = maker.chance.choice([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
    example = phonenumbers.example_number_for_type(region, sort) or phonenumbers.example_number(region)
    number = example
    for _ in range(300):
        national = str(example.national_number)
        national = national[:-4] + maker.digits(4)
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(national),
            italian_leading_zero=example.italian_leading_zero,
            number_of_leading_zeros=example.number_of_leading_zeros,
        )
        if phonenumbers.is_valid_number(number):
            break
    form = (
        phonenumbers.PhoneNumberFormat.INTERNATIONAL if international else phonenumbers.PhoneNumberFormat.NATIONAL
    )
    return str(phonenumbers.format_number(number, form))
