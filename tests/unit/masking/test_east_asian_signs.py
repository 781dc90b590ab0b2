"""Names and values with the signs of Chinese and Japanese between and behind them, in text and in strings."""

import json

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
S, P = "[NAMED_SECRET]", "[PERSON]"
CASES = [
    ("密码\uff1aabc123", f"密码\uff1a{S}"),
    ("密码\uff1dabc123", f"密码\uff1d{S}"),
    ("パスワード\uff1ahimitsu", f"パスワード\uff1a{S}"),
    ("姓名\uff1a王小明", f"姓名\uff1a{P}"),
    ("姓名\uff1a王小明\uff0c电话", f"姓名\uff1a{P}\uff0c电话"),
    ("PIN\uff1a4931", f"PIN\uff1a{S}"),
    ("PIN\uff1a4931\u3002", f"PIN\uff1a{S}\u3002"),
    ("密码\uff1aletmein\u3002好", f"密码\uff1a{S}\u3002好"),
    ("password\uff1ahunter2", f"password\uff1a{S}"),
    ("password\ufe55hunter2", f"password\ufe55{S}"),
    ("password\uff1a${X}", "password\uff1a${X}"),
    ("请问密码政策\uff1f", "请问密码政策\uff1f"),
]


@pytest.mark.parametrize(("text", "masked"), CASES)
def test_the_value_is_masked_in_text_and_in_a_string(text, masked):
    assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode() == masked
    body = json.dumps({"v": text}, ensure_ascii=False).encode()
    assert json.loads(MASKER.mask(body, "application/json", MASK_EVERYTHING).body) == {"v": masked}
