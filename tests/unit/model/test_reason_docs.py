"""The page of reasons is held to the code."""

import re
from pathlib import Path

from extproc.model.reasons import Reason, Uninspectable

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "reasons.md").read_text()


def test_every_reason_is_there_once_with_its_status():
    listed = re.findall(r"^\| `([a-z-]+)` \| ([0-9]{3}) \|", PAGE, re.MULTILINE)
    assert listed == [(reason.value, str(reason.answer.status)) for reason in Reason]


def test_every_uninspectable_fact_is_there_once():
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| [^0-9]", PAGE, re.MULTILINE)
    assert listed == [fact.value for fact in Uninspectable]
