"""In a table, the name of its column tells what a cell is, and nothing else does."""

import json

import pytest

from extproc.masking.text.text_tables import HEADER_LONGEST, ROW_LONGEST, State, Tables
from extproc.model.masking import MASK_EVERYTHING, MaskOperator, MaskRule
from tests.support.maskers import make_masker

MASKER = make_masker()
REMOVE = (MaskRule(MaskOperator.REMOVE, entity="*"),)


def masked(text, rules=MASK_EVERYTHING):
    out = MASKER.mask(text.encode(), "text/csv", rules).body
    assert MASKER.mask(out, "text/csv", rules).body == out
    return out.decode()


def in_pieces(text, rules=MASK_EVERYTHING):
    stream = MASKER.stream("text/csv", rules)
    return b"".join([*[stream.feed(bytes([each])) for each in text.encode()], stream.finish()]).decode()


ROWS = {
    "CSV": "id,name,ssn\n" + "".join(f"{n},Bob,21909999{n}\n" for n in range(5)),
    "with CRLF": "id;name;ssn\r\n1;Bob;219099998\r\n2;Ann;219099997\r\n3;Li;219099996",
    "TSV": "ssn\tname\n219099998\tBob\n219099997\tAnn\n",
    "pipes": "name|ssn\nBob|219099998\nAnn|219099997\nLi|219099996\n",
    "quotes": '"name","ssn"\n"Bob, of\nOslo","219099998"\n"An ""n""","219099997"\n"Li;x","219099996"\n',
    "Markdown": "| name | ssn |\n|:-----|----:|\n| Bob | 219099998 |\n| a \\| b | 219099997 |\n| Li | 219099996 |\n",
    "psql": " name |    ssn    \n------+-----------\n Bob  | 219099998\n Ann  | 219099997\n(2 rows)\n",
    "mysql": "+------+-----+\n| name | ssn |\n+------+-----+\n| Bob | 219099998 |\n| Li | 219099997 |\n+------+-----+\n",
    "psql records": "-[ RECORD 1 ]----\nname | Bob\nssn  | 219099998\n-[ RECORD 2 ]----\nname | Ann\nssn  | 219099997\n",
    "mysql records": f"{'*' * 27} 1. row {'*' * 27}\nname: Bob\n ssn: 219099998\n",
    "a longer row": "name,ssn\nBob,219099998\nLi,of Oslo,219099997\nAnn,219099996\n",
    "a comment": "name,ssn\nBob,219099998\n# more\nAnn,219099997\n",
    "several tables": "name,ssn\nBob,219099998\n\nid\tssn\n1\t219099997\n2\t219099996\n",
    "a header again": "name,ssn\nBob,219099998\nname,ssn\nAnn,219099997\n",
    "a quotation mark alone": 'name,ssn\n"Bob,219099998\nAnn,219099997\nLi,219099996\n',
}


@pytest.mark.parametrize("text", ROWS.values(), ids=ROWS)
def test_a_header_tells_for_every_row(text):
    wanted = text
    for number in range(10):
        wanted = wanted.replace(f"21909999{number}", "[US_SSN]")
    assert masked(text) == wanted
    assert in_pieces(text) == wanted


def test_a_named_value_is_the_whole_cell_and_no_more():
    text = 'user,password,role\nbob,hunter2,admin\nann,"two ""words"", and more",admin\nli,,admin\n'
    wanted = 'user,password,role\nbob,[NAMED_SECRET],admin\nann,"[NAMED_SECRET]",admin\nli,,admin\n'
    assert masked(text) == wanted
    assert in_pieces(text) == wanted
    assert masked(text, REMOVE) == 'user,password,role\nbob,,admin\nann,"",admin\nli,,admin\n'


@pytest.mark.parametrize(
    "text",
    [
        "COPY users (id, password, dob) FROM stdin;\n1\t\\N\t\\N\n\\.\n",
        "id,password,pin\n1,\\N,\\N\n2,NULL,NULL\n",
        "| test | condition to pass |\n|------|------|\n| a | all green |\n",
    ],
)
def test_nothing_and_other_columns_stay(text):
    assert masked(text) == text


def test_a_cell_may_name_the_cell_beside_it():
    assert masked("name,value\nDB_PASSWORD,hunter2\nREGION,oslo\n") == (
        "name,value\nDB_PASSWORD,[NAMED_SECRET]\nREGION,oslo\n"
    )
    assert masked("Name,Bob\nPhone,5551234567\n") == "Name,Bob\nPhone,[PHONE_NUMBER]\n"


@pytest.mark.parametrize(
    "text",
    [
        "phone_model,order_id,n\niphone,5551234567,1\nx,5551234568,2\n",
        "phone,order_id,n\nnone,5551234567,1\n",
        "id\tx\ty\n123\t45\t6789\n219\t09\t9999\n",
        "a,b,c,d\n4111,1111,1111,1111\n",
        "| Name | Type | Description |\n|---|---|---|\n| password | string | Text that you choose |\n",
        "city,password_policy,n\nOslo,at-least-12-characters,1\n",
    ],
)
def test_words_of_other_columns_do_not_tell(text):
    assert masked(text) == text
    assert in_pieces(text) == text


HTML = {
    "headers": "<table><tr><th>name</th><th>ssn</th></tr><tr><td>Bob</td><td>219099998</td></tr>"
    "<tr><td>x</td><td> <b>219099997</b></td></tr></table>",
    "lines": "<TABLE>\n<tr>\n<td>name</td>\n<td class='n'>ssn</td>\n</tr>\n<tr><td>Bob<td>219099998\n<tr><td>x<td>"
    "219099997\n</TABLE>",
    "pairs": "<table><tr><th>Name</th><td>Bob</td></tr><tr><th>SSN</th><td>219099998</td></tr></table>",
    "no end": "<table><tr><th>name<th>ssn<tr><td>Bob<td>219099998",
    "attributes": "<table><tr><th>a</th><th>b</th></tr><tr><td title='ssn 219099998'>1</td><td>x</td></tr></table>",
}


@pytest.mark.parametrize("text", HTML.values(), ids=HTML)
def test_a_header_of_html_tells(text):
    assert masked(text) == text.replace("219099998", "[US_SSN]").replace("219099997", "[US_SSN]")


def test_a_secret_in_html_goes_without_the_tags_around_it():
    text = "<table><tr><th>user</th><th>password</th></tr><tr><td>a</td><td><b>two words</b></td></tr></table>"
    assert masked(text) == text.replace("two words", "[NAMED_SECRET]")


def test_prose_with_commas_keeps_its_context():
    assert masked("Dear Bob, my phone\n5551234567, call me\n") == "Dear Bob, my phone\n[PHONE_NUMBER], call me\n"


def test_prose_with_a_comma_in_two_lines_is_no_table():
    text = "If you want no password, or want your key to be protected by a password, remove\nthe flag, or set it\n"
    assert masked(text) == text
    text = "With this, you are asked for a protecting password.  If you\ndo not want a key of yours, remove it\n"
    assert masked(text) == text


def test_csv_in_a_string_of_json_is_a_table():
    body = json.dumps({"csv": ROWS["CSV"]}).encode()
    out = json.loads(MASKER.mask(body, "application/json", MASK_EVERYTHING).body)["csv"]
    assert out == masked(ROWS["CSV"])


def test_a_table_in_a_form_is_a_table():
    part = f'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n{ROWS["CSV"]}\r\n--x--\r\n'
    out = MASKER.mask(part.encode(), "multipart/form-data; boundary=x", MASK_EVERYTHING).body.decode()
    assert masked(ROWS["CSV"]) in out


def test_rows_are_released_line_by_line():
    stream = MASKER.stream("text/csv", MASK_EVERYTHING)
    assert stream.feed(b"name,ssn\nBob,21") == b"name,ssn\n"
    assert stream.feed(b"9099998\nAnn,") == b"Bob,[US_SSN]\n"
    assert stream.feed(b'219099997\nLi,"21909999') == b"Ann,[US_SSN]\n"
    assert stream.feed(b'6"\n') == b'Li,"[US_SSN]"\n'


def test_what_is_too_long_is_no_row_and_no_header():
    assert Tables("a,b\n" + "x" * ROW_LONGEST + ",y\n").rows[-1].header is None
    assert not Tables(("a" * 9 + ",") * (HEADER_LONGEST // 9) + "\n").rows
    assert Tables("b\n", State(in_line=True)).after(2) == State()
