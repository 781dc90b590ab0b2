"""Settings in text: a value ends where its line or its word ends, and all that stands behind it stays."""

import base64

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
KEY_32 = base64.b64encode(b"01234567890123456789012345678901").decode()
KEY_16 = base64.b64encode(bytes(range(0x81, 0x91))).decode()
MAIL = base64.b64encode(b'{"email":"bob@example.com"}123').decode()
MAIL_CUT = base64.b64encode(b'{"email":"bob@example.com"}12').decode().rstrip("=")
S, E, C = "[NAMED_SECRET]", "[EMAIL_ADDRESS]", "[COMMAND_PASSWORD]"
MASKED = [
    (
        f"JWT_SECRET=base64:{KEY_16}\nMAIL_HOST=smtp.example.com\nA=b",
        f"JWT_SECRET={S}\nMAIL_HOST=smtp.example.com\nA=b",
    ),
    (f"X_SECRET={KEY_32}\nDB_HOST=db\nPORT=80", f"X_SECRET={S}\nDB_HOST=db\nPORT=80"),
    (f"X_SECRET={KEY_32}\r\nDB_HOST=db\r\nPORT=80", f"X_SECRET={S}\r\nDB_HOST=db\r\nPORT=80"),
    (f"X_SECRET={KEY_32}\nPORT=5432\nA=b", f"X_SECRET={S}\nPORT=5432\nA=b"),
    (f"X_SECRET = {KEY_32}\nhost = db\nport = 80", f"X_SECRET = {S}\nhost = db\nport = 80"),
    (f"X_SECRET: {KEY_32}\ndb_host: db\nx: y", f"X_SECRET: {S}\ndb_host: db\nx: y"),
    (f"a:\n  x_secret: {KEY_32}\n  db_host: db\n", f"a:\n  x_secret: {S}\n  db_host: db\n"),
    (f"x_secret: {KEY_32}\n---\nx: y", f"x_secret: {S}\n---\nx: y"),
    (f"x_secret: {KEY_32}\n# hosts\nx: y", f"x_secret: {S}\n# hosts\nx: y"),
    (f"SECRET_KEY_BASE={KEY_32.rstrip('=')}\nHOST=db", f"SECRET_KEY_BASE={S}\nHOST=db"),
    (f"export JWT_SECRET={KEY_32}\nexport PORT=80\nA=b", f"export JWT_SECRET={S}\nexport PORT=80\nA=b"),
    (f"DATA={MAIL}\nDB_HOST=db\nA=b", f"DATA={E}\nDB_HOST=db\nA=b"),
    (f"DATA={MAIL_CUT}\nDB_HOST=db\nA=b", f"DATA={E}\nDB_HOST=db\nA=b"),
    (f"data: {MAIL}\nname: db\n", f"data: {E}\nname: db\n"),
    (f"- {MAIL}\n- name\n- a: b", f"- {E}\n- name\n- a: b"),
    (f"export DATA={MAIL}\nexport PORT=80\n", f"export DATA={E}\nexport PORT=80\n"),
    ("PGPASSWORD=hunter2 psql -h db -U bob -c 'select 1'", f"PGPASSWORD={C} psql -h db -U bob -c 'select 1'"),
    ("DB_PASSWORD=hunter2 npm start", f"DB_PASSWORD={S} npm start"),
    ("export DB_PASSWORD=hunter2 PORT=80", f"export DB_PASSWORD={S} PORT=80"),
    ("password=hunter7 ok\nx", f"password={S} ok\nx"),
    ("password: hunter7 ok\nx", f"password: {S}\nx"),
    ("password = two words\nx", f"password = {S}\nx"),
    ("cmd: [run, --password=hunter4]", f"cmd: [run, --password={C}]"),
    ("cmd: [run, --password=hunter4, x]", f"cmd: [run, --password={C}, x]"),
    ("{x: --password=hunter4}", f"{{x: --password={C}}}"),
    ("(run --password=hunter4)", f"(run --password={C})"),
    ("(run (x) --password=hunt)er4)", f"(run (x) --password={C})"),
    ("run --password=hunter4)", f"run --password={S}"),
    ("(see) run --password=hunter4)", f"(see) run --password={S}"),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_only_the_value_goes(text, masked):
    assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode() == masked


def test_base64_goes_on_in_lines_of_its_own():
    packed = base64.encodebytes(b"x" * 50 + b" mail bob@example.com " + b"y" * 60).decode()
    for behind in ("", "\n", "\nDB_HOST=db\n"):
        text = packed.rstrip() + behind
        assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode() == E + behind
