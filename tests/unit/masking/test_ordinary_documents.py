"""Documents of public APIs in which values stay, though their names or forms are like those of entities."""

import json

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
DIGEST = "0123456789abcdef" * 4
DOCUMENTS = [
    {"PaymentAccountReference": "6006491286999921374", "iccid": "6006491286999921374"},
    {"next_execution_millis": 4081843800000, "started_nanos": 4081843800000000006},
    {"authorization": "iauth_1Pgc78B7WZ01zgkW9IPKCfII", "cashback_amount": None},
    {"street": "match", "city": "match", "identity": {"last_name": "no_match", "first_name": "partial match"}},
    {"Street": "street", "street_address": "string", "full_name": "author.id", "last_name": "Not provided"},
    {
        "discoverable_credentials": "preferred",
        "subresource_uris": {"credentials": "/2010-04-01/Accounts/ACaa.json"},
    },
    {"signing_keys": "/2010-04-01/Accounts/ACaa/SigningKeys.json", "credential": "/subscriptions/"},
    {"Authorization": "Bearer {token}. Required."},
    {"SecretString": "{JSON STRING WITH CREDENTIALS}", "localUserAuthorizations": "String"},
    {"SecretList": [{"SecretVersionsToStages": {"EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE": ["AWSCURRENT"]}}]},
    {"checksum/secret": DIGEST},
    {"credential": "UNVERIFIED"},
    {"authorization": "authorization-key", "receipt": {"authorization": "123456"}},
    {"passwordProtectionWarningTrigger": "PASSWORD_PROTECTION_OFF", "refreshTokenWindowMinutes": 10080},
    {"orn": "orn:okta:idp:00o1n8sbwArJ7OQRw406:apps:salesforce:0oa1gjh63g214q0Hq0g4"},
    {"secret_scanning": "enabled", "localUserAuthorizations": "notConfigured"},
    {"note": "secret of the release", "checksum": DIGEST},
    {"code": 'curl -H "Authorization: ApiKey $SEARCH_API_KEY" "$SEARCH_URL/_cat/count/index-000001"'},
    {"code": 'curl -H "Authorization: ApiKey $KEY" "$SEARCH_URL/_reindex/r1A2WoRbTwKZ516z6NEs5A:36619/_x"'},
    {"secret": {"orn": "orn:okta:pam:00o1n8sbwArJ7OQRw406:projects:20662d8c:secrets:d2642f68"}},
    {"osVersion": {"minimum": "12.4.5.9"}, "firmware": {"latest": "10.1.2.3"}},
    {"filter": r"(\S+@example\.com)", "match": ".+@example.com"},
    {"externalId": "121749775026145"},
    {
        "Cells": [
            {"Value": "Accounts Receivable"},
            {"Value": "154355.72", "Attributes": [{"Value": "1", "Id": "a"}]},
        ]
    },
    {"analyzer": {"full_name": "keyword"}},
    {"auth_algo": "SHA256withRSA"},
    {
        "data": [{"name": "size", "full_name": "size", "label": "Company size"}],
        "message_id": "a-1@mail.example.com",
    },
]
TEXTS = [
    "<AwsAccountNumber>self</AwsAccountNumber>\n  <AwsAccountNumber>111122223333</AwsAccountNumber>",
    f"annotations:\n  checksum/secret: {DIGEST}\n",
    "Receiving block blk_-6952295868487656571 src: a\nServed block blk_5739119717322549945 to b",
    "values: '1+0x6 0 0' #  1 1 1 1 1 1 1 0 0 0 0 0 0 0 0",
    "43 25 17 00 68 52 58 74 55 48\n78 93 60 66",
    "3 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 5",
    "|Header|Value|\n|:---|:---|\n|Authorization|Bearer &lt;token&gt; Required.|\n",
    "| Authorization | Bearer {token}. Required. |\n",
    "location / {\n    proxy_pass http://backend:80;\n    proxy_pass   http://$SERVER_ADDR;\n}\n",
    "RUN adduser --disabled-password --no-create-home --gecos '' app\n",
    """test: ['CMD-SHELL', 'mysqladmin ping --password="$$(cat /run/secrets/db-password)" --silent']\n""",
]
MASKED = [
    ({"x": "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"}, "CREDIT_CARD"),
    ({"account_reference": "4111111111111111"}, "CREDIT_CARD"),
    ({"x": "card_4111111111111111"}, None),
    ({"full_name": "J.R. Smith"}, "PERSON"),
    ({"full_name": "Dr. Ann-Marie O'Neil Jr."}, "PERSON"),
    ({"password": "/a9b"}, "NAMED_SECRET"),
    ({"secret": "/K7MDENG/bPxRfiCYzyx"}, "NAMED_SECRET"),
    ({"authorization": "Bearer hunter2"}, "NAMED_SECRET"),
    ({"Proxy-Authorization": "Basic Ym9iOmh1bnRlcjI="}, "NAMED_SECRET"),
    ({"note": "219:09:9999"}, "US_SSN"),
    ({"iban": "ES31 5633 5640\n2354 6160 9265"}, "IBAN_CODE"),
    ({"client-key-data": "LS0tLS1CRUdJTiBSU0Eg"}, "NAMED_SECRET"),
    ({"note": "0049 30 12345678"}, "PHONE_NUMBER"),
    ({"tax id": "219099998"}, "US_SSN"),
    ({"cell": "0171 1234567"}, "PHONE_NUMBER"),
    ({"minimum": "12.4.5.9"}, "IP_ADDRESS"),
    ({"full_name": "alice cooper"}, "PERSON"),
    ({"full_name": "Alice"}, "PERSON"),
    ({"first_name": "alice"}, "PERSON"),
    ({"in_reply_to": "bob@example.com"}, "EMAIL_ADDRESS"),
    ({"note": "s+x@example.com"}, "EMAIL_ADDRESS"),
    ({"card": "121749775026145"}, "CREDIT_CARD"),
    ({"authorization": "ApiKey VnVhQ2ZHY0JDZGJrU1h5YmpmOg=="}, "NAMED_SECRET"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_an_ordinary_document_stays(document):
    body = json.dumps(document).encode()
    assert MASKER.mask(body, "application/json", MASK_EVERYTHING).body == body


@pytest.mark.parametrize("text", TEXTS)
def test_an_ordinary_text_stays(text):
    assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body == text.encode()


@pytest.mark.parametrize(("document", "entity"), MASKED, ids=str)
def test_what_is_near_to_them_is_masked(document, entity):
    masked = json.loads(MASKER.mask(json.dumps(document).encode(), "application/json", MASK_EVERYTHING).body)
    assert masked == (dict.fromkeys(document, f"[{entity}]") if entity else {"x": "card_[CREDIT_CARD]"})


def test_the_host_behind_a_password_stays():
    body = b'{"secret": "https://a785682ddda742d7a8a4088810e67701:bcd99b3790b3441c@o4504765715316736.ingest.example.com/4505"}'
    masked = MASKER.mask(body, "application/json", MASK_EVERYTHING).body
    assert masked.endswith(b'[CONNECTION_STRING]@o4504765715316736.ingest.example.com/4505"}')


def test_padding_is_no_soft_line_break():
    """The next line is one of its own: its name stays."""
    text = (
        "kind: Secret\napiVersion: v1\ndata:\n"
        "  discovery.sendtargets.auth.username_in: bXVzZXI=\n"
        "  discovery.sendtargets.auth.password_in: bXBhc3M=\n"
        "  discovery.sendtargets.authentication: YWI=\n  other.name: eA==\n"
    )
    masked = MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode()
    assert masked.count("[NAMED_SECRET]") == text.count(": ") - len(("kind", "apiVersion"))
    assert [line.partition(":")[0] for line in masked.split("\n")] == [
        line.partition(":")[0] for line in text.split("\n")
    ]
