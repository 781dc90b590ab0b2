"""Masking as an installation configures it: custom entities, allow-lists, and keys that change."""

from pathlib import Path

import pytest

from extproc.assembly.make_connection import masking_plan
from extproc.assembly.make_masker import make_detectors, make_masker
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError
from extproc.model.masking import MaskOperator, MaskRule
from extproc.settings.masking import CustomDetector, InstallationMasking, MaskingSettings

JSON = "application/json"
PSEUDONYM = (MaskRule(MaskOperator.PSEUDONYM, path="$.a"),)


def settings(tmp_path, **masking):
    return Settings.model_construct(
        state=tmp_path,
        masking=InstallationMasking.model_validate(masking),
        limits=Settings.model_fields["limits"].default,
    )


def key(tmp_path, name, fill) -> Path:
    path = tmp_path / name
    path.write_bytes(fill * 32)
    return path


def test_an_entity_of_ones_own_is_masked_like_the_others(tmp_path):
    masker = make_masker(settings(tmp_path, detectors={"BADGE": {"pattern": "B-[0-9]{4}", "context": ["badge"]}}))
    masked = masker.mask(
        b'{"badge":"B-1234","x":"B-1234"}', JSON, (MaskRule(MaskOperator.REDACT, entity="BADGE"),)
    )
    assert masked.body == b'{"badge":"[BADGE]","x":"B-1234"}'


@pytest.mark.parametrize(
    ("score", "bare", "beside"),
    [
        (None, "B-1234", "[BADGE]"),
        (0.15, "B-1234", "[BADGE]"),
        (0.49, "B-1234", "[BADGE]"),
        (0.5, "[BADGE]", "[BADGE]"),
    ],
)
def test_a_match_counts_from_a_score_on_to_which_context_adds(tmp_path, score, bare, beside):
    badge = {"pattern": "B-[0-9]{4}", "context": ["badge"], "score": score}
    masker = make_masker(settings(tmp_path, detectors={"BADGE": badge}))
    masked = masker.mask(
        b'{"badge":"B-1234","x":"B-1234"}', JSON, (MaskRule(MaskOperator.REDACT, entity="BADGE"),)
    )
    assert masked.body == f'{{"badge":"{beside}","x":"{bare}"}}'.encode()


@pytest.mark.parametrize(("context", "score"), [([], 0.49), (["badge"], 0.14)])
def test_a_score_that_nothing_reaches_is_refused(context, score):
    with pytest.raises(ValueError, match="nothing would ever be found"):
        CustomDetector(pattern="B-[0-9]{4}", context=context, score=score)


def test_a_pattern_that_cannot_be_used_is_an_error_of_the_configuration():
    with pytest.raises(ConfigError, match=r"masking\.detectors\.BADGE: .*anchors"):
        make_detectors(InstallationMasking(detectors={"BADGE": CustomDetector(pattern="^B")}))
    with pytest.raises(ConfigError, match="built-in"):
        make_detectors(InstallationMasking(detectors={"US_SSN": CustomDetector(pattern="B[0-9]")}))


def test_a_new_key_gives_new_tokens_and_knows_those_of_the_old_one(tmp_path):
    old, new = key(tmp_path, "old", b"o"), key(tmp_path, "new", b"n")
    before = make_masker(settings(tmp_path, pseudonym_key_id="k1", pseudonym_key_file=old))
    after = make_masker(
        settings(tmp_path, pseudonym_key_id="k2", pseudonym_key_file=new, old_pseudonym_keys={"k1": old})
    )
    token = before.mask(b'{"a":"value"}', JSON, PSEUDONYM).body
    assert b":k1:" in token
    assert after.mask(token, JSON, PSEUDONYM).body == token
    assert b":k2:" in after.mask(b'{"a":"value"}', JSON, PSEUDONYM).body
    forged = token.replace(token[-7:-4], b"AAA")
    assert b":k2:" in after.mask(forged, JSON, PSEUDONYM).body


def test_keys_must_be_there_and_long_enough_and_have_ids_of_their_own(tmp_path):
    short = tmp_path / "short"
    short.write_bytes(b"x")
    with pytest.raises(ConfigError, match="fewer than 32"):
        make_masker(settings(tmp_path, pseudonym_key_file=short))
    with pytest.raises(ConfigError, match="cannot read"):
        make_masker(settings(tmp_path, pseudonym_key_file=tmp_path / "missing"))
    (tmp_path / "pseudonym.key").write_bytes(b"")
    with pytest.raises(ConfigError, match="fewer than 32"):
        make_masker(settings(tmp_path))
    with pytest.raises(ValueError, match="both"):
        InstallationMasking(pseudonym_key_id="k1", old_pseudonym_keys={"k1": short})


def test_a_declared_list_turns_allow_list_mode_on_even_when_it_is_empty(tmp_path):
    masker = make_masker(settings(tmp_path))
    plan = masking_plan(MaskingSettings.model_validate({"declared": {"response": []}}))
    assert masker.mask(b'{"a":"value"}', JSON, plan.response).body == b'"[REDACTED]"'
    assert plan.request == ()
    plan = masking_plan(MaskingSettings.model_validate({"declared": {"request": ["$.a"]}}))
    assert masker.mask(b'{"a":1,"b":2}', JSON, plan.request).body == b'{"a":1,"b":"[REDACTED]"}'
