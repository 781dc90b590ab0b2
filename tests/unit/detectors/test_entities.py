"""One table per entity: what is found, and what is not."""

# ruff: noqa: RUF001 - the other ways to write digits and dashes are the point

import json

import pytest

from extproc.detectors.analyzer import Analyzer
from extproc.detectors.catalogue import CATALOGUE
from extproc.detectors.entities import jwt

DETECTORS = Analyzer()

RANDOM = "Xk29fLq81mZtPw47"
AWS = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYaa"
SHOULD = {
    "CREDIT_CARD": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111+1111+1111+1111",
        "3782 822463 10005",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "5555555555554444",
        "2223003122003222",
        "4222222222222",
        "4000000000000000006",
        "4111.1111.1111.1111",
        "4111/1111/1111/1111",
        "4111\t1111\t1111\t1111",
        "3782_822463_10005",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "４１１１１１１１１１１１１１１１",
        "٤١١١١١١١١١١١١١١١",
        "4111\u00a01111\u202f1111\u30001111",
        "4111–1111—1111−1111",
        "4111\u200b1111\u200c1111\u00ad1111",
        "4.111111111111111E15",
        "4.000000000000002e+15",
    ],
    "US_SSN": [
        "123-45-6789",
        "123 45 6789",
        "001-01-0001",
        "１２３-４５-６７８９",
        "899-99-9999",
        "123‑45‑6789",
        "123.45.6789",
        "123/45/6789",
        "123\t45\t6789",
    ],
    "EMAIL_ADDRESS": [
        "bob@example.com",
        "b.o'b+tag%1_x@mail.example.co.uk",
        "józef@example.com",
        "user@münchen.de",
        "почта@пример.рф",
        "a@b.co",
        "bob＠example．com",
        "x@xn--e1afmkfd.xn--p1ai",
    ],
    "AWS_ACCESS_KEY": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "GITHUB_TOKEN": ["ghp_" + "a1B2" * 9, "ghs_" + "x" * 36, "github_pat_11ABCDEFG0_abcdefghijklmnop"],
    "OPENAI_KEY": ["sk-" + "a1b2c3d4" * 6, "sk-proj-abc_DEF-123456789012345", "sk-ant-api03-abcdefghijklmnop"],
    "SLACK_TOKEN": ["xoxb-123456789012-abcdef", "xoxe.xoxp-1-abcdefghijkl", "xapp-1-A0123-4567-abcdef"],
    "STRIPE_KEY": ["sk_live_" + "a1B2c3D4e5", "rk_test_" + "a1B2c3D4e5", "whsec_" + "a" * 24],
    "GCP_KEY": ["AIza" + "Sy0-_" * 7, "ya29." + "a0Af_-" * 5, "GOCSPX-" + "a1_-" * 7],
    "JWT": [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aXY.Y3Q.dGFn",
    ],
    "PHONE_NUMBER": [
        "+442079460958",
        "+44 20 7946 0958",
        "+1 (212) 555-0123",
        "+49 (0)30 901820",
        "212-555-0123",
        "(212) 555-0123",
        "1-212-555-0123",
        "212.555.0123",
        "(415) 555 0132",
        "1 (415)555 0132",
        "＋44 20 7946 0958",
    ],
    "IBAN_CODE": [
        "GB82WEST12345698765432",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
        "MT84MALT011000012345MTLCAST001S",
    ],
    "IP_ADDRESS": [
        "192.0.2.44",
        "10.1.2.3",
        "2001:db8::8a2e:370:7334",
        "2001:0db8:0000:0000:0000:ff00:0042:8329",
        "::ffff:c000:22c",
        "64:ff9b::192.0.2.33",
    ],
    "CRYPTO": [
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    ],
    "US_ITIN": ["912-70-1234", "900 50 1234", "999-88-7777"],
    "ES_NIF": ["12345678Z", "12345678-Z", "X1234567L", "Y1234567X", "Z1234567R"],
    "IT_FISCAL_CODE": ["RSSMRA85T10A562S", "MRTMTT91D08F205J"],
    "FI_PERSONAL_IDENTITY_CODE": ["131052-308T", "131052A308T"],
    "SG_NRIC_FIN": ["S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"],
    "GITLAB_TOKEN": ["glpat-abcdefghij0123456789", "gldt-abcdefghij0123456789", "glrt-abcdefghij0123456789"],
    "SLACK_WEBHOOK": ["hooks.slack.com/services/T" + "0" * 8 + "/B" + "0" * 8 + "/" + "x" * 24],
    "PRIVATE_KEY": [
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----",
    ],
}

IN_CONTEXT = {
    "PHONE_NUMBER": [("2125550123", "phone"), ("020 7946 0958", "contactTelephone"), ("(020) 7946-0958", "fax")],
    "US_BANK_NUMBER": [("123456789012", "accountNumber"), ("021000021", "routing_number"), ("12345678", "acct")],
    "US_PASSPORT": [("123456789", "passport"), ("C12345678", "passportNo")],
    "UK_NHS": [("943 476 5919", "nhs_number"), ("9434765919", "NHS")],
    "PL_PESEL": [("44051401359", "pesel")],
    "AU_ABN": [("51 824 753 556", "abn"), ("51824753556", "businessNumber")],
    "AU_TFN": [("123 456 782", "tfn"), ("876543210", "tax_file_number")],
    "IN_AADHAAR": [("2341 2341 2346", "aadhaar"), ("234123412346", "aadhar_no")],
    "AWS_SECRET_KEY": [("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_key")],
    "SECRET": [
        ("a8f5f167f44f4964e6c998dee827110c", "api_key"),
        ("Zk3x8Qw1-p9_rT5vB2nM", "password"),
        ("q7Wn2/xK9+vB4mZ8==", "credentials"),
        ("Zk3x8Qw1-p9_rT5vB2nM", "token"),
        ("Zk3x8Qw1-p9_rT5vB2nM", "reset_token"),
        ("Zk3x8Qw1-p9_rT5vB2nM", "pwd"),
        ("/k3x8Qw1p9rT5vB2nM", "pwd"),
        ("Zk3x8Qw1-p9_rT5vB2nM", "passphrase"),
        ("123e4567-e89b-12d3-a456-426614174000", "api_key"),
        ("123e4567-e89b-12d3-a456-426614174000", "clientSecret"),
        ("123e4567-e89b-12d3-a456-426614174000", "token"),
    ],
}
"""Text, and the key above it without which it is anything."""
ANY_KEY = [
    "text",
    "chat",
    "format",
    "name",
    "status",
    "update",
    "paid",
    "curl",
    "url",
    "id",
    "conversion",
    "build_log",
]
ANY_KEY += ["release_notes", "version", "phone_id", "secret_name", "driver", "candidate"]
UNDER_ANY_KEY = [
    (f"my password is {RANDOM}", "SECRET", RANDOM),
    (f"curl -H 'X-Api-Key {RANDOM}'", "SECRET", RANDOM),
    ("call my mobile 0791234567", "PHONE_NUMBER", "0791234567"),
    ("connected to 10.1.2.3 and more", "IP_ADDRESS", "10.1.2.3"),
    ("host 2001:db8::8a2e:370:7334", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
]
"""What a text says by itself holds whatever key it stands under."""
PARTS_OF = {
    "SECRET": [
        (f"{before}{RANDOM}{behind}", RANDOM)
        for before, behind in [
            ("password=", ""),
            ("DB_PASSWORD=", "\nDB_HOST=db"),
            ("client_secret=", "&x=1"),
            ("--password=", " --verbose"),
            ("password==", ""),
            ("password='", "'"),
            ("https://h.example/?api_key=", "&x=1"),
            ("https://h.example/cb#access_token=", "&token_type=bearer"),
            ("Server=db;User Id=sa;Password=", ";"),
            ("api_key=", "; Path=/"),
            ("passphrase: ", ""),
            ("the passphrase is ", ""),
            ("pwd: ", ""),
            ("Uid=sa;Pwd=", ";"),
            ("token: ", ""),
            ("?token=", "&x=1"),
            ("session_token=", ""),
            ("csrfToken: '", "'"),
            ("<token>", "</token>"),
        ]
    ]
    + [
        (f"{before}123e4567-e89b-12d3-a456-426614174000{behind}", "123e4567-e89b-12d3-a456-426614174000")
        for before, behind in [
            ("api_key: ", ""),
            ("?client_secret=", "&x=1"),
            ('{"password": "', '"}'),
            ("<api_key>", "</api_key>"),
            ("reset_token=", ""),
        ]
    ]
    + [
        (f'{{"password": "{before}{words}{behind}"}}', words)
        for words in ("Summer_Holiday_2024", "correct-horse-42-battery", "abc.def.ghi.12.jkl.mno")
        for before, behind in (("$", ""), ("$", "}"), ("${", ""), ("${", ":-x}"), ("{", "}"))
    ]
    + [
        (f"{before}Summer_Holiday_2024=x{behind}", "Summer_Holiday_2024=")
        for before, behind in (
            ('{"password": "', '"}'),
            ("db_password=", ""),
            ("<pwd>", "</pwd>"),
            ("token: ", ""),
        )
    ]
    + [(f"refresh_token: {text}", text) for text in (RANDOM * 32, RANDOM * 32 + "x", RANDOM * 1_000)],
    "IP_ADDRESS": [
        (f"{before}{address}{behind}", address)
        for address in ("10.1.2.3", "2001:db8::8a2e:370:7334")
        for before, behind in [
            ("http://" if "." in address else "http://[", "/x" if "." in address else "]/x"),
            ("//", ""),
            ("", "/24"),
            ("", "-"),
            ("", "-fine"),
            ("", "-gateway"),
            ("", "_device"),
            ("", "-1.predator"),
            ("", "-debug2"),
            ("", "-10.1.2.9"),
            ("", "-2001:db8::8a2e:370:9999"),
            ("10.1.2.2-", ""),
            ("2001:db8::8a2e:370:1111-", ""),
            ("db/", " is up"),
            ("peers/", "/status"),
            ("from-", ""),
            ("from_", "_at_noon"),
            ("/", ""),
            ("", "."),
        ]
    ]
    + [(text, "10.1.2.3") for text in ("redis://10.1.2.3:6379/0", "Db/10.1.2.3:5432", "access-10.1.2.3.txt")]
    + [(text, "10.1.2.3") for text in ("https://10.1.2.3/a-1.2.3.4.zip", "ip-10.1.2.3", "GET /peers/10.1.2.3")],
    "PHONE_NUMBER": [
        (f"{number}{behind}", number)
        for number in ("+1-415-555-0132", "+14155550132", "(415) 555-0132", "415-555-0132")
        for behind in ("x12", "X1", " x12", " ext. 12", ";ext=12", ".", ". So")
    ]
    + [("phone 0791234567x12", "0791234567")],
    "CREDIT_CARD": [
        (f"{before}{card}{behind}", card)
        for card in ("4111.1111.1111.1111", "4111/1111/1111/1111", "3782_822463_10005")
        for before, behind in (("", "."), ("it is ", "."), ("", "... so"), ("", "/"), ("(", ")."), ("", ".\nBye"))
    ],
    "US_SSN": [("it is 123.45.6789.", "123.45.6789"), ("123/45/6789/", "123/45/6789")],
    "AWS_SECRET_KEY": [(f"aws_secret_access_key={AWS}", AWS), (f"?aws_secret={AWS}&x=1", AWS)],
    "CONNECTION_STRING": [("postgres://app:hunter22@db.internal/x", "hunter22"), ("amqp://:s3cr3t@mq", "s3cr3t")],
}
"""Text, and the part of it that is found."""


@pytest.mark.parametrize(
    ("entity", "text", "key"), [(entity, *each) for entity, texts in IN_CONTEXT.items() for each in texts]
)
def test_finds_beside_a_telling_name(entity, text, key):
    found = [(span.start, span.end) for span in DETECTORS.scan(text, lambda: key) if span.entity == entity]
    assert found == [(0, len(text))]
    assert entity in {span.entity for span in DETECTORS.scan(f"{key}: {text}")}
    for around in (
        '{{"{}": "{}"}}',
        "<{0}>{1}</{0}>",
        "<x:{0} a='b'>{1}</x:{0}>",
        "[{}: {}]",
        "[{}] {}",
        "<{}: {}>",
    ):
        assert entity in {span.entity for span in DETECTORS.scan(around.format(key, text))}
        if key.upper() != entity:
            assert entity in {span.entity for span in DETECTORS.scan(around.format(key.upper(), text))}
    assert DETECTORS.scan(text, lambda: "order") == [] or entity == "AWS_SECRET_KEY"


@pytest.mark.parametrize(
    ("entity", "text", "part"), [(entity, *each) for entity, texts in PARTS_OF.items() for each in texts]
)
def test_finds_a_part(entity, text, part):
    at = text.index(part)
    assert (at, at + len(part), entity) in DETECTORS.scan(text)


@pytest.mark.parametrize(("text", "entity", "part"), UNDER_ANY_KEY)
@pytest.mark.parametrize("key", ANY_KEY)
def test_what_a_text_says_holds_under_any_key(text, entity, part, key):
    at = text.index(part)
    assert (at, at + len(part), entity) in DETECTORS.scan(text, lambda: key)
    assert entity in {span.entity for span in DETECTORS.scan(json.dumps({key: text}))}


@pytest.mark.parametrize(
    "key", ["conversion", "server", "driver", "approver", "building", "released_from", "build_host"]
)
def test_keys_that_only_sound_like_a_version_hide_no_address(key):
    assert [span.entity for span in DETECTORS.scan("10.1.2.3", lambda: key)] == ["IP_ADDRESS"]
    assert [span.entity for span in DETECTORS.scan(f"{key}=10.1.2.3")] == ["IP_ADDRESS"]


ORDINARY = {
    "id": [
        "123456789",
        "98765432",
        "1234567890123",
        "C12345678",
        "ORD-2024-001234",
        "INV 2024 0001",
        "51824753556",
    ],
    "account_id": ["123456789012", "acc_1234567890"],
    "uuid": [
        "123e4567-e89b-12d3-a456-426614174000",
        "9434765919-e29b",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "54578843-6845-4db4-91b5-6738942423f3",
    ],
    "hash": [
        "d41d8cd98f00b204e9800998ecf8427e",
        "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "sha256:" + "0a1b" * 16,
        "5374076551369fe038ab9a8edfa46551",
        "03dc4e6cc1b42c05d9cc34c3af33627729352832b922481fe2110cd6a49ce3a7",
    ],
    "at": [
        "2026-11-21T03:02:38Z",
        "2026-11-21 03:02:38.123456+01:00",
        "20261121T030238",
        "Sat, 21 Nov 2026 00:00:00 GMT",
        "03:02:38",
        "1700000000",
        "1700000000.123456",
    ],
    "amount": ["1,234,567.89", "1250.50", "-12345678.9012", "1e+12345678", "0.8444218515250481", "250 300 4000"],
    "version": ["1.2.3.4", "10.0.19045.3448", "v1.2.3-rc.1"],
    "appVersion": ["1.2.3.4", "1.2.3.4 "],
    "build_number": ["1.2.3.4"],
    "FirmwareVersion": ["1.2.3.4"],
    "releases": ["1.2.3.4"],
    "text": [
        "version=1.2.3.4",
        "<version>1.2.3.4</version>",
        "<app:version a='b'>1.2.3.4</app:version>",
        "oid: 1.3.6.1",
    ],
    "agent": ["Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36"],
    "browser": [
        "Chrome/120.0.0.0",
        "Edg/120.0.0.0 OPR/99.0.0.0, YaBrowser/24.1.0.0; x",
        "(HeadlessChrome/1.2.3.4)",
    ],
    "file": ["foo-1.2.3.4.tar.gz", "lib-core2-1.2.3.4.jar", "foo-1.2.3.4-1.x86_64.rpm", "foo_1.2.3.4_amd64.deb"],
    "release": ["https://h.example/releases/1.2.3.4/notes", "/app/v/1.2.3.4", "kernel 5.4.0.100-generic"],
    "pinned": ["1.2.3.4-rc.1", "1.2.3.4-SNAPSHOT", "1.2.3.4-1ubuntu2", "1.2.3.4-1.el9", "v1.2.3.4", "1.2.3.4.5"],
    "pinned_too": [
        "1.2.3.4-preview1",
        "1.2.3.4-prerelease",
        "1.2.3.4-pre.1",
        "1.2.3.4-dev_2",
        "1.2.3.4-1~deb12u1",
    ],
    "home": ["http://127.0.0.1:8080/x", "//127.0.0.1", "http://[::1]:80/", "127.0.0.1-127.0.0.9"],
    "etag": ['W/"33a64df551425fcc55e4d42a148795d9f25f89d4"', '"5f1d7a2b-2c8"'],
    "mac": ["00:1a:2b:3c:4d:5e"],
    "code": ["std::vector::push_back", "a::b", "Foo::Bar(1)", "x = y[1:2:3]", "urn:isbn:0451450523"],
    "local": ["127.0.0.1", "::1", "0.0.0.0", "255.255.255.0"],
    "coordinates": ["51.5007292,-0.1246254", "[51.50, -0.12]"],
    "isbn": ["978-3-16-148410-0"],
    "nextPageToken": ["CAESBgoEIgIIAQ0123456789"],
    "NextToken": ["CAESBgoEIgIIAQ0123456789"],
    "token_type": ["gpt-4o-2024-08-06-preview"],
    "token_count": ["gpt-4o-2024-08-06-preview"],
    "tokens": ["gpt-4o-2024-08-06-preview"],
    "token": ["abc", "hello", "12345678901234567890", "changeme", "${CI_JOB_TOKEN_2024_1}"],
    "note": [
        "a token for gpt-4o-2024-08-06-preview",
        "password reset for 123e4567-e89b-12d3-a456-426614174000",
        "token: abc at 2026-11-21T03:02:38Z",
    ],
    "secretId": ["123e4567-e89b-12d3-a456-426614174000"],
    "credential_id": ["123e4567-e89b-12d3-a456-426614174000"],
    "PWD": ["/home/ci/build-2026-11-21/x", "~/src/build-2026-11-21", "./build-2026-11-21"],
    "shell": ["PWD=/home/ci/build-2026-11-21/x OLDPWD=/home/ci/build-2026-11-20/x"],
    "next_page_token": ["eyJwYWdlIjoyfQ", "CAESBgoEIgIIAQ0123456789"],
    "total_tokens": ["12345678"],
    "password_changed_at": ["2026-11-21T03:02:38Z"],
    "env": [
        "DB_PASSWORD=${DB_PASSWORD_2024_01}",
        "PASSWORD=changeme\nREDIS_HOST_10_2_3=a\nREDIS_PORT_10_2_3=6379",
        "password={{ .Values.database.password }}",
        "password=<your-password-goes-here>",
        "password=****************",
        "api_key=YOUR_API_KEY_GOES_HERE",
        "?password_reset=1&at=2026-11-21",
        "secret_version=2026.11.21",
    ],
    "secret_name": ["projects/my-project-123456/secrets/db-1"],
    "secretName": ["projects/my-project-123456/secrets/db-1"],
    "passwordResetUrl": ["https://id.example.com/reset/2024/v2"],
    "log": ["secret_name=projects/my-project-123456/db-1", "<secretId>AbCdEf-123456-789012</secretId>"],
    "xml": ["<phone_id>12345678</phone_id>", "<phoneUpdatedAt tz='1'>1700000000</phoneUpdatedAt>"],
    "phoneVerifiedAt": ["1700000000"],
    "phone_verified_at": ["1700000000"],
    "phone_updated": ["2026-11-21"],
    "phone_id": ["12345678"],
    "dsn": ["https://example.com:8443/a@b", "postgres://app:${PASSWORD}@db/x", "redis://localhost:6379/0"],
    "url": ["https://example.com/orders/123456789?page=2#x", "hooks.slack.com"],
    "iban_like": ["GB82WEST12345698765433", "ZZ82WEST12345698765432", "DE8937040044053201300"],
    "nif_like": ["12345678A", "12345678", "AB12345678Z"],
    "bitcoin_like": ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"],
    "fiscal_like": ["RSSMRA85T10A562T", "131052-308U", "S1234567A"],
}


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in ORDINARY.items() for text in texts])
def test_ordinary_values_stay(key, text):
    """The default rule redacts whatever is found: a wrong find breaks an answer."""
    assert DETECTORS.scan(text, lambda: key) == []
    assert DETECTORS.scan(f'{{"{key}": "{text}"}}') == []


AROUND = [
    "",
    "|",
    " ",
    "é",
    "中",
    "\n",
    "\x00",
    ",",
]


@pytest.mark.parametrize(("entity", "text"), [(e, text) for e, texts in SHOULD.items() for text in texts])
@pytest.mark.parametrize("around", AROUND)
def test_finds_exactly(entity, text, around):
    before = "" if around in "é中" and entity == "EMAIL_ADDRESS" else around
    after = "" if entity in ("EMAIL_ADDRESS", "PRIVATE_KEY") else around
    found = DETECTORS.scan(before + text + after)
    assert [(span.entity, span.start, span.end) for span in found] == [(entity, len(before), len(before + text))]


ADJACENT = ["card4111111111111111end", "№123-45-6789г", "x4111-1111-1111-1111y", "id=AKIAIOSFODNN7EXAMPLE&x"]


@pytest.mark.parametrize("text", ADJACENT)
def test_letters_beside_hide_nothing(text):
    assert len(DETECTORS.scan(text)) == 1


SHOULD_NOT = [
    "4111111111111112",  # check digit
    "411111111111",  # 12 digits
    "41111111111111111111",  # 20 digits
    "04111111111111111",  # part of a longer number
    "9111111111111111",  # no such issuer
    "0000000000000000",
    "1700000000000",  # a time in milliseconds
    "1700000000003",
    "1700000000000000",
    "1700000000000000000",
    "0.4111111111111111",  # a fraction
    "-12.4111111111111111",
    "4111  1111  1111  1111x",  # two spaces: no card is written so
    "4111,1111,1111,1111",
    "4111.1111.1111.1111.1",
    "4111.1111.1111.11112",
    "123.45.6789.1",
    "+14155550132a",
    "+14155550132xx1",
    "415-555-0132_1",
    "415-555-0132x",
    "415 555 0132",
    "a(415) 555 01325",
    "f(415) 155 0132",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "123-45-0000",
    "1123-45-6789",
    "123-45-67890",
    "123456789",  # nine digits of anything
    "2024-01-15",
    "555-123-4567",
    "bob@localhost",
    "@example.com",
    "bob@",
    "pkg@1.2.3",
    "bob@example.c",
    "bob at example.com",
    "AKIAIOSFODNN7EXAMPL",
    "AKIAIOSFODNN7EXAMPLES",
    "XAKIAIOSFODNN7EXAMPLE",
    "akiaiosfodnn7example",
    "ghp_" + "a" * 35,
    "task-list-of-many-words-in-one-name",
    "sk-some-long-name-without-digits",
    "sk-short1",
    "xoxb-short",
    "pk_live_" + "a1B2c3D4e5",
    "AIza" + "a" * 34,
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9.x",
    "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxIn0.c2ln",  # no alg
    "eyJ.a.b",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "[CREDIT_CARD] [US_SSN] [REDACTED]",
    "123e4567-e89b-12d3-a456-426614174000",
    "",
]


@pytest.mark.parametrize("text", SHOULD_NOT)
def test_leaves_alone(text):
    assert DETECTORS.scan(text) == []


@pytest.mark.parametrize(
    ("text", "path", "found"),
    [
        ("123456789", ("customer", "ssn"), True),
        ("123456789", ("customerSSN",), True),
        ("123456789", ("socialSecurityNumber",), True),
        ("123456789", ("social_security",), True),
        ("123456789", ("ssn", "value"), True),
        ("123.45.6789", ("ssn",), True),
        ("SSN: 123456789", (), True),
        ("her ssn is 123456789", ("note",), True),
        ("123456789", ("order",), False),
        ("666456789", ("ssn",), False),
        ("[US_SSN] 123456789", (), False),
        ("123456789", ("[US_SSN]",), False),
        ("ssn" + " " * 50 + "123456789", (), False),
    ],
)
def test_bare_numbers_need_a_telling_context(text, path, found):
    assert [span.entity for span in DETECTORS.scan(text, lambda: "\n".join(filter(None, path)))] == [
        "US_SSN"
    ] * found


def test_a_card_beside_other_digits_is_found():
    assert [(span.start, span.end) for span in DETECTORS.scan("4111111111111111 123")] == [(0, 16)]
    assert [(span.start, span.end) for span in DETECTORS.scan("12/27 4111 1111 1111 1111")] == [(6, 25)]


def test_several_are_found_in_order():
    text = "a@b.co 4111111111111111 123-45-6789 c@d.co"
    assert [text[span.start : span.end] for span in DETECTORS.scan(text)] == text.split()


def test_canonical_forms_join_spellings():
    assert DETECTORS.canonical("CREDIT_CARD", "４１１１-1111 1111\u00a01111") == "4111111111111111"
    assert DETECTORS.canonical("US_SSN", "123-45-6789") == DETECTORS.canonical("US_SSN", "123456789")
    assert DETECTORS.canonical("EMAIL_ADDRESS", "Bob@Example.com") == "bob@example.com"


def test_every_detector_is_in_the_tables():
    tables = {*SHOULD, *IN_CONTEXT, *PARTS_OF}
    assert {detector.entity for detector in CATALOGUE} == tables == DETECTORS.entities


def test_nothing_found_is_shorter_than_its_detector_says():
    for detector in CATALOGUE:
        texts = [(text, "ssn") for text in [*SHOULD.get(detector.entity, []), "123456789"]]
        texts += IN_CONTEXT.get(detector.entity, [])
        ranges = [found for text, key in texts for found in detector.find(text, key)]
        assert all(end - start >= detector.shortest for start, end in ranges)


@pytest.mark.parametrize("joined", ["eyJ.", "eyJ-", "eyJ", "eyJhbGciOiJIUzI1NiJ9."])
def test_what_is_joined_to_a_token_does_not_hide_it(joined):
    """Nothing of the token is left, whatever it is glued to."""
    text = joined + SHOULD["JWT"][0] + "." + SHOULD["JWT"][0]
    [span] = DETECTORS.scan(text)
    assert span.entity == "JWT"
    assert span.end == len(text)
    assert span.start <= len(joined)


@pytest.mark.parametrize("text", ["/" + "eyJ" * 20_000 + "/eyJ.a.", "eyJ." * 20_000, ("eyJ" * 15 + ".") * 1_000])
def test_many_beginnings_of_a_token_cost_no_more_than_their_length(text, monkeypatch):
    """However a text is made of beginnings, only so many characters are decoded for each of its own."""
    decoded = []
    monkeypatch.setattr(jwt, "has_algorithm", lambda part: decoded.append(len(part)))
    list(jwt.find(text, ""))
    assert sum(decoded) <= len(text) * jwt.STARTS_MAX


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024\n4111\n1111\n1111\n1111\n", "CREDIT_CARD"),
        ("1999\t1998\t4111\t1111\t1111\t1111\t7", "CREDIT_CARD"),
        ("000\t12\t3456\t666\t12\t3456\n666\n219\n09\n9999\n", "US_SSN"),
        (r"2024\n4111\n1111\n1111\n1111\n", "CREDIT_CARD"),
        (r'{"a":"x\r\n3782\r\n822463\r\n10005"', "CREDIT_CARD"),
        (r"['219\t09\t9999', '219\t09\n9999']", "US_SSN"),
        ("2024\r\n4111\r\n1111\r\n1111\r\n1111\r\n", "CREDIT_CARD"),
        ("1\r\n3782\r\n822463\r\n10005\r\n7", "CREDIT_CARD"),
        ("000\r\n12\r\n3456\r\n666\n219\r\n09\r\n9999\r\n", "US_SSN"),
    ],
)
def test_other_numbers_before_it_do_not_hide_one(text, found):
    """A column of groups of digits is looked at from each of them."""
    assert [span.entity for span in DETECTORS.scan(text)] == [found]
