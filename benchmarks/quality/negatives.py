"""Negatives: ordinary values that only look like an entity. All of them must stay."""

# ruff: noqa: E501, F541, Q003 - one case, one line

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from benchmarks.quality.cases import ALNUM, LOWER, UPPER, Case, Maker, json_case, may, text_case
from benchmarks.quality.values import luhn


def negatives(rounds: int, seed: int) -> Iterator[Case]:
    """Yield all kinds, each some times. A kind does not change when another one does."""
    for at in range(rounds):
        for kind in KINDS:
            yield from kind(Maker(f"{seed} {kind.__name__} {at}"))


def _all(kind: str, values: dict[str, Any]) -> Iterator[Case]:
    return (json_case(kind, "", {key.strip(): value}) for key, value in values.items())


def numbers(m: Maker) -> Iterator[Case]:
    """Ordinary numbers and ids of many APIs."""
    yield from _all("n numbers and ids", {
        "order_id": m.digits(m.chance.choice([7, 9, 10, 12])), "id": f"ORD-{m.digits(4)}-{m.digits(6)}", "at_ms": f"17{m.digits(11)}",
        "at": m.time(), "uuid": m.uuid(), "UUID": m.uuid().upper(), "etag": m.hex(32), "sha256": m.hex(64), "digest": f"sha256:{m.hex(64)}", "commit": m.hex(40),
        "commit_upper": m.hex(40).upper(), "urn": f"urn:uuid:{m.uuid()}", "amount": f"{m.digits(6)}.{m.digits(2)}", "score": repr(m.chance.random()),
        "sku": m.some(UPPER, 3) + m.digits(6), "image": base64.b64encode(m.chance.randbytes(45)).decode(), "node_id": "MDEwOlJlcG9zaXRvcnk" + m.digits(9),
        "conversion": f"{m.number(3)}.{m.digits(3)}.{m.digits(3)}", "charge": f"ch_{m.some(ALNUM, 24)}", "objectId": m.hex(24), "traceId": m.hex(32),
        "spanId": m.hex(16), "messageId": f"<{m.uuid()}", "bytes": m.number(10), "unixtime": f"17{m.digits(8)}", "nanos": f"17{m.digits(17)}",
        "resourceVersion": m.number(9), "generation": m.number(16), "snowflake": m.number(18), "tweet_id": m.number(19), "channel": f"C0{m.some(UPPER, 8)}",
        "invoice": f"2026-{m.digits(6)}", "page": "1/20", "range": f"{m.number(6)}-{m.number(6)}", "account_id": m.digits(12), "accountId": m.digits(12),
        "owner_id": m.digits(12), "ticket": f"JIRA-{m.number(5)}", "barcode_text": f"item {m.digits(9)} of box {m.digits(8)}", "mac": may(":".join(m.hex(2) for _ in range(6))),
        "EUI64": ":".join(m.hex(2) for _ in range(8)), "eui64": "-".join(m.hex(2) for _ in range(8)), "delta": f"+{m.number(8)}", "balance_delta": f"-{m.number(9)}",
        "location": f"{m.chance.uniform(-90, 90):.6f}, {m.chance.uniform(-180, 180):.6f}", "position": f"+{m.chance.uniform(10, 90):.7f}/-{m.chance.uniform(10, 90):.7f}",
        "score_e": f"{m.chance.random():.16e}", "vector": [round(m.chance.gauss(0, 1), 8) for _ in range(6)], "phash": m.some("0123456789abcdef", 16),
        "gtin": m.number(13), "isbn": f"978-3-{m.digits(2)}-{m.digits(6)}-{m.digits(1)}", "imei_count": m.number(4),
    })  # fmt: skip
    ean = m.number(12)
    ean += str(-sum(int(d) * (3 if at % 2 else 1) for at, d in enumerate(ean)) % 10)
    for key in ("ean", "product_id", "productId", "gtin13", "upc", "barcode", "itemId"):
        yield json_case("n product numbers", "", {key: ean})
    for length in (13, 14, 15, 16):
        yield json_case(
            "n product numbers",
            "",
            {
                m.pick("product_id", "gtin", "sku", "item_number", "serial"): luhn(
                    m.pick("1", "2", "9") + m.digits(length - 2)
                )
            },
        )
    digits = m.uuid().translate(str.maketrans("abcdef", "123456"))
    for value in (
        digits,
        f"{{{m.uuid()}}}",
        f"id-{m.uuid()}",
        f"req_{m.uuid()}",
        f"x{m.hex(40)}",
        f"sha1-{m.hex(40)}",
        f"v1:{m.hex(64).upper()}",
    ):
        yield json_case("n uuids and digests", "", {m.pick("id", "ref", "v", "hash", "tenant_id"): value})
        yield text_case("n uuids and digests", "", f"{m.words(3)} {value} {m.words(3)}")


def versions(m: Maker) -> Iterator[Case]:
    """Versions, tags and packages."""
    four = f"{m.chance.randint(0, 20)}.{m.chance.randint(0, 20)}.{m.chance.randint(0, 99)}.{m.digits(1)}"
    yield from _all("n versions", {
        "version": four, "tag_name": four, "tagName": f"v{four}", "ref": f"refs/tags/{four}", "image": f"registry.example.com/app:{four}", "imageTag": four, "driverVersion": four,
        "engineVersion": f"11.2.0.{m.digits(1)}.v3", "description": f"Oracle Database release {four}", "file": f"app-{four}.tar.gz", "wheel": f"app-{four}-py3-none-any.whl",
        "agent": f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{m.chance.randint(90, 140)}.0.0.0 Safari/537.36", "requires": f"foo>={four}", "dependency": f"lodash@4.17.{m.number(2)}",
        "asset": f"logo@2x.{m.pick('png', 'jpg', 'svg', 'webp')}", "assets": [f"img/icon-{m.digits(2)}@3x.png", "background@1.5x.jpg"], "action": "actions/checkout@v4.1.1",
        "pkg": f"@babel/core@7.{m.digits(2)}.0", "chart": f"ingress-nginx-{four}", "oid": "1.3.6.1.4.1.311.60.2.1.3", "schema_version": four, "kernel": f"5.15.0-{m.digits(2)}-generic",
        "npm": f"react-dom@npm:18.{m.digits(1)}.0", "assembly": f"System.Net, Version={four}, Culture=neutral, PublicKeyToken={m.hex(16)}",
    })  # fmt: skip
    for line in (
        "git@github.com:octocat/Hello-World.git",
        "ssh://git@host/x",
        "git@gitlab.example.com:group/sub/repo.git",
        "org-6811672@github.com:octo-org/octo-repo.git",
        "git+ssh://git@github.com/a/b.git#main",
    ):
        yield json_case("n git addresses", "", {m.pick("ssh_url", "url", "remote", "repository"): line})
        yield text_case("n git addresses", "", f"git clone {line} && {m.words(2)}")


def names_that_do_not_tell(m: Maker) -> Iterator[Case]:
    """Names with a telling part that say something else."""
    token = m.some(ALNUM, 22) + m.digits(2)
    yield from _all("n paging and idempotency tokens", {
        "next_page_token": token, "nextPageToken": token, "nextForwardToken": f"f/{m.digits(56)}/s", "nextBackwardToken": f"b/{m.digits(56)}/s", "clientToken": m.uuid(),
        "ClientRequestToken": m.uuid(), "ChangeToken": m.uuid(), "NextToken": token + "==", "nextToken": base64.b64encode(m.chance.randbytes(60)).decode(), "continuationToken": token,
        "idempotency_key": m.uuid(), "Idempotency-Key": token, "LifecycleActionToken": m.uuid(), "pageToken": token, "syncToken": f"CP{token}=", "cursor": token, "continue": token, "CreatorRequestId": m.uuid(),
        "requestToken": m.uuid(), "starting_token": token, "marker": token, "resumeToken": {"_data": m.hex(60)}, "ETag": f'"{m.hex(32)}"', "pagination_token": token, "UploadToken": m.uuid(),
    })  # fmt: skip
    yield from _all("n names about a secret", {
        "password_policy": "at-least-12-characters", "passwordPolicy": {"minLength": 12, "requireDigits": True}, "secret_id": f"db-{m.digits(4)}", "secret_name": f"projects/app-{m.digits(6)}/secrets/db",
        "password_status": "EXPIRED", "api_key_status": "active", "token_expires_at": m.time(), "password_last_changed": m.time(), "secret_url": f"https://vault.example.com/v1/{m.digits(4)}", "secret": f"https://vault.azure.net/secrets/{m.some(LOWER, 8)}",
        "token_type": "Bearer", "password": "${DB_PASSWORD}", "pwd": "{{ db_password }}", "db_password": "$DB_PASSWORD", "password ": "", "password  ": "********", "password   ": None,
        "password_required": True, "has_password": "false", "password    ": True, "api_key_enabled": "true", "SecretArn": f"arn:aws:secretsmanager:us-west-2:{m.digits(12)}:secret:MyTestDatabaseSecret-{m.some(LOWER, 3)}{m.digits(3)}",
        "keyArn": f"arn:aws:kms:eu-west-1:{m.digits(12)}:key/{m.uuid()}", "secret_version": m.digits(2), "token_endpoint": "https://login.example.com/oauth2/token", "token_count": m.number(5),
        "max_tokens": m.number(4), "completion_tokens": m.number(3), "auth_type": "api_key", "grant_type": "password", "is_base64_encoded": "true", "password_hint": "my first pet", "forgot_password_link": "https://example.com/forgot",
        "tokenizer": "cl100k_base", "secretsProvider": "passphrase-manager", "credential_type": "service_account", "secret_key_ref": {"name": "db", "key": "password"}, "pin_count": 3, "pinned": "yes", "passed": "47", "bypass": "none",
        "passenger": "Window", "compass": "north-west", "keyword": "fishing", "monkey": "capuchin", "author": "none", "authors": ["x y"], "accessLevel": "read", "accessNumber": m.number(3),
        "token_hash_algorithm": "sha-256", "session_id_length": 32, "public_key_fingerprint": ":".join(m.hex(2) for _ in range(16)), "key_id": m.hex(16), "publicKey": base64.b64encode(m.chance.randbytes(65)).decode(),
    })  # fmt: skip
    yield json_case(
        "n names about a secret", "", {"SecretVersionsToStages": {m.uuid(): ["AWSCURRENT"]}, "Name": "db"}
    )
    yield text_case(
        "n names about a secret", "", f"authType: api_key\nmodel: gpt-4o-2024-{m.digits(2)}-06\nendpoint: chat\n"
    )
    yield text_case("n names about a secret", "", f"password reset for {m.uuid()}")
    yield text_case("n names about a secret", "", "DB_PASSWORD=${DB_PASSWORD_" + m.digits(4) + "}\n")
    yield text_case(
        "n names about a secret",
        "",
        "password: must have at least 12 characters\n"
        if m.chance.random() < 0.5
        else "The password must contain two digits and a mark.",
    )
    yield text_case(
        "n names about a secret", "", f"Secret: see https://wiki.example.com/secrets/{m.digits(4)} for the process"
    )
    yield text_case(
        "n names about a secret",
        "",
        f'<GetPasswordDataResponse xmlns="http://ec2.amazonaws.com/doc/2014-06-15/"><requestId>{m.uuid()}</requestId></GetPasswordDataResponse>',
    )
    yield text_case(
        "n names about a secret",
        "",
        f'variable "db_password" {{\n  type = string\n  description = "password of the database"\n  sensitive = true\n}}\n',
    )
    yield from _all("n names with a part of a word", {
        "businessNumber": f"BN-{m.digits(5)}", "className": "Card12345678", "accessNumber": m.number(8), "iphone_sales": m.number(8), "mobile_users": m.number(9), "phone_model": f"SM-{m.digits(8)}", "telemetry": m.number(10),
        "telescope_id": m.number(9), "hotel_code": m.number(8), "intel": m.number(9), "account_number_updated_at": f"17{m.digits(8)}", "passport_expires": "20310402", "phone_verified_at": f"17{m.digits(8)}", "discount": m.number(9),
        "card_count": m.number(8), "wildcard": m.number(9), "postcard_id": m.number(13), "phone_updated_at": f"17{m.digits(8)}", "email_count": m.number(8), "ssn_status": "verified", "mobile_app_version": "10.2.30.4", "cellIndex": m.number(8), "cell_count": m.number(9),
        "taxonomy_id": m.number(9), "taxable_amount": m.number(9), "assign": m.number(9), "sinus": m.number(9), "panel": m.number(10), "company": m.number(10), "span": m.number(10), "nifty": m.number(9), "routing_key": f"orders.{m.digits(9)}",
        "passing_yards": m.number(9), "fingerprint": m.number(9), "finished": m.number(9), "fin_year": "2026", "license": "Apache-2.0", "licenseKey": "mit", "birthplace_id": m.number(8), "AwsAccountId": m.digits(12), "aws_account": m.digits(12), "account": f"acct_{m.some(ALNUM, 16)}",
        "url": f"https://invoice.example.com/acct_{m.some(ALNUM, 16)}/cnst_{m.digits(9)}", "callerNumber": f"+{m.number(8)}***", "address_family": "ipv4", "mac_address_count": m.number(5), "addressable": m.number(9), "first_name_count": m.number(3), "namespace": "default", "filename": "Report.pdf", "hostname": "web-01", "username": "svc-ci",
    })  # fmt: skip


def about_maps(m: Maker) -> Iterator[Case]:
    """Objects under a telling name that describe the thing, and names of secrets."""
    kind, name = "n objects about a secret", m.pick("db-password", "my-tls", "regcred-prod", "app_config")
    for document in (
        {"secrets": {"enabled": True, "url": "https://vault.example.com", "name": name, "created_at": m.time()}},
        {"secrets": [{"name": name, "version": m.digits(1)}, {"name": "other", "version": "latest"}]},
        {"secrets": {"db": "prod-db", "tls": name}},
        {"secrets": ["db_password", name]},
        {"secrets": {"db_password": {"file": "./db_password.txt"}, "tls": {"external": True}}},
        {"jobs": {"build": {"uses": "./.github/workflows/build.yml", "secrets": "inherit"}}},
        {"secrets": {"db": f"vault:secret/data/{name}#password", "api": "${API_KEY}"}},
        {"secrets": {"total": 1200, "rotated": 1100}},
        {"passwords": {"reset": "Your password has been reset!", "sent": "We have e-mailed your reset link."}},
        {"passwords": {"policy": "strong", "min_length": "12", "hash_algorithm": f"bcrypt{m.digits(2)}"}},
        {"credentials": {"username": "bob", "host": "db.internal", "database": f"shop{m.digits(1)}"}},
        {"credentials": {"id": m.hex(16), "type": "public-key", "transports": ["usb", "nfc"]}},
        {"credentials": [{"provider": "aws", "profile": "default2", "region": "eu-west-1"}]},
        {"authorization": {"transaction": f"TX{m.digits(8)}"}},
        {"properties": {"passwords": {"type": "object", "description": "Passwords by user"}}},
        {"imagePullSecrets": [{"name": name}], "tokens": {"input": 1204, "output": 388}},
        {"secret": {"secretName": name, "defaultMode": 420}},
    ):
        yield json_case(kind, "", document, indent=m.chance.choice([None, 2]))
    for line in (
        "INSERT INTO users (email, password) VALUES ($1, $2), (%s, %s), (?, ?), (:email, :password)",
        f"INSERT INTO orders (id, sku, note) VALUES ({m.digits(5)}, '{m.some(UPPER, 3)}{m.digits(6)}', 'paid {m.digits(8)}')",
        f"INSERT INTO t (password_policy, pin_count, secret_name) VALUES ('strict{m.digits(1)}', {m.digits(5)}, 'db{m.digits(1)}')",
        "CREATE USER app IDENTIFIED EXTERNALLY; ALTER USER app PASSWORD EXPIRE;",
        "Rows are identified by name. The user is identified by a number.",
    ):
        yield text_case("n SQL", "", line)
    for line in (
        "use --password to give it, and --password-stdin where you can\n",
        f"ENV PASSWORD_POLICY strict{m.digits(1)}\nENV TOKEN_URL https://id.example.com\nENV SECRET_NAME db{m.digits(1)}\n",
        "set -x\npassword checks run here\nset -e PASSWORD_MIN 12\n",
        "export DB_PASSWORD=$(cat /run/secrets/db) API_KEY=${API_KEY:?is not set}\n",
        "run --password-file /run/db --password \"$DB_PASSWORD\" --api-key '{{ key }}'\n",
        f"setx SECRET_NAME db{m.digits(2)}\nfastcgi_param AUTH_TYPE basic{m.digits(1)};\n",
    ):
        yield text_case("n shells", "", line)
    for value in (
        "sha256sum",
        "gpt-4o-mini",
        "1.2.3-beta4",
        "2024-01-01",
        "base64url",
        "oauth2-proxy",
        "utf8mb4",
        "int64",
    ):
        yield json_case(
            "n paging and idempotency tokens", "", {m.pick("token", "auth_token_kind", "subtoken"): value}
        )
    yield json_case(
        "n paging and idempotency tokens",
        "",
        {m.pick("nextToken", "page_token"): f"x7K{m.digits(2)}mP{m.digits(1)}"},
    )
    yield json_case(
        "n names about a secret", "", {m.pick("licenseKey", "license_key"): m.pick("mit", "apache-2.0", "gpl-3.0")}
    )
    mail = f"{m.some(ALNUM, 12)}={m.digits(2)}{m.some(ALNUM, 6)}"
    yield text_case(
        "n git addresses", "", f"Message-ID: <{mail}@mail.example.com>\nReferences: <x.{mail}@mx.example.com>\n"
    )
    for text in (
        f"services:\n  web:\n    secrets:\n    - db_password\n    - {name}\n    ports:\n    - 80\n",
        f"secrets:\n  db_password:\n    file: ./db_password.txt\n  {name}:\n    external: true\n",
        "jobs:\n  build:\n    secrets:\n      token: ${{ secrets.NPM_TOKEN }}\n",
        "on:\n  workflow_call:\n    secrets:\n      npm_token:\n        required: true\n        description: for the registry\n",
        "Passwords:\n- must have at least 12 characters\n- expire after 90 days\n- rotation\n",
        "en:\n  passwords:\n    reset: Your password has been reset!\n    sent: We have sent you a link.\n",
        "password:\n  type: string\n  minLength: 12\n",
        "def check(passwords):\n    for each in passwords:\n        limit: int = 3\n    return passwords[0]\n",
        "passwords = [p.strip() for p in lines]\nsecrets = {name: load(name, 'v2') for name in names}\n",
        f"[secrets]\nenabled = true\nbackend = vault{m.digits(1)}\n",
        f"kind: SealedSecret\nspec:\n  encryptedData:\n    db: {m.some(ALNUM, 20)}\n---\nkind: ConfigMap\ndata:\n  mode: live{m.digits(2)}\n",
        f"imagePullSecrets:\n- name: {name}\nsecretName: tls{m.digits(2)}\n",
    ):
        yield text_case(kind, "", text)


def prose_and_tables(m: Maker) -> Iterator[Case]:
    """Prose with numbers, and tables of numbers."""
    n = m.number
    for line in (
        f"The plant shipped {n(2)} {n(3)} {n(3)} tonnes of steel in 2024, up from {n(2)} {n(3)} {n(3)} tonnes.",
        " ".join(m.digits(2) for _ in range(m.chance.randint(10, 30))), f"{n(3)}\t{n(2)}\t{n(4)}\n{n(3)}\t{n(2)}\t{n(4)}\n", "\n".join("  ".join(n(4) for _ in range(6)) for _ in range(8)),
        "\n".join(" ".join(n(3) for _ in range(5)) for _ in range(10)), f"rows {n(9)}, bytes {n(12)}, took {n(4)} ms", f"Figure {n(1)}.{n(1)} shows {n(4)} of {n(5)} runs ({n(2)}.{n(1)} %)",
        f"[{n(4)}-01-02 10:11:12] GET /v1/items/{n(9)} 200 {n(5)} {m.uuid()}", f"{n(10)} {n(10)} {n(10)}", f"lottery: {n(2)} {n(2)} {n(2)} {n(2)} {n(2)} and {n(1)}", f"dimensions 1920x1080, {n(4)}-{n(4)}-{n(4)} px",
        f"See RFC 7519, section 4.1, and ISO/IEC {n(5)}-1:2017.", f"chr{n(1)}:{n(8)}-{n(8)} (hg38)", f"{m.words(4)}, {n(3)},{n(3)},{n(3)} rows", f"score {n(3)}-{n(2)}-{n(3)} at half time", f"0x{m.hex(8)} 0x{m.hex(16)} {m.hex(8)}",
        f"| id | size | count |\n|---|---|---|\n| {n(9)} | {n(10)} | {n(11)} |\n| {n(9)} | {n(10)} | {n(11)} |", "x,y,z\n" + "\n".join(f"{m.chance.gauss(0, 1):.12f},{m.chance.gauss(0, 1):.12f},{n(9)}" for _ in range(8)),
        "time: 12:34:56.789012, offset +01:00, frame 00:01:02:03", f"The iPhone sold {n(9)} units.", "password and token are words; a secret is another one. Passwords matter.",
        f"call it with page={n(9)} and size={n(7)}", "std::vector<int>::iterator, foo::bar, a::b::c", f"commit {m.hex(40)}\nAuthor: bot\nDate: Mon Jan 5 10:11:12 2026 +0100\n", f"<svg d=\"M{n(3)} {n(3)} L{n(3)} {n(3)} {n(3)} {n(3)} {n(3)} {n(3)} {n(3)} {n(3)}z\"/>",
    ):  # fmt: skip
        yield text_case("n prose and tables", "", line)
        yield json_case("n prose and tables", "", {"text": line})
    yield json_case(
        "n prose and tables", "", {"data": [[m.chance.randint(0, 10**9) for _ in range(6)] for _ in range(6)]}
    )
    yield json_case(
        "n prose and tables",
        "",
        {"matrix": [[round(m.chance.gauss(0, 1), 16) for _ in range(5)] for _ in range(4)]},
    )
    yield json_case(
        "n odata and json-ld",
        "",
        {
            "@odata.context": "https://graph.example.com/v1.0/$metadata#users",
            "user@odata.bind": f"https://graph.example.com/users('{m.uuid()}')",
            "items@odata.type": "#Collection(String)",
            "@id": "_:b0",
            "thread": f"19:{m.hex(32)}@thread.tacv2",
        },
    )
    yield text_case("n odata and json-ld", "", json.dumps({"a@odata.type": "#x", "n": 1}))


def distant_words(m: Maker) -> Iterator[Case]:
    """Values whose own name tells more than a word further away."""
    kind = "n a telling word further away"
    place = {
        "latitude": f"{m.number(2)}.{m.digits(6)}",
        "longitude": f"-{m.number(3)}.{m.digits(6)}",
        "lata": m.number(3),
        "rate_center": m.words(1),
        "capabilities": {"sms": True},
        "price": f"{m.number(4)}.{m.digits(4)}",
    }
    yield json_case(
        kind,
        "",
        {
            "available_phone_numbers": [place],
            "uri": f"/2010-04-01/Accounts/AC{m.hex(32)}/AvailablePhoneNumbers.json",
        },
    )
    yield json_case(
        kind, "", {"phone": {"id": m.number(9), "created_ms": f"17{m.digits(11)}", "sort_order": m.number(8)}}
    )
    yield json_case(
        kind,
        "",
        {
            "subresource_uris": {
                "credentials": f"/2010-04-01/Accounts/AC{m.hex(32)}/SIP/CredentialLists.json",
                "credential_list_mappings": f"/2010-04-01/Accounts/AC{m.hex(32)}/SIP/Mappings.json",
            }
        },
    )
    yield json_case(
        kind,
        "",
        {
            "secrets_schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": f"https://example.com/{m.digits(6)}/schema.json",
            }
        },
    )
    yield json_case(
        kind,
        "",
        {"account": {"id": m.number(10), "plan": "pro", "storage_bytes": m.number(11), "created": m.time()}},
    )
    yield json_case(
        kind, "", {"cards": [{"sku": m.number(13), "stock": m.number(9), "updated": f"17{m.digits(8)}"}]}
    )
    yield json_case(
        kind,
        "",
        {
            "secret": {
                "id": m.uuid(),
                "version": m.digits(2),
                "created_at": m.time(),
                "checksum": m.hex(64),
                "arn": f"arn:aws:secretsmanager:eu-west-1:{m.digits(12)}:secret:a-{m.some(ALNUM, 6)}",
            }
        },
    )
    yield json_case(
        kind,
        "",
        {
            "credentials": [
                {
                    "type": "oauth2",
                    "provider": "github",
                    "id": m.uuid(),
                    "last_used": m.time(),
                    "scopes": ["repo", "read:org"],
                }
            ]
        },
    )
    yield text_case(
        kind,
        "",
        f"* `secretName`: the secret that is used.\n* `clusterid`: `{m.hex(32)}` is the ID of the cluster\n",
    )
    yield text_case(
        kind,
        "",
        f"example.com. IN SOA ns1.example.com. hostmaster.example.com. 14{m.digits(8)} 10800 3600 604800 1800\n",
    )
    yield text_case(kind, "", f"ID:host.example.com-{m.number(5)}-15{m.digits(11)}-4:12:1:1:3\n")
    yield json_case(kind, "", {"JobId": f"JID{m.uuid()}", "device": f"Phone.{m.uuid()}"})


def about_it(m: Maker) -> Iterator[Case]:
    """Names of ordinary things that have a telling word, as public APIs use them."""
    kind, sid = "n names of ordinary things", m.hex(32)
    yield from _all(kind, {
        "full_name": f"{m.some(LOWER, 6)}/{m.some(LOWER, 8)}", "fullName": f"com.example.{m.some(LOWER, 6)}.Main", "packageFamilyName": f"Acme.App_{m.some(LOWER, 13)}", "cardholder": f"ich_{m.some(ALNUM, 24)}",
        "Via": f"1.1 {m.hex(32)}.cloudfront.net (CloudFront)", "via": "escalation_policy", "migrated_via": "API", "created_via": "sigma_report_run_from_api", "secretNamespace": "kube-system", "adminSecretNamespace": "default",
        "encryption_credential_sid": f"CR{sid}", "CredentialListSid": f"CL{sid}", "encryption_key_sid": f"CR{sid}", "signing_keys": f"/2010-04-01/Accounts/AC{sid}/SigningKeys.json", "discoverable_credentials": "preferred",
        "billing_address_collection": "auto", "address_line1_check": "not_provided", "credentials_update_interval_in_ms": 2000, "credentialGuardSettings": "enabled", "localUserAuthorizations": "notConfigured",
        "ip_address_type": "ipv4", "address_type": "work", "phone_type": "mobile", "email_verified": True, "birth_certificate_required": False, "passport_country": "NL", "card_brand": "visa", "card_type": "debit", "account_type": "checking", "accountStatus": "ACTIVE",
        "token_limit": m.number(5), "key_rotation_days": 90, "certificate_authority": "R3", "passwordless": "enabled", "secret_scanning": "enabled", "secret_scanning_push_protection": {"status": "disabled"}, "pin_messages": "all", "session_duration": 3600,
        "access_key_last_used": m.time(), "public_key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{m.some(ALNUM, 40)}", "auth_method": "password", "login_method": "api_key", "api_key_name": "ci", "api_key_id": m.hex(20), "name": "Hello World", "displayName": "web server", "nickname": "web",
        "boarding_pass": "ABC12", "clave_producto": "A-77", "clave": "MX01", "secret_question": "pet?", "street_view": "no imagery", "merchant_token": m.some(UPPER, 9) + m.digits(4), "enable_password": "always", "show_password": "Show password", "tests": {"pass": "all"},
        "order": {"number": m.number(9)}, "ticket": {"line1": "12 boxes", "account": m.digits(12)}, "expires": {"day": 1, "month": 2, "year": 2030}, "page": {"first": "a1", "last": "z9"}, "negative": -4111111111111111, "event_id": 6011000990139424006,
    })  # fmt: skip
    yield json_case(
        kind,
        "",
        {
            "name": "password",
            "in": "query",
            "required": True,
            "type": "string",
            "description": "The password for login in clear text",
        },
    )
    yield json_case(
        kind,
        "",
        {
            "type": "object",
            "properties": {
                "password": {"type": "string", "minLength": 12},
                "ssn": {"type": "string", "pattern": "^[0-9]{9}$"},
                "phone": {"type": "string"},
            },
            "required": ["password"],
        },
    )
    yield json_case(
        kind,
        "",
        {
            "errors": [
                {"field": "password", "code": "too_short", "message": "is too short (minimum is 12 characters)"}
            ]
        },
    )
    yield json_case(
        kind,
        "",
        {
            "columns": [
                {"name": "password", "type": "varchar", "nullable": False},
                {"name": "phone", "type": "varchar"},
            ]
        },
    )
    yield json_case(kind, "", {"key": "password", "operator": "exists", "values": ["true"]})
    yield json_case(
        kind,
        "",
        {
            "labels": [{"name": "password-reset", "color": m.hex(6)}, {"name": "phone", "color": m.hex(6)}],
            "title": "Password reset does not work",
        },
    )


def ordinary_keys(m: Maker) -> Iterator[Case]:
    """Keys and tokens of ordinary things in text, and values without a name that are no numbers of anybody."""
    digest = m.hex(m.chance.choice((32, 40, 64)))
    for line in (
        f"cache_key={digest}",
        f"partition_key: {digest}",
        f"sortKey = '{m.some(ALNUM, 24)}'",
        f"next_page_token = {m.some(ALNUM, 32)}",
        f"cache miss for key {digest}",
        f"PRIMARY KEY {m.some(UPPER, 12)}",
        f"s3_key = uploads/2026/11/{m.digits(6)}-report.pdf",
        f"my-secret-{m.hex(32)}",
        f"public key {m.some(ALNUM, 40)}",
        f"upgrade sentry {m.hex(40)}",
        f"ssh_keys: ssh-ed25519 AAAA{m.some(ALNUM, 64)} host",
        f"password: {m.digits(2)} bytes",
        "connect(api_key: api_key)",
    ):
        yield text_case("n keys of ordinary things", "", line)
    for value in (
        m.pick("C", "M", "T") + m.digits(8),
        m.some(UPPER, 2) + m.digits(6),
        f"{m.number(3)} {m.digits(3)} {m.digits(3)}",
        m.number(9),
        f"2026{m.digits(4)}-1{m.digits(1)}30",
        f"{m.some(UPPER, 3)}-{m.digits(3)}",
        f"{m.number(2)}-{m.number(2)}-2026",
        f"{m.digits(4)}.{m.digits(4)}.{m.digits(4)}",
    ):
        yield json_case("n values without a name", "", {"value": value})


KINDS = (
    distant_words,
    about_it,
    about_maps,
    numbers,
    ordinary_keys,
    versions,
    names_that_do_not_tell,
    prose_and_tables,
)
