"""Numbers that are found where they are all of a value whose name says nothing: ``{"value": "401-023-2137"}``.

They are in groups, or have letters, and most have one check digit: one in ten other values of the same form
passes. So the form must be one that few other values have; bare digits and groups of thousands are not here. Where
a name says what a value is, the words of that name decide.
"""

import re

from extproc.detectors.entities.national import number_checks
from extproc.detectors.entities.national.alone import ALONE
from extproc.detectors.entities.national.beside import BESIDE
from extproc.detectors.entities.national.number_checks import Check, all_of, anything, compact, stdnum
from extproc.detectors.entities.national.row import Row

NAME = "value"
"""The name of examples."""
_TIME = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9]\Z")
_STATES = (
    "(?:A[NPRS]|BR|C[GH]|D[DLN]|G[AJ]|H[PR]|J[HK]|K[AL]|L[ADL]|M[HLNPZ]|NL|O[DR]|P[BY]|RJ|SK|T[GNRS]|U[AKP]|WB)"
)
"""The letters of the states of India."""
_FORMS = {row.entity: row for row in (*BESIDE, *ALONE)}


def _german_vat(number: str) -> bool:
    """Return whether a VAT number is German: the rule of the check digit is not official."""
    return re.fullmatch("DE[1-9][0-9]{8}", number) is not None


def _vat(number: str) -> bool:
    joined = compact(number)
    return _german_vat(joined) or number_checks.european_vat(joined)


def _no_time(number: str) -> bool:
    return _TIME.search(number[-4:]) is None


def _row(  # noqa: PLR0917 - a row of a table
    entity: str, form: str, check: Check, example: str, meaning: str = "", prefilter: bytes = b""
) -> Row:
    """Make a row. What it means and where it is described, the entity's other row says."""
    other = _FORMS[entity]
    meaning = f"{meaning or other.meaning.partition(',')[0]}, as all of a value without a name"
    return Row(
        entity,
        form,
        check,
        meaning,
        example,
        NAME,
        (),
        other.proof,
        other.source,
        len(example),
        prefilter=prefilter,
    )


_LETTER_LAST = rb"[XYZxyz]?-?[0-9]{7}[0-9]?-?[A-Za-z][^0-9A-Za-z]"
WHOLE: tuple[Row, ...] = (
    _row(
        "ABA_ROUTING_NUMBER",
        "[0-9]{4}-[0-9]{4}-[0-9]",
        lambda number: stdnum("us.rtn")(compact(number)),
        "3222-7162-7",
    ),
    _row("AU_MEDICARE", "[2-6][0-9]{3} [0-9]{5} [0-9]", number_checks.medicare, "2123 45670 1"),
    _row("UK_NHS", "[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}", stdnum("gb.nhs"), "943 476 5919"),
    _row("US_NPI", "[12][0-9]{3}[ -][0-9]{3}[ -][0-9]{3}", number_checks.npi, "1234-567-893"),
    _row(
        "IN_AADHAAR",
        "[2-9][0-9]{3}(?: [0-9]{4} |-[0-9]{4}-|:[0-9]{4}:)[0-9]{4}",
        lambda number: stdnum("in_.aadhaar")(number.replace(":", "")),
        "2341-2341-2346",
    ),
    _row("SE_ORGANISATIONSNUMMER", "[1-9][0-9][2-9][0-9]{3}-[0-9]{4}", stdnum("se.orgnr"), "556036-0793"),
    _row(
        "SE_PERSONNUMMER",
        "20[0-9]{6}-[0-9]{4}",
        all_of(_no_time, stdnum("se.personnummer")),
        "20110925-2385",
        "a Swedish personal number",
    ),
    _row("KR_RRN", "[0-9]{6}-[1-8][0-9]{6}", number_checks.date_inside, "971013-2019902"),
    _row("DE_TAX_NUMBER", "[0-9]{2,3}/[0-9]{3,4}/[0-9]{4,5}", anything, "181/815/08155"),
    _row("DE_HEALTH_INSURANCE", "[A-Z][0-9]{9}", number_checks.german_health, "A123456780"),
    _row("DE_SOCIAL_SECURITY", "[0-9]{8}[A-Z][0-9]{3}", number_checks.german_pension, "15570649C104"),
    _row("MEDICAL_LICENSE", "[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}", number_checks.dea, "BB1388568"),
    _row("SG_UEN", "[0-9]{8}[A-Z]", stdnum("sg.uen"), "00192200M", prefilter=_LETTER_LAST),
    _row(
        "ES_NIF",
        "[0-9]{7,8}-?[A-Z]",
        lambda number: stdnum("es.dni")(compact(number).zfill(9)),
        "1111111-G",
        prefilter=_LETTER_LAST,
    ),
    _row("ES_NIE", "[XYZ]-?[0-9]{7}-?[A-Z]", stdnum("es.nie"), "x1234567l", prefilter=_LETTER_LAST),
    _row(
        "UK_NINO",
        "(?!QQ)[ABCEGHJ-PRSTW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        anything,
        "ab 12 34 56 c",
        prefilter=rb"[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d][^0-9A-Za-z]",
    ),
    _row(
        "UK_DRIVING_LICENCE", _FORMS["UK_DRIVING_LICENCE"].form, number_checks.british_licence, "morga657054sm9ij"
    ),
    _row("US_MBI", _FORMS["US_MBI"].form, anything, "1eg4-te5-mk73"),
    _row(
        "EU_VAT_NUMBER",
        "(?:AT|B[EG]|C[YZ]|D[EK]|E[ELS]|F[IR]|H[RU]|I[ET]|L[TUV]|MT|NL|P[LT]|RO|S[EIK])[ .-]?[0-9A-Z]"
        "(?:[ .-]?[0-9A-Z]){7,13}",
        _vat,
        "DE 136 695 976",
        "a value added tax number of the European Union",
        rb"(?i:AT|B[EG]|C[YZ]|D[EK]|E[ELS]|F[IR]|H[RU]|I[ET]|L[TUV]|MT|NL|P[LT]|RO|S[EIK])"
        rb"[ .-]?[0-9A-Za-z][ .-]?[0-9A-Za-z](?:[ .-]?[0-9]){4}",
    ),
    _row(
        "IN_VEHICLE_REGISTRATION",
        f"{_STATES}[0-9]{{1,2}}[A-Z]{{1,3}}[0-9]{{4}}",
        anything,
        "KA53ME3456",
        prefilter=rb"[A-Za-z]{2}[0-9]{1,2}[A-Za-z]{1,3}[0-9]{4}[^0-9A-Za-z]",
    ),
    _row(
        "UK_VEHICLE_REGISTRATION",
        "[A-HJ-PR-Y]{2}(?:0[1-9]|[12][0-9]|5[1-9]|[67][0-9])[ -][A-HJ-PR-Z]{3}",
        anything,
        "AB51 ABC",
    ),
)
"""The table."""
