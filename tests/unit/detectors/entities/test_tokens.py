"""The tables of token formats: texts in which tokens are found, and identifiers that are public."""

import random
import re

import pytest

from extproc.detectors.entities.tokens.catalogue import TOKENS
from extproc.detectors.entities.tokens.token_form import filler
from tests.support.from_pattern import text_of
from tests.unit.detectors.entities.checks import ANALYZER, AROUND

HEX = "a1b2c3d4e5f6"
SHORTEST = 16
FORMS = [(token.entity, number, form) for token in TOKENS for number, form in enumerate(token.forms)]
"""Every form of every token."""
UUID = "12ab34cd-0000-4000-8000-12ab34cd56ef"
FOUND = [
    ("ATLASSIAN_TOKEN", "ATBB" + filler(28) + "0A1B2C3D"),
    ("AWS_SESSION_TOKEN", "FwoGZXIvYXdzE" + filler(120) + "=="),
    ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj" + filler(300, "aB1/cD2+") + "=="),
    ("AZURE_KEY", filler(3) + "8Q~" + filler(34, "a1B2.c3_D4~e5-")),
    ("AZURE_KEY", filler(76) + "AZDO" + filler(4)),
    ("AZURE_KEY", filler(76) + "+ASt" + filler(5) + "A=="),
    ("CLOUDFLARE_TOKEN", "v1.0-" + filler(24, HEX) + "-" + filler(146, HEX)),
    ("DISCORD_TOKEN", "MTIzNDU2Nzg5MDEyMzQ1Njc4.G1B2c3." + filler(38)),
    ("DOPPLER_TOKEN", "dp.st.prd_eu." + filler(43)),
    ("GCP_KEY", "1//0" + filler(60)),
    ("GCP_KEY", "ya29.a0" + filler(160)),
    ("GITHUB_TOKEN", "github_pat_" + filler(22) + "_" + filler(59)),
    ("GITHUB_TOKEN", "ghs_123456_eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
    ("GITLAB_TOKEN", "glpat-" + filler(27) + ".01." + filler(9)),
    ("GRAFANA_TOKEN", "eyJrIjoi" + filler(60) + "=="),
    ("MAILGUN_KEY", filler(32, HEX) + "-" + filler(8, HEX) + "-" + filler(8, HEX)),
    ("NEW_RELIC_KEY", filler(36, HEX) + "NRAL"),
    ("ONEPASSWORD_TOKEN", "A3-" + "A1B2C3-A1B2C3-D4E5F-A1B2C-D4E5F-A1B2C"),
    ("PYPI_TOKEN", "pypi-AgENdGVzdC5weXBpLm9yZw" + filler(120)),
    ("SLACK_TOKEN", "xoxe.xoxp-1-" + filler(160)),
    ("PASSWORD_HASH", "$krb5tgs$23$*user$realm$" + filler(64, HEX)),
    ("PUBNUB_KEY", "pub-c-" + UUID),
    ("SEGMENT_TOKEN", "sgp_" + filler(64)),
    ("SQUARE_TOKEN", "EAAA" + filler(60)),
    ("STRIPE_KEY", "pi_" + filler(24) + "_secret_" + filler(25)),
    ("TAILSCALE_KEY", "tskey-api-" + filler(12) + "CNTRL-" + filler(32)),
    ("TELEGRAM_TOKEN", "1234567890:AA" + filler(33)),
]
"""Tokens in forms beside the examples of the tables."""
FOUND_IN_PART = [
    ("SONAR_TOKEN", "-Dsonar.login=", filler(40, HEX), ""),
    ("AWS_SESSION_TOKEN", "https://b.s3.amazonaws.com/k?X-Amz-Signature=", filler(64, HEX), "&x=1"),
    ("AWS_SESSION_TOKEN", "?X-Amz-Security-Token=", "FwoGZXIvYXdzE" + filler(90) + "%2Fa1%3D%3D", "&X-Amz-Date=1"),
    ("AWS_SESSION_TOKEN", "SignedHeaders=host;x-amz-date, Signature=", filler(64, HEX), ""),
    ("AZURE_KEY", "AccountName=a;AccountKey=", filler(86) + "==", ";EndpointSuffix=core.windows.net"),
    ("AZURE_KEY", "SharedAccessKeyName=Root;SharedAccessKey=", filler(43) + "=", ";EntityPath=q"),
    ("AZURE_KEY", "https://a.blob.core.windows.net/c?sv=2024-01-01&sp=r&sig=", filler(42) + "%2Ba%3D", "&se=2"),
    ("AZURE_KEY", "https://a.azurewebsites.net/api/f?code=", filler(54) + "==", "&x=1"),
    ("NPM_TOKEN", "//registry.example.com/:_authToken=", filler(24), "\n"),
    ("NPM_TOKEN", "//registry.example.com/:_password=", "aHVudGVyMg==", ""),
]
"""What stands before a token, the token, and what stands behind."""
PUBLIC = [
    "sha256-base64:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "base64:aGVsbG8gd29ybGQ=",
    "pk_live_" + filler(24),
    "pk_test_" + filler(24),
    "cus_" + filler(14),
    "pi_" + filler(24),
    "price_1" + filler(23),
    "sub_1" + filler(23),
    "arn:aws:iam::123456789012:role/service-role/lambda-2024-a1b2c3",
    "123456789012",
    "MDQ6VXNlcjU4MzIzMQ==",
    "U_kgDOABCDEF",
    "PR_kwDOABCDEF5abcde",
    "IC_kwDOABCDEF5a1b2c3",
    "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    'W/"33a64df551425fcc55e4d42a148795d9f25f89d4"',
    UUID,
    UUID.upper(),
    "sha256:" + filler(64, HEX),
    "sha512-" + filler(86) + "==",
    "sha384-" + filler(64, "a1B2/c3+"),
    "nginx@sha256:" + filler(64, HEX),
    "AC" + filler(32, HEX),
    "phc_" + filler(43),
    "sb_publishable_" + filler(22) + "_" + filler(8),
    "pk.eyJ1Ijoi" + filler(60) + "." + filler(22),
    "hooks.slack.com",
    "npm_config_registry",
    "npm_lifecycle_event",
    "github_pat_",
    "sq0idp-" + filler(22),
    "ocid1.tenancy.oc1..aaaaaaaa" + filler(52, "a1b2c3d4"),
    "projects/p-123456/secrets/db/versions/latest",
    "CAESBgoEIgIIAQ0123456789",
    "EAAaBlBUOkNHUQ",
    "rzp_test",
    "a-us1",
    "eu-us1-b",
    "test_that_a_reader_of_bodies_stops_at_the_first_frame",
    "live_" + "view_of_all_the_things_that_we_have",
    "re_compile_the_pattern_of_tokens_for_all",
    "key-0123",
    "key_of_the_door",
    "secret_manager_for_all_of_the_services_here",
    "s.AbstractBaseClassOfReaders",
    "sl." + "a-very-long-name-of-a-host-" * 6 + "example",
    "A" * 200,
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
    "AKIDecoder",
    "LTAIsValue",
    "patients.0123456789",
    "r8_register_of_all_the_things_that_we_have",
    "hf_" + "hub_download_of_models_and_sets_of_data",
    "https://example.com/callback?code=4a1b2c3d&state=1",
    "https://example.com/x?sig=1&code=2",
    "sdk-12.3.4",
    "Shared access signature",
    "AccountKeyName=root",
    "SharedAccessKeyName=RootManageSharedAccessKey",
    "dapi: a driver's API",
    "1//2 of 3//4",
    "1//path/to/a/folder/that/is/long/enough/for/it",
]
"""Identifiers and words that are no secrets."""


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.entity)
@pytest.mark.parametrize("around", AROUND)
def test_examples_are_found_whatever_stands_around_them(token, around):
    found = ANALYZER.scan(around + token.example + around)
    [match] = [match for match in found if match.entity == token.entity]
    assert match.end - match.start >= SHORTEST


@pytest.mark.parametrize(("entity", "text"), FOUND)
@pytest.mark.parametrize("around", AROUND)
def test_other_forms_are_found_whole(entity, text, around):
    assert (len(around), len(around + text), entity) in ANALYZER.scan(around + text + around)


@pytest.mark.parametrize(("entity", "before", "token", "behind"), FOUND_IN_PART)
def test_a_token_is_found_behind_its_name(entity, before, token, behind):
    assert (len(before), len(before + token), entity) in ANALYZER.scan(before + token + behind)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_identifiers_and_words_are_not_found(text):
    assert ANALYZER.scan(text) == []
    assert ANALYZER.scan(f"see {text}, please") == []


@pytest.mark.parametrize(("entity", "number", "form"), FORMS)
def test_every_form_is_found_and_begins_with_three_characters_that_are_known(entity, number, form):
    """The prefilter sees the beginning alone: a text of it matches in Hyperscan as it does in ``re``."""
    chance = random.Random(f"{entity}{number}")
    hits = [entity in {match.entity for match in ANALYZER.scan(text_of(form, chance))} for _ in range(20)]
    assert sum(hits) >= 17  # a check may refuse one that is not mixed


def test_a_github_token_that_holds_a_jwt_is_one_finding():
    text = "ghs_123456_eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
    assert ANALYZER.scan(text) == [(0, len(text), "GITHUB_TOKEN")]


@pytest.mark.parametrize("entity", [token.entity for token in TOKENS])
def test_entities_are_vendor_and_kind(entity):
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", entity)
