"""Rows of SQL: the list of columns names the values of INSERT, and the rows behind COPY."""

import json

import pytest

from tests.support.maskers import mask, streamed

S, E = "[NAMED_SECRET]", "[EMAIL_ADDRESS]"
CREATED = "CREATE TABLE `users` (\n  `id` int NOT NULL,\n  `password` varchar(20) DEFAULT NULL,\n  PRIMARY KEY (`id`)\n);\n"
MASKED = [
    (
        "INSERT INTO users (email, password, ssn) VALUES ('a@b.co','hunter2','219-09-9998'), ('c@d.co', 'x', '219099998');",
        f"INSERT INTO users (email, password, ssn) VALUES ('{E}','{S}','[US_SSN]'), ('{E}', '{S}', '[US_SSN]');",
    ),
    (
        "INSERT INTO `users` (`id`, `name`, `password`)\nVALUES\n(1, 'bob', 'hunter2'),\n(2, 'al', 'it''s'),\n(3, 'x', 'a\\'b');\nx",
        f"INSERT INTO `users` (`id`, `name`, `password`)\nVALUES\n(1, 'bob', '{S}'),\n(2, 'al', '{S}'),\n(3, 'x', '{S}');\nx",
    ),
    (
        "insert into a.users(id, pin, phone) values (1, 4931, '5550123'), (2, '4932', NULL)",
        f"insert into a.users(id, pin, phone) values (1, {S}, '[PHONE_NUMBER]'), (2, '{S}', NULL)",
    ),
    (
        "REPLACE INTO u (a, password) VALUES (now(), crypt('hunter2', gen_salt('bf'))), ('two words', N'x y'::text)",
        f"REPLACE INTO u (a, password) VALUES (now(), crypt('{S}', gen_salt('bf'))), ('two words', N'{S}'::text)",
    ),
    (
        "COPY public.users (id, email, password) FROM stdin;\n1\ta@b.co\thunter2\n2\tc@d.co\tlet me in\n\\.\n\nx\ty\n",
        f"COPY public.users (id, email, password) FROM stdin;\n1\t{E}\t{S}\n2\t{E}\t{S}\n\\.\n\nx\ty\n",
    ),
]  # fmt: skip
STAY = [
    "INSERT INTO users (a, password) VALUES ($1, $2), (%s, %s), (?, ?), (:a, :password), (@a, @b), (DEFAULT, NULL)",
    "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'hunter2')",
    "INSERT INTO t (password_policy, pin_count) VALUES ('strict9', 4931)",
    "INSERT INTO t (id, password) SELECT id, 'x1' FROM u",
    "COPY t (a, b) FROM stdin;\n1\thunter2\n\\.\n",
    "Please insert into the list (password, pin) values (see below).",
    "INSERT INTO users (password",
]


@pytest.mark.parametrize(("statement", "masked"), MASKED)
def test_columns_name_values(statement, masked):
    assert mask(statement) == masked
    assert mask(masked) == masked
    in_string = json.loads(mask(json.dumps({"query": statement}), "application/json"))
    assert in_string == {"query": masked}


@pytest.mark.parametrize("statement", STAY)
def test_other_values_stay(statement):
    assert mask(statement) == statement


@pytest.mark.parametrize("size", [1, 11, 64])
@pytest.mark.parametrize("statement", [*(each for each, _ in MASKED), *STAY])
def test_a_stream_is_masked_as_the_whole(statement, size):
    text = f"SELECT 1 FROM x;\n{statement}\n-- and so on\nSELECT 2 FROM y;\n"
    assert streamed(text, size) == mask(text)


def test_columns_of_the_table_count_where_the_statement_names_none():
    rows = "INSERT INTO `users` VALUES (1,'hunter2'),(2,'x');\n"
    masked = f"INSERT INTO `users` VALUES (1,'{S}'),(2,'{S}');\n"
    assert mask(CREATED + rows) == CREATED + masked
    assert mask(rows) == rows
