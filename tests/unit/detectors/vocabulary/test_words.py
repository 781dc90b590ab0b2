"""Words tell from a name what its value is, in many languages and spellings, and from parts of names nothing."""

import json
import re

import pytest

from extproc.assembly.make_masker import make_detectors
from extproc.detectors.databases import Expression, compile_database
from extproc.detectors.vocabulary.vocabulary import Vocabulary, built_in
from extproc.detectors.vocabulary.words import Words
from extproc.model.errors import ConfigError
from extproc.settings.masking import InstallationMasking

SECRETS = ("password", "pin", "secret")
TELL = {
    "phone": [
        "phone",
        "userPhone",
        "user-phone",
        "USER_PHONE",
        "Phone Number",
        "phones",
        "phone1",
        "homePhone2",
        "Telefonnummer",
        "téléphone",
        "Teléfono",
        "telNo",
        "电话号码",
        "携帯電話",
        "komórka",
        "contact.mobile",
    ],
    "password": [
        "password",
        "DBPASSWORD",
        "userPassword",
        "/prod/db/password",
        "Contraseña",
        "hasło",
        "HASŁO",
        "mot de passe",
        "Benutzerpasswort",
        "パスワード",
        "パスワード確認",
        "密码",
        "senha",
    ],
    "pin": ["pin", "PIN", "userPin", "cvv2", "CVV", "card_pin", "kod pin"],
    "secret": ["client_secret", "apiKey", "API-KEY", "x-api-key", "apikeys", "session_id", "secret_key_base"],
}
DO_NOT_TELL = {
    "phone": [
        "iphone_sales",
        "iPhone",
        "iphone",
        "mobile_users",
        "microphone",
        "phone_verified_at",
        "phone_id",
        "telemetry",
        "television",
        "headphone",
        "phone_count",
        "has_phone",
        "excellent",
        "fixed",
    ],
    "password": [
        "password_policy",
        "password_id",
        "passwordStatus",
        "password_expires_at",
        "password_url",
        "is_password",
        "passwordChangedAt",
        "forgot_password",
        "passenger",
        "compass",
    ],
    "pin": ["shipping", "pinned", "pinterest", "opinion", "spin", "pin_id", "tangent"],
    "secret": ["secretName", "api_key_status", "authType", "authorization_url", "secretary", "api_key_id"],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TELL.items() for name in names])
def test_a_name_tells(kind, name):
    words = built_in().words(kind)
    assert words.tell(name)
    assert _has_hint(words, f'{{"{name}": "x"}}')


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in DO_NOT_TELL.items() for name in names])
def test_a_name_does_not_tell(kind, name):
    assert not built_in().words(kind).tell(name)


@pytest.mark.parametrize("kind", sorted(built_in().languages))
def test_each_word_tells_alone_and_in_a_hint(kind):
    words = built_in().words(kind)
    for word in words.words:
        name = word.replace("*", "")
        for spelled in (name, name.upper(), name.title(), name.replace("_", " "), name.replace("_", "-")):
            assert words.tell(spelled), spelled
            assert _has_hint(words, f"\n{spelled}: 1"), spelled
            assert _has_hint(words, json.dumps(f"a\n{spelled}: 1", ensure_ascii=False)), spelled


@pytest.mark.parametrize("text", ["paid card", "hybrid_card", "PaidCard", "paidcard", "thetaxid"])
def test_a_short_first_part_has_a_hint_only_where_a_word_begins(text):
    assert not _has_hint(Words(["id_card", "tax_id"]), f" {text} ")


@pytest.mark.parametrize(
    "text", ["userIdCard", "USERIdCard", "id card", "x-id-card", "idcard", "Tax_ID", "my taxId"]
)
def test_a_word_with_a_short_first_part_has_a_hint(text):
    assert _has_hint(Words(["id_card", "tax_id"]), f" {text} ")


@pytest.mark.parametrize(
    ("text", "keys", "told"),
    [
        ("my phone is 0791234567", "", True),
        ("my phone number: 0791234567", "", True),
        ("iphone sales 0791234567", "", False),
        ("phone: 0791234567", "", True),
        ("phone_id: 0791234567", "", False),
        ("0791234567", "phone", True),
        ("0791234567", "phone\nhome", True),
        ("0791234567", "phone\nid", False),
        ("0791234567", "order", False),
        ("call me " * 9 + "0791234567", "", False),
    ],
)
def test_a_value_beside_a_word(text, keys, told):
    assert built_in().words("phone").beside(text, text.index("079"), keys) is told


def test_languages_of_the_table():
    wanted = {"en", "de", "fr", "es", "pt", "it", "nl", "pl", "ja", "zh"}
    for kind in ("phone", "account", "tax", "birth", "passport", "card", "address"):
        assert wanted <= {*built_in().languages[kind]}, kind
    assert wanted - {"en"} <= {*built_in().languages["password"]}


def test_an_installations_words():
    assert Vocabulary({"password": ["geheim_wort"]}).words("password").tell("geheimWort")
    assert not built_in().words("password").tell("geheimWort")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"pasword": ["x"]}, "'pasword' is not a kind of words"),
        ({"password": ["Geheim Wort"]}, "'Geheim Wort' is not a word"),
        ({"password": ["a.*b"]}, "is not a word"),
        ({"password": [""]}, "is not a word"),
    ],
)
def test_wrong_words_are_refused(words, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        make_detectors(InstallationMasking.model_construct(words=words))
    assert caught.value.key[:2] == ("masking", "words")


def test_no_words_tell_nothing():
    assert not Words([]).tell("password")
    assert Words([]).hints == ()


def _has_hint(words, text):
    database = compile_database([Expression(at, hint, 8 | 2) for at, hint in enumerate(words.hints)])
    found = []
    database.scan(("\n\n" + text).encode(), match_event_handler=lambda *match: found.append(match))
    return bool(found)


@pytest.mark.parametrize("word", ["Phone", "TÉLÉPHONE", "telephone", "電話", "handy_nummer", "homePhone"])
@pytest.mark.parametrize("text", ["{}: 5550123", "x {} no. 5550123", '{{"{}": "5550123"}}'])
def test_matches_are_looked_for_near_words(word, text):
    words, written, number = built_in().words("phone"), text.format(word), re.compile("[0-9]{7,}")
    at = written.index("5550123")
    found = words.matches(number, f"{written} {'x' * 300} 5550123")
    assert [match.span() for match in found] == [(at, at + 7)]
    assert not list(words.matches(number, "xyz 5550123"))


def test_a_long_match_near_a_word_is_found_as_a_whole():
    found = built_in().words("phone").matches(re.compile("[0-9]+"), f"phone {'5' * 2_000} phone 123")
    assert [len(match[0]) for match in found] == [2_000, 3]


@pytest.mark.parametrize("name", ["aba", "ABA", "aba_1", "1-aba", "bankAba", "x aba 2", "abas"])
def test_a_word_of_the_letters_of_digests_tells(name):
    words = Words(["aba"])
    assert words.tell(name)
    assert _has_hint(words, f"{name}\n")


@pytest.mark.parametrize("name", ["c0dfef0400aba02e2d", "1aba2", "0400aba", "aba02"])
def test_a_word_beside_the_digits_of_a_digest_tells_nothing(name):
    words = Words(["aba"])
    assert not words.tell(name)
    assert not _has_hint(words, f"{name}\n")


@pytest.mark.parametrize("name", ["pin", "PIN", "userPin", "USPin", "pinValue", "user_PIN", "pins"])
def test_a_short_word_has_a_hint_where_it_is_a_part_of_a_name(name):
    words = Words(["pin"])
    assert words.tell(name)
    assert _has_hint(words, f"{name}\n")


@pytest.mark.parametrize("text", ["shopping", "SPINE of", "opinion", "Spin"])
def test_a_short_word_has_no_hint_inside_of_others(text):
    assert not _has_hint(Words(["pin"]), f"{text.lower()}\n")


@pytest.mark.parametrize(
    "name", ["p\u00e1ssword", "password", "userPIN", "USBPin", "DBPin", "pin", "PINs", "opinion"]
)
def test_a_name_that_tells_has_a_hint(name):
    words = built_in().words("password", "pin")
    assert not words.tell(name) or words.ends(name)
    assert words.tell(name) == (name not in ("p\u00e1ssword", "opinion"))
