"""Positives: generated cases with values that must be masked, by kind of leak."""

# ruff: noqa: E501, RUF001, PLR0911 - one case, one line; other scripts are the point

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import quopri
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from benchmarks.quality import tokens, values
from benchmarks.quality.cases import (
    ALNUM,
    JSON,
    LOWER,
    UPPER,
    Case,
    Maker,
    json_case,
    may,
    must,
    text_case,
)
from benchmarks.quality.streams import streams

PASSWORDS = (
    "hunter2", "Tr0ub4dor&3", "correct horse battery staple", "two words, with marks!", "letmein", "P@ss!", "4931",
    "qwertz", "Sommer2024", "пароль1", "密码abc", "changeit", "s3cr3t", "abc", "!!", "p4ss:w0rd", "O'Reilly", "a=b&c", "x" * 80,
)  # fmt: skip
"""Passwords as people choose them."""
PINS = ("pin", "cvv", "cvc", "otp", "card_pin", "security_code", "puk")
SECRET_NAMES = {
    "en": ("password", "passwd", "pwd", "pass", "passphrase", "client_secret", "db_password", "userPassword", "SECRET_KEY", "signing_key", "api_key", "apiKey", "access_key", "account_key", "private_token", "auth_token", "session_id", "authorization", "smtp_pass", "encryption_key"),
    "de": ("passwort", "kennwort", "benutzer_passwort", "geheimnis", "zugangsschluessel"),
    "fr": ("mot_de_passe", "motDePasse", "mdp", "code_secret"),
    "es": ("contraseña", "contrasena", "clave_secreta", "clave_de_acceso"),
    "pt": ("senha", "senha_usuario", "chave_secreta", "palavra_passe"),
    "it": ("parola_chiave", "password_utente", "chiave_segreta", "parola_d_ordine"),
    "nl": ("wachtwoord", "gebruikerswachtwoord", "geheime_sleutel"),
    "pl": ("haslo", "hasło", "tajny_klucz"),
    "ja": ("パスワード", "暗証番号", "秘密鍵"),
    "zh": ("密码", "口令", "密鑰", "密钥"),
}  # fmt: skip
ENTITY_NAMES = {
    "PHONE_NUMBER": {
        "en": ("phone", "mobile", "phoneNumber", "tel", "telephone", "cell_phone", "fax"),
        "de": ("telefon", "handynummer", "rufnummer", "mobilnummer"), "fr": ("telephone", "portable", "numero_telephone"),
        "es": ("telefono", "movil", "celular"), "pt": ("telefone", "celular", "telemovel"), "it": ("telefono", "cellulare"),
        "nl": ("telefoonnummer", "mobiel"), "pl": ("telefon", "numer_telefonu", "komorka"),
        "ja": ("電話番号", "携帯電話"), "zh": ("电话", "手机号", "電話"),
    },
    "US_BANK_NUMBER": {
        "en": ("account_number", "bank_account", "accountNumber"), "de": ("kontonummer", "konto_nr"), "fr": ("numero_compte", "compte_bancaire"),
        "es": ("numero_cuenta", "cuenta_bancaria"), "pt": ("numero_conta", "conta_bancaria"), "it": ("numero_conto", "conto_corrente"),
        "nl": ("rekeningnummer", "bankrekening"), "pl": ("numer_konta", "numer_rachunku"), "ja": ("口座番号",), "zh": ("银行账号", "账号"),
    },
    "US_PASSPORT": {
        "en": ("passport", "passport_number", "passportNo"), "de": ("reisepass", "passnummer", "reisepassnummer"), "fr": ("passeport", "numero_passeport"),
        "es": ("pasaporte", "numero_pasaporte"), "pt": ("passaporte", "numero_passaporte"), "it": ("passaporto", "numero_passaporto"),
        "nl": ("paspoort", "paspoortnummer"), "pl": ("paszport", "numer_paszportu"), "ja": ("旅券番号", "パスポート番号"), "zh": ("护照号", "护照"),
    },
    "DATE_OF_BIRTH": {
        "en": ("date_of_birth", "dob", "birthDate", "birthday"), "de": ("geburtsdatum", "geburtstag"), "fr": ("date_de_naissance", "dateNaissance"),
        "es": ("fecha_de_nacimiento", "fechaNacimiento"), "pt": ("data_de_nascimento", "dataNascimento"), "it": ("data_di_nascita", "dataNascita"),
        "nl": ("geboortedatum",), "pl": ("data_urodzenia",), "ja": ("生年月日",), "zh": ("出生日期", "生日"),
    },
    "CREDIT_CARD": {
        "en": ("card_number", "credit_card", "cardNumber", "pan"), "de": ("kreditkarte", "kartennummer"), "fr": ("numero_carte", "carte_bancaire"),
        "es": ("numero_tarjeta", "tarjeta_credito"), "pt": ("numero_cartao", "cartao_credito"), "it": ("numero_carta", "carta_credito"),
        "nl": ("kaartnummer", "creditcard"), "pl": ("numer_karty", "karta_kredytowa"), "ja": ("カード番号",), "zh": ("卡号", "信用卡号"),
    },
    "ADDRESS": {
        "en": ("street_address", "home_address", "address_line1", "postal_address"), "de": ("anschrift", "strasse", "straße"), "fr": ("adresse_postale", "rue"),
        "es": ("direccion", "domicilio", "calle"), "pt": ("endereco", "rua", "morada"), "it": ("indirizzo", "via_residenza"),
        "nl": ("straatnaam", "woonadres"), "pl": ("adres_zamieszkania", "ulica"), "ja": ("住所",), "zh": ("地址", "住址"),
    },
    "TAX_ID": {
        "en": ("tax_id", "taxId", "tin"), "de": ("steuernummer", "steuer_id"), "fr": ("numero_fiscal",), "es": ("numero_fiscal", "id_fiscal"),
        "pt": ("numero_contribuinte", "nif"), "it": ("partita_iva", "codice_fiscale"), "nl": ("fiscaal_nummer", "rsin"), "pl": ("numer_podatkowy", "nip"),
        "ja": ("納税者番号",), "zh": ("税号", "纳税人识别号"),
    },
    "PERSON": {
        "en": ("first_name", "last_name", "full_name", "surname"), "de": ("vorname", "nachname"), "fr": ("prenom", "nom_de_famille"),
        "es": ("apellido", "nombre_completo"), "pt": ("sobrenome", "nome_completo"), "it": ("cognome", "nome_completo"),
        "nl": ("voornaam", "achternaam"), "pl": ("imie", "nazwisko"), "ja": ("氏名",), "zh": ("姓名",),
    },
}  # fmt: skip
"""Names that tell what a value is, by language."""
BEYOND_PEOPLE = (
    "ABA_ROUTING_NUMBER", "MEDICAL_LICENSE", "US_NPI", "US_MBI", "US_PASSPORT", "US_DRIVER_LICENSE", "UK_DRIVING_LICENCE", "UK_NHS",
    "BR_CNPJ", "AU_ABN", "AU_ACN", "AU_MEDICARE", "PL_NIP", "NZ_IRD",
)  # fmt: skip
"""Numbers that nobody calls a national id."""
AREAS = ("212", "303", "415", "512", "617", "702", "808", "919")
"""Area codes of the United States: a number of an area that does not exist is none."""
STREETS = (
    "12 High Street, Leeds",
    "Hauptstr. 5, 10115 Berlin",
    "742 Evergreen Terrace",
    "5 rue de la Paix, Paris",
    "Calle Mayor 3, 2ºB",
)
PEOPLE = ("Maria Garcia", "Jan Kowalski", "Amélie Dupont", "Okafor", "O'Brien", "Li Wei")


def positives(rounds: int, seed: int) -> Iterator[Case]:
    """Yield all kinds, each some times. A kind does not change when another one does."""
    for at in range(rounds):
        for kind in KINDS:
            yield from kind(Maker(f"{seed} {kind.__name__} {at}"))


def password(m: Maker) -> str:
    return m.pick(*PASSWORDS, m.some(ALNUM, 12), m.some(ALNUM + "!#$%&*+-_.", 20), m.some(LOWER, 9))


def own_name(m: Maker) -> Iterator[Case]:
    """1. The value's own name says secret."""
    for names in SECRET_NAMES.values():
        yield json_case(
            "1 own name says secret", "SECRET", {"user": "app", m.pick(*names): must(password(m)), "port": 5432}
        )
        yield text_case("1 own name says secret", "SECRET", f'{{"{m.pick(*PINS)}": {must(m.number(4))}}}', JSON)
    for name in PINS:
        yield json_case("1 own name says secret", "SECRET", {name: must(m.digits(m.chance.randint(3, 6)))})
    name = m.pick(
        "POSTGRES_PASSWORD", "DB_PASS", "MYSQL_PWD", "REDIS_PASSWORD", "JWT_SECRET", "ADMIN_PASSWORD", "API_KEY"
    )
    simple = m.pick("hunter2", "letmein", m.some(ALNUM, 8), "Sommer2024", m.some(ALNUM, 24))
    yield text_case("1 env and ini", "SECRET", f"PORT=5432\n{name}={must(simple)}\nDEBUG=true\n")
    yield text_case("1 env and ini", "SECRET", f"export {name}='{must('two words, ' + simple)}'\n")
    yield text_case(
        "1 env and ini",
        "SECRET",
        f"[database]\nhost = db.internal\n{m.pick('password', 'passwd', 'secret')} = {must(simple)}\nport = 5432\n",
    )
    yield text_case(
        "1 env and ini",
        "SECRET",
        f"spring:\n  datasource:\n    username: app\n    {m.pick('password', 'client-secret')}: {must(simple)}\n    url: jdbc:postgresql://db/app\n",
    )
    yield json_case("1 env and ini", "SECRET", {"file": f"A=1\nPASSWORD={must(simple)}\nB=2\n"})
    secret = base64.b64encode(simple.encode()).decode()
    manifest = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "app", "uid": m.uuid()}, "type": "Opaque",
        "data": {"username": must(base64.b64encode(b"admin").decode()), "password": must(secret), "tls.key": must(m.some(ALNUM, 40))},
        "stringData": {"config": must(f"token {simple}")},
    }  # fmt: skip
    yield json_case("1 Kubernetes Secret", "SECRET", manifest, indent=2)
    inner = json.dumps(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": must(secret)}},
        ensure_ascii=False,
    )
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": inner}, "name": "db"},
        "data": {"password": must(secret)},
    }
    yield json_case("1 Kubernetes Secret", "SECRET", manifest)
    yield json_case("1 Kubernetes Secret", "SECRET", {"apiVersion": "v1", "kind": "List", "items": [manifest]})
    yield text_case(
        "1 Kubernetes Secret",
        "SECRET",
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  user: {must('YWRtaW4=')}\n  password: {must(secret)}\n",
    )
    yield text_case(
        "1 own name says secret",
        "SECRET",
        f"grant_type=password&username=bob&password={must(quote(simple))}&scope=all",
        "application/x-www-form-urlencoded",
    )


def maps(m: Maker) -> Iterator[Case]:
    """1. The name of a map says secret; its keys say whose."""
    kind, two = "1 maps under a name", must(m.some(ALNUM, 12))
    one = must(m.pick("letmein", "two words!", "pässwort9", m.some(LOWER, 9), m.some(ALNUM, 20)))
    owner, other = (
        m.pick("alice", "db", "reporting", "user", "app"),
        m.pick("bob", "cache", "worker-2", "ann@host"),
    )
    plural = m.pick("passwords", "dbPasswords", "user_passwords", "PASSWORDS")
    made = must(m.pick("hunter2", "Sommer2024", m.some(ALNUM, 10) + m.digits(2)))
    for document in (
        {plural: {owner: one, other: two}},
        {m.pick("secrets", "credentials", "api_keys", "access_keys"): {m.pick("db", "main", "stripe"): made}},
        {"secrets": {"prod": {"db": made, "mail": two}, "dev": {"db": made}}, "region": "eu-west-1"},
        {"secrets": [{"db": made}, {"mail": two}], "version": 2},
        {m.pick("password", "api_key", "client_secret"): {"prod": one, "staging": two}},
        {"password": {owner: made, other: two}},
        {"config": json.dumps({"secrets": {"db": made}}, ensure_ascii=False)},
        {"kind": "SecretList", "items": [{"metadata": {"name": "a"}, "data": {"db": made}}]},
        {"pins": {owner: must(m.digits(4))}},
    ):
        yield json_case(kind, "SECRET", document, indent=m.chance.choice([None, 2]))
    short = must(m.pick("x7Kq9mP2", f"{m.some(LOWER, 2)}{m.digits(2)}{m.some(UPPER, 3)}{m.digits(2)}"))
    yield json_case("1 own name says secret", "SECRET", {"token": short, "port": 80})
    yield text_case("1 own name says secret", "SECRET", f"url: api.internal\ntoken: {short}\n")
    yield json_case(
        "1 own name says secret", "SECRET", {m.pick("licence_key", "licenceKey", "enrolment_token"): one}
    )
    name = must(m.pick(*PEOPLE))
    yield json_case(
        "4 names, addresses, births by key", "PERSON", {"resourceType": "Patient", "name": [{"text": name}]}
    )
    reference = {"reference": f"Patient/{m.digits(4)}", "display": name}
    yield json_case(
        "4 names, addresses, births by key", "PERSON", {"resourceType": "Observation", "subject": reference}
    )
    card, ssn = f"4111 1111 {m.digits(4)} {m.digits(4)}", f"219-{m.number(2)}-{m.number(4)}"
    iban = "DE89 3704 0044 0532 0130 00"
    mark = m.pick(",", ":", "  ")
    yield text_case("7 case and spelling", "CREDIT_CARD", f"my card number is {must(card)}, thanks")
    yield text_case("7 case and spelling", "US_SSN", f"SSN: {must(ssn.replace('-', mark))}")
    yield text_case("7 case and spelling", "IBAN_CODE", f"pay to {must(iban.replace(' ', mark))} today")
    mail = must(f"{m.some(LOWER, 6)}@example.com")
    yield text_case("10 beside a spelling", "EMAIL_ADDRESS", f"from \x1b[1;31m\x1b[K{mail}\x1b[m\x1b[K now")
    yield text_case("10 beside a spelling", "EMAIL_ADDRESS", f"GET /send?to=%3C{mail}%3E&text=hi%20{mail}%20bye")
    yield text_case("10 beside a spelling", "EMAIL_ADDRESS", f'write("\\x3c{mail}\\x3e")')
    kind, word = "1 structures under a name", m.pick("hunter2", "letmein", m.some(ALNUM, 12))
    value, encoded = must(word), must(base64.b64encode(word.encode()).decode())
    for text in (
        f"passwords:\n  alice: {value}\n  bob: '{one}'\nport: 80\n",
        f"app:\n  passwords:\n  - {value}\n  - {value}\n  ports:\n  - 80\n",
        f"secrets:\n  prod:\n    db: {made}\n    mail: {made} # until May\nregion: eu\n",
        f"passwords: [{value}, {value}]\nports: [80, 443]\n",
        f"client_secret: >-\n  {value}\nport: 80\n",
        f"[passwords]\nalice = {value}\n\n[server]\nport = 80\n",
        f"passwords = {{'alice': '{value}', 'bob': os.environ['BOB']}}\n",
        f"$config['passwords'] = ['alice' => '{value}', 'bob' => env('BOB')];\n",
        f'saved {{"secrets": {{"db": "{made}"}}, "port": 80}} to disk',
        f"<passwords><alice>{value}</alice></passwords><port>80</port>",
        f"apiVersion: v1\ndata:\n  db: {encoded}\n  tls.crt: {encoded}\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\n",
        f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: db\n  stringData:\n    a: {value}\n",
    ):
        yield text_case(kind, "SECRET", text)


def files(m: Maker) -> Iterator[Case]:
    """1. The same in files and answers of many tools."""
    kind, simple = (
        "1 files of many tools",
        m.pick("hunter2", "letmein", m.some(ALNUM, 8), "Sommer2024", m.some(ALNUM, 24)),
    )
    value = must(simple)
    for line in (
        f"spring.datasource.password={value}\nspring.datasource.username=app\n",
        f"<user><name>bob</name><password>{value}</password></user>",
        f'<add key="DbPassword" value="{value}" />',
        f'<property name="password" value="{value}"/>',
        f"define('DB_PASSWORD', '{value}');",
        f'[database]\npassword = "{value}"\nport = 5432\n',
        f"const config = {{ user: 'app', password: '{value}' }};",
        f'db_password = "{value}"  # local only',
        f"ENV DB_PASSWORD={value} MODE=live",
        f"//packages.example.com/:_authToken={must(m.some(ALNUM, 30))}",
        f"POST /login?user=bob&password={value}&next=%2F HTTP/1.1",
        f"X-Api-Key: {must(m.some(ALNUM, 20))}",
        f"Cookie: theme=dark; session_id={must(m.some(ALNUM, 26))}; lang=en",
        f"users:\n- name: dev\n  user:\n    token: {must(m.some(ALNUM, 40))}\n    client-key-data: {must(m.some(ALNUM, 60))}\n",
        f"2026-01-02 10:11:12 DEBUG login user=bob password={value} ip=-",
        f"The admin password is: {value}",
        f"Username: bob\nPassword: {value}\n",
        f"ansible_become_pass: {value}\nansible_user: deploy\n",
    ):
        yield text_case(kind, "SECRET", line)
    for document in (
        {"Config": {"Env": ["PATH=/usr/bin", f"POSTGRES_PASSWORD={value}", "LANG=C"], "Image": "postgres:16"}},
        {
            "db_password": {"sensitive": True, "type": "string", "value": value},
            "vpc_id": {"sensitive": False, "value": "vpc-1"},
        },
        {"auths": {"registry.example.com": {"auth": must(base64.b64encode(f"bob:{simple}".encode()).decode())}}},
        {"args": ["serve", "--password", value, "--port", "80"]},
        {"command": f"serve --db-password={value} --port 80"},
        {
            "propertySources": [
                {"properties": {"spring.datasource.password": {"value": value, "origin": "application.yml"}}}
            ]
        },
        {"postData": {"params": [{"name": "password", "value": value}, {"name": "user", "value": "bob"}]}},
        {"users": [{"login": "bob", "password": value}, {"login": "ann", "password": value}]},
        {"message": f"login failed for bob, password: {value}"},
        {"config": f"user: app\npassword: {value}\nport: 80\n"},
        {"body": json.dumps({"user": "bob", "password": value}, ensure_ascii=False)},
    ):
        yield json_case(kind, "SECRET", document)


def beside(m: Maker) -> Iterator[Case]:
    """2. The name stands beside the value."""
    simple, kind = password(m), "2 name beside value"
    name, value = m.pick("DB_PASSWORD", "client_secret", "/prod/db/password", "SMTP_PASS", "API_KEY"), must(simple)
    yield json_case(kind, "SECRET", {"name": name, "value": value})
    yield json_case(kind, "SECRET", [{"key": "PORT", "value": "5432"}, {"key": name, "value": value}])
    yield json_case(
        kind, "SECRET", {"Parameter": {"Name": name, "Type": "SecureString", "Value": value, "Version": 3}}
    )
    yield json_case(kind, "SECRET", [{"op": "replace", "path": "/spec/password", "value": value}])
    yield json_case(
        kind,
        "SECRET",
        {
            "containerDefinitions": [
                {
                    "name": "web",
                    "image": "app:1.2.3",
                    "environment": [{"name": "PORT", "value": "80"}, {"name": name, "value": value}],
                }
            ]
        },
    )
    yield json_case(
        kind,
        "SECRET",
        {
            "spec": {
                "containers": [
                    {"name": "web", "env": [{"name": name, "value": value}, {"name": "MODE", "value": "live"}]}
                ]
            }
        },
    )
    yield json_case(
        kind,
        "SECRET",
        {
            "log": {
                "entries": [
                    {
                        "request": {
                            "headers": [
                                {"name": "Authorization", "value": f"{may('Bearer')} {must(m.some(ALNUM, 30))}"},
                                {"name": "Accept", "value": "text/html"},
                            ]
                        }
                    }
                ]
            }
        },
    )
    yield json_case(
        kind,
        "SECRET",
        {
            "Outputs": [
                {"OutputKey": "DatabasePassword", "OutputValue": value},
                {"OutputKey": "VpcId", "OutputValue": "vpc-0a1b2c3d"},
            ]
        },
    )
    yield json_case(
        kind, "SECRET", {"data": {"settings": {"edges": [{"node": {"name": "password", "value": value}}]}}}
    )
    yield json_case(kind, "SECRET", {"password": {"value": value}, "host": {"value": "db"}})
    region = m.pick("AU", "DE", "GB", "FR", "JP")
    number = must(values.phone(m, region, international=False))
    yield json_case(kind, "PHONE_NUMBER", {"telecom": [{"system": "phone", "value": number, "use": "home"}]})
    yield json_case(kind, "PHONE_NUMBER", {"fields": {"phone": {"stringValue": number}}})
    yield json_case(kind, "PHONE_NUMBER", {"phone": {"edges": [{"node": {"value": number}}]}})
    yield json_case(kind, "PHONE_NUMBER", {"properties": [{"name": "mobile", "type": "string", "value": number}]})
    one, other = values.ssn(m, ""), values.ssn(m, "")
    yield json_case(
        kind, "US_SSN", {"columns": ["name", "ssn"], "rows": [["Bob", must(one)], ["Ann", must(other)]]}
    )
    yield json_case(
        kind,
        "US_SSN",
        {"values": [["name", "ssn", "city"], ["Bob", must(one), "Oslo"], ["Ann", must(other), "Bonn"]]},
    )
    yield json_case(
        kind,
        "US_SSN",
        {
            "schema": {"fields": [{"name": "name", "type": "STRING"}, {"name": "ssn", "type": "STRING"}]},
            "rows": [{"f": [{"v": "Bob"}, {"v": must(one)}]}, {"f": [{"v": "Ann"}, {"v": must(other)}]}],
        },
    )
    yield json_case(kind, "US_SSN", {"field": "ssn", "oldValue": must(one), "newValue": must(other)})
    yield json_case(kind, "US_SSN", {"label": "Social security number", "answer": must(one)})


def two_keys(m: Maker) -> Iterator[Case]:
    """Names of two keys of which neither tells alone, dates in parts, and names of switches."""
    kind, account, street = (
        "2 two keys together",
        must(m.digits(m.chance.randint(8, 12))),
        must(f"{m.number(2)} Elm St"),
    )
    yield json_case(kind, "BANK_ACCOUNT", {"numbers": {"ach": [{"account": account, "mask": "0000"}]}})
    yield json_case(kind, "BANK_ACCOUNT", {"account": {"holder": "x", "number": account}})
    yield json_case(kind, "STREET_ADDRESS", {"shipping_address": {"line1": street, "country": "NL"}})
    yield json_case(kind, "STREET_ADDRESS", {"address": {"line1": street, "country": "NL"}})
    yield json_case(kind, "PERSON", {"name": {"first": must("Bob"), "last": must("Jones")}})
    yield json_case(
        kind, "DATE_OF_BIRTH", {"dob": {"day": must(m.number(1)), "month": must("5"), "year": must("1985")}}
    )
    yield json_case(
        "1 names of switches", "SECRET", {m.pick("enable_password", "usePassword"): must(m.some(ALNUM, 9) + "7")}
    )


def tables(m: Maker) -> Iterator[Case]:
    """3. A header row tells for its column."""
    kind, rows = "3 header tells for column", m.chance.randint(3, 12)
    columns: list[tuple[str, str, Callable[[], str]]] = [
        ("US_SSN", "ssn", lambda: values.ssn(m, "")),
        ("PHONE_NUMBER", "phone", lambda: "0" + m.number(9)),
        ("SECRET", "password", lambda: m.pick("hunter2", "letmein", m.some(ALNUM, 10))),
        ("US_BANK_NUMBER", "account_number", lambda: m.number(10)),
    ]
    entity, head, make = m.chance.choice(columns)
    made = [
        [str(1000 + at), m.pick("Bob", "Ann", "Li"), must(make()), m.pick("Oslo", "Bonn", "Rome")]
        for at in range(rows)
    ]
    heads = ["id", "name", head, "city"]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([heads, *made])
    yield text_case(kind, entity, out.getvalue(), "text/csv")
    yield json_case(kind, entity, {"export": out.getvalue()})
    yield text_case(kind, entity, "\n".join("\t".join(row) for row in [heads, *made]))
    yield text_case(kind, entity, "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * 4, *made]))
    yield text_case(
        kind,
        entity,
        "\n".join(
            [
                f" {' | '.join(heads)}",
                "-+-".join(["----"] * 4),
                *(f" {' | '.join(row)}" for row in made),
                f"({rows} rows)",
            ]
        ),
    )
    cells = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in made)
    yield text_case(
        kind,
        entity,
        f"<table><tr>{''.join(f'<th>{each}</th>' for each in heads)}</tr>\n{cells}\n</table>",
        "text/html",
    )
    yield text_case(kind, entity, "\n".join(";".join(row) for row in [heads, *made]), "text/csv")


def entity_value(m: Maker, entity: str, language: str) -> str:
    region = {
        "en": "GB",
        "de": "DE",
        "fr": "FR",
        "es": "ES",
        "pt": "BR",
        "it": "IT",
        "nl": "NL",
        "pl": "PL",
        "ja": "JP",
        "zh": "CN",
    }[language]
    match entity:
        case "PHONE_NUMBER":
            return values.phone(m, region, international=False)
        case "US_BANK_NUMBER":
            return m.number(m.chance.randint(8, 14))
        case "US_PASSPORT":
            return m.some(UPPER, 1) + m.digits(8)
        case "DATE_OF_BIRTH":
            year, month, day = m.chance.randint(1940, 2009), m.chance.randint(1, 12), m.chance.randint(1, 28)
            return m.pick(
                f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{day:02}/{month:02}/{year}"
            )
        case "CREDIT_CARD":
            return m.pick(values.card(m), values.grouped(values.card(m)))
        case "ADDRESS":
            return m.pick(*STREETS)
        case "TAX_ID":
            return values.tax_number(m, language)
    return m.pick(*PEOPLE)


def words(m: Maker) -> Iterator[Case]:
    """4. Names in ten languages."""
    for entity, languages in ENTITY_NAMES.items():
        for language, names in languages.items():
            name, value = m.pick(*names), must(entity_value(m, entity, language))
            kind = (
                "4 names, addresses, births by key"
                if entity in ("PERSON", "ADDRESS", "DATE_OF_BIRTH")
                else "4 words in ten languages"
            )
            yield json_case(kind, entity, {"id": m.chance.randint(1, 999), name: value})


def token_cases(m: Maker) -> Iterator[Case]:
    """5. Published token formats: alone, under a key that says so, in prose."""
    for issuer, forms in tokens.FORMS.items():
        form = m.pick(*forms)
        token = m.spell(form)
        marked = must(token)
        for pattern in tokens.PARTS.get(issuer, ()):
            if found := re.search(pattern, token):
                start, end = found.span("must")
                marked = may(token[:start]) + must(token[start:end]) + may(token[end:])
        yield json_case("5 token alone", "token: " + issuer, {"v": marked})
        yield json_case("5 token under api_key", "token: " + issuer, {"api_key": marked})
        yield text_case("5 token in prose", "token: " + issuer, f"{m.words(4)} {marked} {m.words(3)}")
    for name, form in tokens.ONLY_BY_NAME.items():
        yield json_case("5 token by its name alone", "SECRET", {name: must(m.spell(form))})
        yield text_case("5 token by its name alone", "SECRET", f"{name.upper()}={must(m.spell(form))}\n")
    yield from command_cases(m)


def keys_of_others(m: Maker) -> Iterator[Case]:
    """Keys of services that no list has, behind their names in text."""
    service = m.some(LOWER, 4) + m.pick("flow", "gram", "stack", "works")
    key = m.some(ALNUM, m.chance.randint(20, 48)) + m.digits(3)
    for line in (
        f"{service}_key = {must(key)}",
        f"{service.upper()}_KEY={must(key)}\n",
        f'const {service}Key = "{must(key)}";',
        f'var {service}Token string = "{must(key)}"',
        f'System.setProperty("{service.upper()}_TOKEN", "{must(key)}")',
        f"{service}_key: '{must(key)}'",
        f'"{service}Key" => "{must(key)}"',
        f"<{service}Key>\n    {must(key)}\n</{service}Key>",
        f"{service} KEY {must(key)}",
        f"{service} token {must(key)}",
        f"{service}-SECRET-{must(key)}",
        f"{service}_key = {must(m.uuid())}",
        f"GET https://api.{service}.example/v1?key={must(key)}&page=2",
    ):
        yield text_case("5 keys of other services in text", "SECRET", line)


def nameless(m: Maker) -> Iterator[Case]:
    """Numbers in groups that are all of a value whose name says nothing."""
    for entity, value in (
        ("UK_NHS", grouped_by(values.IDENTIFIERS["UK_NHS"][1](m), m.pick("-", " "), 3, 3)),
        ("UK_NINO", values.IDENTIFIERS["UK_NINO"][1](m).lower()),
        ("US_MBI", values.IDENTIFIERS["US_MBI"][1](m).lower()),
        ("MEDICAL_LICENSE", values.IDENTIFIERS["MEDICAL_LICENSE"][1](m)),
        ("MAC_ADDRESS", m.pick("-", ":").join(f"0{m.hex(1)}" for _ in range(6))),
        ("PHONE_NUMBER", f"09{m.pick('17', '18', '27')}-{m.digits(3)}-{m.digits(4)}"),
        ("PHONE_NUMBER", f"0{m.pick('532', '533', '542')} {m.digits(3)} {m.digits(2)} {m.digits(2)}"),
    ):
        yield json_case("9 identifiers without a name", entity, {m.pick("v", "value", "data"): must(value)})


def grouped_by(number: str, mark: str, first: int, second: int) -> str:
    """Return digits in three groups."""
    digits = "".join(filter(str.isdigit, number))
    return mark.join((digits[:first], digits[first : first + second], digits[first + second :]))


def command_cases(m: Maker) -> Iterator[Case]:
    """Secrets in commands, header fields and files of credentials."""
    kind, simple = "5 commands, headers, files", m.pick("hunter2", m.some(ALNUM, 10), "S3cret-pw")
    basic = base64.b64encode(f"bob:{simple}".encode()).decode()
    jwt = jwt_of(m)
    for line in (
        f"Authorization: {may('Basic')} {must(basic)}",
        f"Authorization: {may('Bearer')} {must(m.some(ALNUM, 32))}",
        f'curl -H "Authorization: Basic {must(basic)}" https://api.example.com',
        f"curl -u bob:{must(simple)} https://api.example.com/v1",
        f"curl --user bob:{must(simple)} https://api.example.com/v1",
        f"mysql -u root -p{must(simple)} app",
        f"mysqldump --password={must(simple)} app",
        f"sshpass -p {must(simple)} ssh {may('root@db.internal.example')}",
        f"db.internal:5432:app:bob:{must(simple)}",
        f"machine api.example.com login bob password {must(simple)}",
        f"docker login -u bob -p {must(simple)} registry.example.com",
        f"redis-cli -a {must(simple)} ping",
        f"https://app.azurewebsites.net/api/run?code={must(m.some(ALNUM, 54) + '==')}",
        f"https://app.blob.core.windows.net/c/f?sv=2022-11-02&sp=r&sig={must(quote(m.some(ALNUM + '+/', 43) + '=', safe=''))}&se=2026-01-01",
        f"https://b.s3.amazonaws.com/f?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Signature={must(m.hex(64))}",
        must(f"ghs_{m.digits(7)}_{jwt}"),
    ):
        yield text_case(kind, "SECRET", line)
    name, phrase = m.pick("DB_PASSWORD", "API_KEY", "CLIENT_SECRET"), must(f"two words, {simple}")
    for line in (
        f"FROM base\nENV {name} {phrase}\nARG {name}={must(simple)}\nRUN make\n",
        f"setx {name} {must(simple)}",
        f'setx /M {name} "{phrase}"',
        f'$env:{name} = "{phrase}"; ./run.ps1',
        f"${{env:{name}}} = '{must(simple)}'",
        f"set -gx {name} {must(simple)}; run",
        f"setenv {name} '{phrase}'",
        f"run --db-password '{phrase}' --port 80",
        f'run --api-key="{phrase}" --port 80',
        f"docker run -e '{name}={phrase}' app",
        f'Environment="{name}={phrase}" "MODE=live"',
        f"export {name}=${{OTHER:-{must(simple)}}}",
        f"url=${{{name}:-{must(simple)}}}",
        f'os.environ["{name}"] = "{phrase}"',
        f"aws ssm put-parameter --name /db/password --type SecureString --value {must(simple)}",
        f"gh secret set DEPLOY --body {must(simple)}",
        f"fastcgi_param {name} {must(simple)};",
    ):
        yield text_case("5 shells", "SECRET", line)
    mail, ssn, kind = must(f"{m.some(LOWER, 6)}@example.com"), must(f"219{m.digits(2)}9998"), "5 SQL"
    for line in (
        f"INSERT INTO users (email, password, ssn) VALUES ('{mail}', '{must(simple)}', '{ssn}'), ('{mail}', '{must(simple)}', NULL);",
        f"insert into `users`\n(`id`, `password`)\nvalues\n(1, '{must(simple)}'),\n(2, crypt('{must(simple)}', gen_salt('bf')));\n",
        f"CREATE TABLE `users` (\n  `id` int,\n  `password` text\n);\nINSERT INTO `users` VALUES (1,'{must(simple)}'),(2,'{must(simple)}');\n",
        f"COPY public.users (id, email, password) FROM stdin;\n1\t{mail}\t{must(simple)}\n2\t{mail}\t{must(simple)}\n\\.\n",
        f"CREATE USER app IDENTIFIED BY '{must(simple)}';",
        f"CREATE USER app IDENTIFIED BY {must(simple)};",
        f"ALTER USER app PASSWORD '{must(simple)}'",
        f"SET PASSWORD FOR 'app'@'%' = '{must(simple)}'",
        f"UPDATE users SET password = '{must(simple)}' WHERE id = 3",
    ):
        yield text_case(kind, "SECRET", line)
    kind = "5 commands, headers, files"
    yield json_case(kind, "JWT", {"session": must(jwt)})
    pem = "\n".join(m.some(ALNUM + "+/", 64) for _ in range(4))
    label = m.pick(
        "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"
    )
    yield json_case(
        kind,
        "PRIVATE_KEY",
        {"file": may(f"-----BEGIN {label}-----\n") + must(pem) + may(f"\n-----END {label}-----\n")},
    )
    ssh2 = "\n".join(m.some(ALNUM + "+/", 70) for _ in range(3))
    yield text_case(
        kind,
        "PRIVATE_KEY",
        may("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n")
        + must(ssh2)
        + may("\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n"),
    )
    yield text_case(
        kind,
        "PRIVATE_KEY",
        f"{may('PuTTY-User-Key-File-3: ssh-rsa')}\n{may('Encryption: none')}\n{may('Comment: k')}\n{may('Public-Lines: 1')}\n{may(m.some(ALNUM, 64))}\n{may('Private-Lines: 2')}\n{must(m.some(ALNUM, 64))}\n{must(m.some(ALNUM, 40))}\n{may('Private-MAC: ' + m.hex(64))}\n",
    )
    yield json_case(
        kind,
        "PRIVATE_KEY",
        {
            "kty": "RSA", "n": may(m.some(ALNUM, 80)), "e": "AQAB", "d": must(m.some(ALNUM, 80)), "p": must(m.some(ALNUM, 40)),
            "q": must(m.some(ALNUM, 40)), "dp": must(m.some(ALNUM, 40)), "qi": must(m.some(ALNUM, 40)),
        },
    )  # fmt: skip


def jwt_of(m: Maker) -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": m.digits(8)}).encode(), m.chance.randbytes(32))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def connection_strings(m: Maker) -> Iterator[Case]:
    """6. Connection strings."""
    kind, simple = (
        "6 connection strings",
        m.pick(
            "hunter22",
            m.some(ALNUM, 12),
            "S3cr3t",
            "p@ssw0rd",
            "p/ssw0rd",
            "%40dm1n-Pa55",
            "$ecret12",
            "pa:ss",
            "päss1",
            "a#b!c",
            "x",
        ),
    )
    scheme = m.pick(
        "postgres",
        "postgresql",
        "mysql",
        "mongodb",
        "mongodb+srv",
        "redis",
        "amqp",
        "rediss",
        "ftp",
        "https",
        "ldap",
        "mssql+pyodbc",
    )
    for line in (
        f"{scheme}://app:{must(simple)}@db.internal:5432/app",
        f"DATABASE_URL={scheme}://app:{must(simple)}@db/app?sslmode=require",
        f"redis://:{must(simple)}@cache:6379/0",
        f"jdbc:postgresql://db:5432/app?user=app&password={must(quote(simple, safe=''))}",
        f"jdbc:oracle:thin:scott/{must(m.some(ALNUM, 8))}@//db:1521/orcl",
        f"jdbc:sqlserver://db:1433;databaseName=app;user=sa;password={must(m.some(ALNUM, 10))};encrypt=true",
        f"Server=db;Database=app;User Id=sa;Password={must(m.some(ALNUM, 10))};Encrypt=True",
        f"host=db port=5432 user=app password={must(m.some(ALNUM, 10))} dbname=app",
        f"Driver={{ODBC Driver 18}};Server=db;UID=sa;PWD={must(m.some(ALNUM, 10))};",
    ):
        yield text_case(kind, "CONNECTION_STRING", line)
        yield json_case(kind, "CONNECTION_STRING", {"dsn": line})


def spellings(m: Maker) -> Iterator[Case]:
    """7. Letter case and spelling where a check digit guards."""
    account = values.iban(m)
    fours = [account[at : at + 4] for at in range(0, len(account), 4)]
    number = m.digits(8)
    failed = values.failed_card(m)
    address = m.pick("fe80::1", "::ffff:1.2.3.4", "2001:db8::1", "fd00::2", "fe80::" + m.hex(3))
    for entity, name, marked in (
        ("IBAN_CODE", "iban", must(account.lower())),
        ("IBAN_CODE", "iban", must(".".join(fours))),
        ("IBAN_CODE", "iban", must("-".join(fours))),
        ("IBAN_CODE", "iban", must("\n".join((" ".join(fours[:3]), " ".join(fours[3:]))))),
        ("IBAN_CODE", "note", f"pay to IBAN: {must(' '.join(fours))} now"),
        ("IBAN_CODE", "text", "IBAN " + must(account.lower())),
        ("ES_NIF", "nif", must(number + "trwagmyfpdxbnjzsqvhlcke"[int(number) % 23])),
        ("US_ITIN", "itin", must(values.itin(m, ""))),
        ("US_SSN", "tax_id", must(values.ssn(m, ""))),
        ("CREDIT_CARD", "card_number", must(failed)),
        ("CREDIT_CARD", "credit_card", must(values.grouped(failed))),
        ("IP_ADDRESS", "ip", must(address)),
        ("IP_ADDRESS", "text", f"src={must(address)} dst=web"),
        ("IP_ADDRESS", "text", f"inet6 {must(address)}{may('/64')} scope link"),
        ("IP_ADDRESS", "gateway_ip", must(address) + may("%eth0")),
        ("EMAIL_ADDRESS", "contact", must(f"Bob.{m.digits(2)}@EXAMPLE.COM")),
    ):
        yield json_case("7 case and spelling", entity, {name: marked})


def phones(m: Maker) -> Iterator[Case]:
    """8. Phones as people write them."""
    told = {
        "DE": "Tel.",
        "FR": "Tél. :",
        "ES": "Teléfono:",
        "IT": "Telefono",
        "NL": "Telefoon:",
        "PL": "tel.",
        "BR": "Telefone:",
        "JP": "電話：",
        "CN": "电话：",
        "GB": "call me on phone",
        "US": "Phone:",
    }
    for region in values.REGIONS:
        national = values.phone(m, region, international=False)
        yield json_case("8 phones under a key", "PHONE_NUMBER", {"phone": must(national)})
        if region in told:
            yield text_case(
                "8 phones beside a word", "PHONE_NUMBER", f"{m.words(3)}. {told[region]} {must(national)}"
            )
        if region in told:
            extension = m.number(m.chance.randint(2, 4))
            joined, word = m.pick("x", " ext. ", " x"), m.pick(" Ext ", " extension ", " (ext ")
            apart = f"{must(national)}{may(word)}{must(extension)}{')' if '(' in word else ''}"
            for number in (must(national + joined + extension), apart):
                yield json_case("8 phones with an extension", "PHONE_NUMBER", {"phone": number})
        international = values.phone(m, region, international=True)
        yield text_case(
            "8 phones international", "PHONE_NUMBER", f"{m.words(3)} {must(international)}, {m.words(2)}"
        )


def identifiers(m: Maker) -> Iterator[Case]:
    """9. National and medical identifiers under a telling name, and beside a word."""
    for entity, (names, make) in values.IDENTIFIERS.items():
        try:
            value = make(m)
        except ModuleNotFoundError:  # without python-stdnum, the entity is left out
            continue
        yield json_case("9 identifiers under a key", entity, {m.pick(*names): must(value)})
        yield text_case("9 identifiers beside a word", entity, f"{names[0].replace('_', ' ')}: {must(value)}")
        general = m.pick("national_id", "nationalId", "identification_number", "personal_id_number")
        if entity not in BEYOND_PEOPLE:
            yield json_case("9 identifiers under a general key", entity, {general: must(value)})
        spaced = m.pick(names[-1]).upper().replace("_", "-")
        yield text_case("9 identifiers beside a word", entity, f"<field name='x'>{spaced} {must(value)}</field>")


def views(m: Maker) -> Iterator[Case]:
    """10. Text that hides other text."""
    mail = f"bob.{m.digits(3)}@example.com"
    number = values.card(m)
    social = values.ssn(m)
    zero = m.pick("\u200b", "\u3164", "\u2800", "\u00ad", "\u2060", "\ufeff", "\u180e", "\ufe0f", "\u034f")
    long = base64.b64encode((f"{m.words(20)} {mail} {m.words(20)}").encode()).decode()
    spelled = {
        "base64": must(long),
        "base64 in lines": must("\n".join(long[at : at + 76] for at in range(0, len(long), 76))),
        "base64 twice": must(base64.b64encode(long.encode()).decode()),
        "gzip in base64": must(base64.b64encode(gzip.compress(f"{m.words(20)} {mail}".encode(), mtime=0)).decode()),
        "percent": f"q={must(quote(mail, safe=''))}&x=1",
        "percent twice": must(quote(quote(mail, safe=""), safe="")),
        "html": must("".join(f"&#{ord(each)};" for each in mail)),
        "html hex": must("".join(f"&#x{ord(each):x};" for each in social)),
        "hex": may("0x") + must(f"user {mail} ok".encode().hex()),
        r"\x40": must(mail.replace("@", r"\x40")),
        r"\u{40}": must(mail.replace("@", r"\u{40}")),
        "%u0040": must(mail.replace("@", "%u0040")),
        r"\u0040": must(mail.replace("@", r"\u0040")),
        "quoted-printable": must(quopri.encodestring(mail.encode(), quotetabs=True).decode().replace("@", "=40").strip()),
        "invisible": must(zero.join(social)),
        "invisible in mail": must(mail.replace("@", f"{zero}@")),
        "full width": must("".join(chr(ord(each) + 0xFEE0) for each in number)),
        "digits of another script": must("".join(chr(0x660 + int(each)) if each.isdigit() else each for each in social)),
        "tags between digits": must("<b>".join(number[at : at + 4] for at in range(0, 12, 4)) + "</b>" + number[12:]),
        "br between digits": must(number[:4] + "<br>" + number[4:8] + "<br>" + number[8:12] + "<br>" + number[12:]),
        "comma": must(",".join((number[:4], number[4:8], number[8:12], number[12:]))) if len(number) == 16 else must(number),
        "colon": must(social.replace("-", ":")),
        "two blanks": must("  ".join((number[:4], number[4:8], number[8:12], number[12:]))) if len(number) == 16 else must(number),
    }  # fmt: skip
    for how, marked in spelled.items():
        yield json_case("10 " + how, how, {"note": marked})


def classic(m: Maker) -> Iterator[Case]:
    """Entities in their ordinary form, with text around them or not."""
    for entity, value in (
        ("CREDIT_CARD", values.card(m)),
        ("CREDIT_CARD", values.grouped(values.card(m))),
        ("US_SSN", values.ssn(m)),
        ("US_ITIN", values.itin(m)),
        ("EMAIL_ADDRESS", f"{m.some(LOWER, 6)}.{m.digits(2)}@mail.example.org"),
        ("PHONE_NUMBER", f"({m.pick(*AREAS)}) {m.chance.randint(220, 989)}-{m.digits(4)}"),
        ("IBAN_CODE", m.pick((found := values.iban(m)), values.grouped(found))),
        ("IP_ADDRESS", f"10.{m.chance.randint(1, 254)}.{m.chance.randint(0, 254)}.{m.chance.randint(1, 254)}"),
        ("IP_ADDRESS", f"2001:db8:{m.hex(4)}::{m.chance.randint(1, 9999)}"),
        ("CRYPTO", values.bitcoin(m)),
        ("JWT", jwt_of(m)),
    ):
        marked = must(value)
        yield text_case(
            "0 ordinary forms",
            entity,
            m.pick(marked, f"{m.words(3)} {marked}", f"{m.words(2)} {marked}, {m.words(2)}"),
        )
        yield json_case("0 ordinary forms", entity, {"note": m.pick(marked, f"{m.words(3)} {marked}.")})


KINDS = (
    classic,
    own_name,
    maps,
    files,
    beside,
    two_keys,
    tables,
    words,
    token_cases,
    keys_of_others,
    nameless,
    connection_strings,
    spellings,
    phones,
    identifiers,
    views,
    streams,
)
