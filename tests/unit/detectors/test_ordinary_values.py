"""Values that look like an entity and are not: nothing may be found in them."""

import base64
import random

import pytest

from tests.unit.detectors.entities.checks import ANALYZER

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
    "interface": ["00:1a:2b:3c:4d:5e"],
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
        "PASSWORD=${PW}\nREDIS_HOST_10_2_3=a\nREDIS_PORT_10_2_3=6379",
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
    "reference": ["GB82WEST12345698765433", "ZZ82WEST12345698765432", "DE8937040044053201300"],
    "changes": [
        "This was fixed in 1.5.4.1.",
        "broken since 1.6.5.2",
        "Git 1.7.3.5 Release Notes",
        "RFC 7540 8.1.2.4",
        "(RFC 7518 §4.8.1.2)",
        "zlib 1.3.0.1-motley-7d77fb7",
        "d='1.52 2.83-2.12 3.51.98.32 2.03.5 3.11.5'",
        "Fixes CVE-2016-2107",
        "mobile: fixes CVE-2016-2107",
        "mobile\n## 2.0.1 / 2015-05-28",
        "PASS: 4/4",
    ],
    "program": [
        'log.Printf("failed to create private key: %s", err)',
        "<a accesskey='h' href='x'>",
        "<h1><span>npm-token</span> <span class='version'>@11.19.1</span></h1>",
        'gql-query alice:password "localhost:6000/" x',
        "_Mnemonic: `=` for assignment",
        "_Mnemonic: the arrow points to the left, earlier on a timeline._",
        "key, ok := key.(ed25519.PrivateKey)",
        'docker run -v "$PWD":/tmp -w /tmp x',
        "permissions:\n  id-token: write\n",
        "[Pre-shared keys]: #pre-shared-keys",
        "git rev-parse --symbolic-full-name ^master^2",
        "loadModule(0x4073391526327eb0, 1)",
    ],
    "parse-passwd": ["^1.0.0", ">=2.1", "~0.4.2-beta.1", "v4.0.1"],
    "js_tokens": ["sha512-1Y1A//QUXEZK7YKz+rD9WydcE1+EuPr6ZBgKecAB8tmoW6UFv0NRE"],
    "credentials": ["s3-prod-creds", "git-credentials"],
    "reference_code": ["12345678A", "12345678", "AB12345678Z"],
    "bitcoin_like": ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdx"],
    "fiscal_like": ["RSSMRA85T10A562T", "131052-308U", "S1234567A"],
}
"""Values by the key above them."""


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in ORDINARY.items() for text in texts])
def test_nothing_is_found_in_ordinary_values(key, text):
    """The default rule redacts whatever is found: a wrong match breaks an answer."""
    assert ANALYZER.scan(text, lambda: key) == []
    assert ANALYZER.scan(f'{{"{key}": "{text}"}}') == []


@pytest.mark.parametrize("text", ["[CREDIT_CARD] [US_SSN] [REDACTED]", "123e4567-e89b-12d3-a456-426614174000", ""])
def test_nothing_is_found_in_labels_and_in_uuids(text):
    assert ANALYZER.scan(text) == []


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_found_in_lines_of_base64(seed):
    """Short words, and words between capitals, stand in them by chance."""
    data = base64.b64encode(random.Random(seed).randbytes(20_000)).decode()
    text = "\n".join(data[at : at + 76] for at in range(0, len(data), 76))
    assert ANALYZER.scan(text) == []


@pytest.mark.parametrize(
    "text", ["my password Xk29fLq81mZtPw47", "userPw: Xk29fLq81mZtPw47", "dbPassword2 Xk29fLq81mZtPw47"]
)
def test_random_text_behind_a_word_is_found(text):
    assert ANALYZER.scan(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "ssh_keys: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3k2 ann@host",
        "ssh_key: 3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45",
        "password: 20 bytes",
        "kubectl get secret --kubeconfig=$HOME/.kube/config",
        "assert deploy_token.username == 'custom-user'",
        "get(path: path, api_key: api_key, timeout: 5)",
        "expected_signature = Base64.strict_encode64(digest2)",
    ],
)
def test_what_only_stands_beside_a_secret_stays(text: str) -> None:
    """Sizes, paths, public keys and their fingerprints, names of users, calls."""
    assert ANALYZER.scan(text) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ssh_keys", "289794"),
        ("ssh_keys", "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"),
        ("sshKey", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"),
        ("refresh_token\njti", "oarob4a0tckCkGcyo1d6"),
        ("full_name", "javascript/app/lib/shared/check.unit.ts.Checks XML"),
        ("control", "3.6.1.1"),
        ("lastModifiedSecret", "1556312220.133"),
        ("client_secret", "client_secret"),
        ("api_key", "API_KEY"),
        ("Datadog", "cf-58f7c74c619c33d63485"),
        ("Datadog", "service-instance-f6138a1a-496f-4e66-8424-2de713841a51"),
    ],
)
def test_a_value_with_the_name_of_something_near_stays(key: str, value: str) -> None:
    """Numbers of keys in clouds, ids of tokens, names of files."""
    assert ANALYZER.scan(value, lambda: key) == []
