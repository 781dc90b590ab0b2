"""Checks of the configuration: each danger has its key, its line and a hint."""

import pytest

from extproc.doctor import check_configuration
from tests.unit.doctor.installations import GOOD, KEYS, doctor, installed, look, only


@pytest.mark.slow
def test_nothing_is_wrong_with_a_good_one_and_nothing_is_touched(tmp_path):
    file = installed(tmp_path)
    (tmp_path / "state").mkdir(mode=0o700)
    before = sorted((str(each), each.stat().st_mtime_ns) for each in tmp_path.rglob("*") if each.is_file())
    found = doctor(file)
    found.pop("disk of the spools")  # which may be anything here
    assert {one["level"] for several in found.values() for one in several} == {"ok", "skipped"}
    assert sorted((str(each), each.stat().st_mtime_ns) for each in tmp_path.rglob("*") if each.is_file()) == before
    assert found["configuration"][0]["what"] == "valid: 1 connections, 1 functions, 2 workers"
    assert found["Envoy's configuration"][0]["what"].startswith("the rendered configuration")


@pytest.mark.parametrize(
    ("old", "new", "subject", "key", "line", "words"),
    [
        ("  crm:\n", "  crm:\n    masking: {undecodable: pass-unmasked}\n", "connection crm", "connections.crm.masking.undecodable", 8, "pass unmasked"),
        ("  crm:\n", "  crm:\n    masking: {response: []}\n", "connection crm", "connections.crm.masking.response", 8, "not masked"),
        ("  crm:\n", "  crm:\n    recording: {durability: relaxed}\n", "connection crm", "connections.crm.recording.durability", 8, "can lose"),
        ("  crm:\n", "  crm:\n    approvals: {expires_in: 7200, mode: wait}\n", "connection crm", "connections.crm.approvals.expires_in", 8, "limits.hold (900 s)"),
        ("127.0.0.1:9000", "crm.far:80", "connection crm", "connections.crm.upstream.tls", 10, "without TLS"),
        ("policy: {", "policy: {dry_run: true, ", "policy", "policy.dry_run", 13, "calls that policy would deny"),
        ("policy: {", "policy: {uninspectable: ask, ", "policy", "policy.uninspectable", 13, "asked about what cannot be read"),
        ("policy: {", "limits: {decision_timeout: 9}\npolicy: {", "limits", "limits.message_timeout", 13, "504 without a reason"),
        ("policy: {", "limits: {held_calls: 5, held_calls_per_caller: 5}\npolicy: {", "limits", "limits.held_calls_per_caller", 13, "one caller can use all of a worker's held calls"),
        ("policy: {", "control: {listen: '10.0.0.1:80'}\npolicy: {", "control", "control.listen", 13, "no TLS"),
        ("policy: {", "evidence: {clickhouse: 'http://u@far:1'}\npolicy: {", "evidence", "evidence.clickhouse", 13, "without TLS"),
        ("policy: {", "policy: {engine: opa, opa: {address: 'far:1', timeout: 4}, ", "policy", "policy.opa.tls", 13, "without TLS"),
        ("policy: {", "policy: {engine: opa, opa: {timeout: 4}, ", "policy", "policy.opa.timeout", 13, "decision_timeout"),
        ("jwks_file: jwks.json", "jwks_url: 'http://far/k'", "identity", "identity.providers.corp.jwks_url", 5, "without TLS"),
    ],
)  # fmt: skip
def test_each_danger_is_a_warning_with_its_key_and_line(tmp_path, *, old, new, subject, key, line, words):
    file = installed(tmp_path, GOOD.replace(old, new, 1))
    found = look(file, check_configuration.configuration)
    [one] = [one for one in found[subject] if one["key"] == key]
    assert (one["level"], words in one["what"]) == ("warning", True), one
    assert one["where"].startswith(f"{file}:{line}:")
    assert one["hint"]


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path):
    file = installed(tmp_path, GOOD.replace("hosts:", "hostz:").replace("method: GET", "method: FETCH"))
    found = doctor(file, fails=1)
    assert {one["level"] for one in found["configuration"]} == {"problem"}
    assert all(one["where"].startswith(f"{file}:") for one in found["configuration"])
    assert len(found["configuration"]) == 3
    assert set(found) == {"configuration"}


def test_a_plan_that_could_not_mask_is_a_problem(tmp_path):
    file = installed(tmp_path, GOOD.replace("  crm:\n", "  crm:\n    masking: {response: [{entity: NO_SUCH}]}\n"))
    one = only(doctor(file, "--only", "configuration", fails=1), "masking", "problem")
    assert "connections.crm.masking.response" in one["what"]


def test_masking_that_does_nothing_or_far_too_much_is_a_warning(tmp_path):
    masking = """    masking:
      response: [{entity: "*"}, {entity: EMAIL_ADDRESS, how: partial}]
      exempt: [{entity: "*", path: "$.meta", reason: our own}]
"""
    words = "masking: {words: {password: [id]}}\n"
    file = installed(tmp_path, GOOD.replace("  crm:\n", f"  crm:\n{masking}") + words)
    found = look(file, check_configuration.masking)
    keys = [one["key"] for one in [*found["connection crm"], *found["masking"]] if one["level"] == "warning"]
    assert keys == [
        "connections.crm.masking.response.1",
        "connections.crm.masking.exempt.0.entity",
        "masking.words.password.0",
    ]


def test_exemptions_are_listed_without_their_values(tmp_path):
    exempt = """    masking:
      exempt:
        - {entity: EMAIL_ADDRESS, domain: example.com, reason: our own}
        - {entity: CREDIT_CARD, value: 4111 1111 1111 1111, path: $.card, direction: request, reason: a test card}
        - {entity: "*", path: header.x-debug, record: true, reason: for support}
"""
    file = installed(tmp_path, GOOD.replace("  crm:\n", f"  crm:\n{exempt}"))
    found = look(file, check_configuration.masking)["exemption of crm"]
    assert [each["what"] for each in found] == [
        "EMAIL_ADDRESS, example.com (our own)",
        "CREDIT_CARD, one value, at $.card, in requests (a test card)",
        "every entity, all values, at header.x-debug, also in the record (for support)",
    ]


@pytest.mark.parametrize(
    ("content", "mode", "level", "words"),
    [
        ("long-enough-credential\n", 0o600, "ok", "can be read"),
        ("long-enough-credential\n", 0o640, "ok", "can be read"),
        ("long-enough-credential\n", 0o644, "warning", "everybody on this machine"),
        ("long-enough-credential\n", 0o660, "warning", "open to its group"),
        ("short\n", 0o600, "problem", "shorter than 8 bytes"),
        ("\n", 0o600, "problem", "empty"),
        (None, 0o600, "problem", "No such file"),
    ],
)
def test_credentials_are_judged_and_not_shown(tmp_path, content, mode, level, words):
    file = installed(tmp_path)
    credential = tmp_path / "credential"
    credential.unlink()
    if content is not None:
        credential.write_text(content)
        credential.chmod(mode)
    found = look(file, check_configuration.credentials)
    one = only(found, "credential of crm", level)
    assert words in one["what"]
    assert "long-enough" not in str(found)
    assert level == "ok" or one["key"] == "connections.crm.credential.file"


def test_a_variable_is_looked_for_here(tmp_path, monkeypatch):
    file = installed(tmp_path, GOOD.replace("{file: credential}", "{env: CRM_TOKEN}"))
    assert (
        "CRM_TOKEN is not set here"
        in only(look(file, check_configuration.credentials), "credential of crm", "skipped")["what"]
    )
    monkeypatch.setenv("CRM_TOKEN", "four")
    assert "shorter" in only(look(file, check_configuration.credentials), "credential of crm", "problem")["what"]


def test_key_files_are_long_enough_and_private(tmp_path):
    text = GOOD + "masking: {pseudonym_key_file: p.key, pseudonym_key_id: b, old_pseudonym_keys: {a: old.key}}\n"
    file = installed(tmp_path, text)
    (tmp_path / "p.key").write_bytes(b"x" * 31)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "session.key").write_bytes(b"x" * 32)
    (tmp_path / "state" / "session.key").chmod(0o644)
    found = look(file, check_configuration.key_files)
    assert "31 bytes, fewer than 32" in only(found, "pseudonym key", "problem")["what"]
    assert "No such file" in only(found, "pseudonym key a", "problem")["what"]
    assert "(mode 0644)" in only(found, "session key", "warning")["what"]
    assert only(found, "session key", "warning")["hint"].startswith("chmod 600")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("{}", "not a key set"),
        ("secret-that-is-no-json", "not a key set"),
        ('{"keys":[]}', "none of its 0 keys"),
        ('{"keys":[{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}]}', "none of its 1 keys"),
        ('{"keys":[{"kty":"oct","k":"c2VjcmV0LXRoYXQtaXM"}]}', "private or shared key"),
        (KEYS.replace('"x"', '"d":"secret-that-is","x"'), "private or shared key"),
    ],
)
def test_key_sets_that_verify_nothing_are_problems(tmp_path, keys, words):
    file = installed(tmp_path)
    (tmp_path / "jwks.json").write_text(keys)
    found = look(file, check_configuration.identity)
    assert any(words in one["what"] for one in found["identity corp"])
    assert "secret-that-is" not in str(found)


def test_a_key_set_that_cannot_be_fetched_from_here_is_a_problem(tmp_path):
    file = installed(tmp_path, GOOD.replace("jwks_file: jwks.json", "jwks_url: 'http://127.0.0.1:9/k'"))
    one = only(look(file, check_configuration.identity, offline=False), "identity corp", "problem")
    assert "cannot be fetched from here (ConnectError)" in one["what"]
    assert "Envoy" in one["hint"]


@pytest.mark.parametrize("direction", ["request", "response"])
def test_masks_that_ext_authz_cannot_apply_are_a_problem(tmp_path, direction):
    """Every call would be refused, and nothing else would say so before the first one."""
    masking = f'    masking: {{{direction}: [{{entity: "*"}}]}}\n'
    file = installed(
        tmp_path, GOOD.replace("  crm:\n", f"  crm:\n{masking}") + "envoy: {guard_filter: ext_authz}\n"
    )
    one = only(look(file, check_configuration.configuration), "connection crm", "problem")
    assert one["what"].startswith("every call will be refused: ")
    assert one["key"] == f"connections.crm.masking.{direction}"


def test_the_default_masking_is_no_problem_with_ext_authz(tmp_path):
    file = installed(tmp_path, GOOD + "envoy: {guard_filter: ext_authz}\n")
    assert "connection crm" not in look(file, check_configuration.configuration)
