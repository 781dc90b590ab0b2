"""Numbers that their own name tells, and values under similar names that stay."""

import json

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
MASKED = [
    ({"iban": "de89370400440532013000"}, "IBAN_CODE"),
    ({"iban": "BD23.0000.0000.0000.1234"}, "IBAN_CODE"),
    ({"nif": "12345678z"}, "ES_NIF"),
    ({"itin": "911701234"}, "US_ITIN"),
    ({"tax_id": "219099998"}, "US_SSN"),
    ({"tax_id": 219099998}, "US_SSN"),
    ({"ssn": "5206-4279287-7"}, "NATIONAL_ID"),
    ({"passport": "AB1234567"}, "PASSPORT"),
    ({"uk_passport": "AB1234567"}, "PASSPORT"),
    ({"passportNumber": "X42049X1"}, "PASSPORT"),
    ({"passport": "C01X00T47"}, "PASSPORT"),
    ({"passport_number": "L898902C3"}, "PASSPORT"),
    ({"passport": "L8982 1234"}, "PASSPORT"),
    ({"passport_number": "45 12 345678"}, "PASSPORT"),
    ({"national_id": "38001085718"}, "NATIONAL_ID"),
    ({"de_vat_id": "de-136-695-976"}, "EU_VAT_NUMBER"),
    ({"vat_id": "DE 136 695 976"}, "EU_VAT_NUMBER"),
    ({"ust_id": "DE123456789"}, "EU_VAT_NUMBER"),
    ({"in_gstin": "27ABCDE1234F1Z5"}, "IN_GSTIN"),
    ({"it_fiscal_code": "rssmra85t10a562x"}, "IT_FISCAL_CODE"),
    ({"us_mbi": "1eg4-te5-mk73"}, "NATIONAL_ID"),
    ({"id_number": "5206-4279287-7"}, "NATIONAL_ID"),
    ({"in_aadhaar": "3123:4567:8909"}, "NATIONAL_ID"),
    ({"tax_number": "20-49327027-4"}, "TAX_ID"),
    ({"account_number": "XCBP28153763971032"}, "BANK_ACCOUNT"),
    ({"card_number": "4111 1111 1111 1112"}, "CREDIT_CARD"),
    ({"cardNumber": "4111:1111:1111:1111"}, "CREDIT_CARD"),
    ({"driver_license": "S99932676"}, "DRIVER_LICENSE"),
    ({"license_plate": "M-XY 4711"}, "LICENSE_PLATE"),
    ({"birthDate": "1965-11-04"}, "DATE_OF_BIRTH"),
    ({"date_of_birth": "1965-11-04T00:00:00Z"}, "DATE_OF_BIRTH"),
    ({"dob": "12 March 1985"}, "DATE_OF_BIRTH"),
    ({"dob": "March 12, 1985"}, "DATE_OF_BIRTH"),
    ({"Geburtsdatum": "12.03.1985"}, "DATE_OF_BIRTH"),
    ({"fecha_nacimiento": "12/03/85"}, "DATE_OF_BIRTH"),
    ({"生年月日": "1985年3月12日"}, "DATE_OF_BIRTH"),
]
STAY = [
    {"tax_id": "txi_1NuMB12eZvKYlo2CMecoWkZd"},
    {"passport": "12345"},
    {"passport": "Expired26"},
    {"passport": "2030-01-01", "travel_document": "visa type C"},
    {"national_id": "12.345/678-9", "de_tax_id": "12345678901", "us_npi": "1234567890", "uk_nino": "BG123612A"},
    {"tr_national_id": "12345678900", "pl_pesel": "44051401459", "in_aadhaar": "1234 5678 9012"},
    {
        "us_ssn": "693-09.4444",
        "us_itin": "911-89-1234",
        "uk_vehicle_registration": "AB35 ABC",
    },
    {"za_id_number": "9902294321191", "th_tnin": "1984567890124", "kr_brn": "104-86-56658"},
    {"de_vat_id": "DE1234567", "us_mbi": "1SG4-TE5-MK73", "de_social_security": "15070649C100"},
    {"passport_expires": "2030-01-01"},
    {"passport_url": "https://h.example/passports/12345678"},
    {"account_number_updated_at": "1700000000"},
    {"vat": "20.123456"},
    {"className": "123456789", "accessNumber": "123456789", "businessNumber": "123456780"},
    {"license": "Apache-2.0"},
    {"card_number_last4": "4242"},
    {"card": "visa"},
    {"ean": "4006381333931", "gtin": "04006381333931", "isbn": "9783161484100"},
    {"id": "1234567890123456789", "created_at": 1700000000000, "us": 1700000000000000, "ns": 1700000000000000000},
    {"tracking_number": "1Z999AA10123456784", "order_number": "112-1234567-1234567", "epic": "PROJ-12345"},
    {"birth_place": "Rome", "birth_rate": "12.25"},
    {"born": "yes", "dob": "unknown"},
    {"plate": "dinner"},
    {"coordinates": "51.5007292,-0.1246254"},
    {"table": "123\t45\t6789\n124\t46\t6790\n"},
]


@pytest.mark.parametrize(("document", "entity"), MASKED, ids=str)
def test_a_name_tells(document, entity):
    masked = MASKER.mask(json.dumps(document).encode(), "application/json", MASK_EVERYTHING)
    assert json.loads(masked.body) == dict.fromkeys(document, f"[{entity}]")


@pytest.mark.parametrize("document", STAY, ids=str)
def test_other_values_stay(document):
    body = json.dumps(document).encode()
    assert MASKER.mask(body, "application/json", MASK_EVERYTHING).body == body
