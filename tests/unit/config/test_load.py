"""A wrong file says where and what to write; a right one is complete and absolute."""

import textwrap
from pathlib import Path

import pytest

from extproc.config.load import adding_places, load_settings
from extproc.config.summary import notes, summary
from extproc.model.errors import ConfigError

GOOD = """
version: 1
identity:
  providers:
    corp: {issuer: https://login.test, audiences: [tools], jwks_file: jwks.json}
connections:
  crm:
    protocol: http-json
    hosts: [crm.test]
    upstream: {address: "127.0.0.1:9000"}
    functions:
      get: {method: GET, path: "/customers/{id}"}
  files:
    protocol: mcp
    hosts: [files.test]
    upstream: {address: "127.0.0.1:9001"}
    tools: [read_page]
"""

SIGN_IN_MISTAKES = [
    ("version: 1", f"version: 1\ncontrol: {{{keys}}}", message)
    for keys, message in (
        (
            "listen: '127.0.0.1:1', public_url: 'https://a.test', sign_in: {provider: crop, client_id: c}",
            "extproc.yaml:3:74: control.sign_in.provider names no provider of identity: crop\n  did you mean 'corp'?",
        ),
        (
            "sign_in: {provider: corp, client_id: c}",
            "extproc.yaml:3:11: control.sign_in has no effect: nothing serves",
        ),
        (
            "listen: '127.0.0.1:1', sign_in: {provider: corp, client_id: c}",
            "control.sign_in needs control.public_url",
        ),
        (
            "listen: '127.0.0.1:1', public_url: 'https://a.test', sign_in: {provider: corp, client_id: tools}",
            "control.sign_in.client_id is an audience of corp: ID tokens would be valid for calls",
        ),
        (
            "listen: '127.0.0.1:1', public_url: 'https://a', approver_providers: [x], sign_in: {provider: corp, client_id: c}",
            "control.sign_in.provider is not in control.approver_providers: nobody of corp may vote",
        ),
        ("public_url: 'http://a.test'", "extproc.yaml:3:11: control.public_url is not https"),
        (
            "public_url: 'https://a.test/console'",
            "extproc.yaml:3:11: control.public_url: not of the expected form",
        ),
        ("public_url: 'https://a.test:99999'", "a port is at most 65535"),
        (
            "sign_in: {provider: corp, client_id: c, client_secret_file: gone, client_secret_env: X}",
            "give at most one of client_secret_file and client_secret_env",
        ),
        ("sign_in: {provider: corp, client_id: c, client_secret_file: gone}", "gone does not exist"),
        ("session: {idle: 10, longest: 5}", "idle is longer than longest"),
        ("roles: {auditors: [a]}", "extproc.yaml:3:19: unknown key 'auditors'"),
    )
]


def write(folder, text):
    (folder / "jwks.json").write_text("{}")
    file = folder / "extproc.yaml"
    file.write_text(textwrap.dedent(text))
    return file


def load(folder, text=GOOD):
    return load_settings(write(folder, text))


def trouble(folder, text):
    """The message, with the file's folder taken out."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


def test_every_path_becomes_absolute(tmp_path):
    settings = load(tmp_path)
    assert settings.state == tmp_path / ".extproc"
    assert settings.identity.providers["corp"].jwks_file == tmp_path / "jwks.json"
    assert settings.approvals.store == tmp_path / ".extproc" / "approvals.db"
    assert settings.evidence.spool == tmp_path / ".extproc" / "spool"
    assert settings.control.socket == tmp_path / ".extproc" / "control.sock"


def test_paths_are_relative_to_the_file_and_to_state(tmp_path):
    text = GOOD + "state: var/../run\nevidence: {spool: /data/spool}\napprovals: {store: a/b.db}\n"
    settings = load(tmp_path, text)
    assert settings.state == tmp_path / "run"
    assert settings.evidence.spool == Path("/data/spool")
    assert settings.approvals.store == tmp_path / "run" / "a" / "b.db"


def test_a_missing_credential_file_is_only_noted(tmp_path):
    text = GOOD.replace("hosts: [crm.test]", "hosts: [crm.test]\n    credential: {file: secret/token}")
    settings = load(tmp_path, text)
    assert settings.connections["crm"].credential.file == tmp_path / "secret" / "token"
    assert any("secret/token does not exist; calls are denied" in str(note) for note in notes(settings))


@pytest.mark.parametrize(("value", "noted"), [(None, True), ("", True), ("hunter2-hunter2", False)])
def test_a_credential_variable_that_is_not_set_is_noted(tmp_path, monkeypatch, value, noted):
    """Without its name, which may be a credential in the wrong place."""
    monkeypatch.delenv("NOPE_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("NOPE_TOKEN", value)
    text = GOOD.replace("hosts: [crm.test]", "hosts: [crm.test]\n    credential: {env: NOPE_TOKEN}")
    found = [note for note in notes(load(tmp_path, text)) if note.path[-2:] == ("credential", "env")]
    assert [note.what for note in found] == (
        ["the variable is not set here; a worker without it denies the calls"] if noted else []
    )


@pytest.mark.parametrize(
    ("template", "noted"),
    [
        ("/customers/:id", True),
        ("/:a/b", True),
        ("/items:cancel", False),
        ("/a/{id}", False),
    ],
)
def test_a_variable_in_another_tools_spelling_is_noted(tmp_path, template, noted):
    text = GOOD.replace('"/customers/{id}"', f'"{template}"')
    found = [str(note) for note in notes(load(tmp_path, text)) if "begins with a colon" in str(note)]
    assert bool(found) is noted


def test_the_summary_has_a_line_for_each_connection(tmp_path):
    lines = list(summary(load(tmp_path)))
    assert "connection crm: http-json, crm.test → 127.0.0.1:9000, functions: 1" in lines


def test_letting_bodies_pass_unmasked_is_noted(tmp_path):
    text = GOOD.replace("hosts: [crm.test]", "hosts: [crm.test]\n    masking: {undecodable: pass-unmasked}")
    assert "connection crm: bodies that cannot be read pass unmasked" in map(str, notes(load(tmp_path, text)))


MESH = """
version: 1
identity:
  mtls: {trust_domains: [cluster.local]}
connections:
  mesh:
    protocol: http-json
    hosts: ["*.mesh.test", mesh.test]
    upstream: {address: "127.0.0.1:9000"}
    functions:
      all: {method: "*", path: "/**"}
      files: {method: GET, path: "/files/**"}
      health: {method: GET, path: /health, identity: none}
"""


def test_what_lets_more_calls_reach_policy_is_noted(tmp_path):
    settings = load(tmp_path, MESH)
    found = {".".join(map(str, note.path)): note.what for note in notes(settings)}
    assert "anybody can call 'health' without a token" in found["connections.mesh.functions.health.identity"]
    assert "any method and any rest of a path" in found["connections.mesh.functions.all"]
    assert "all hosts that match '*.mesh.test'" in found["connections.mesh.hosts.0"]
    assert "the listener of `extproc envoy render`" in found["identity.mtls"]
    assert len(found) == 4
    assert "identity by client certificate: cluster.local" in list(summary(settings))
    way = "*.mesh.test, mesh.test → 127.0.0.1:9000, functions: 3, 1 of them without identity"
    assert f"connection mesh: http-json, {way}" in list(summary(settings))


def test_two_wildcards_of_which_neither_wins_are_refused(tmp_path):
    text = GOOD.replace("[crm.test]", '["crm.test:*"]').replace("[files.test]", '["*.test:80"]')
    message = "hosts 'crm.test:*' of 'crm' and '*.test:80' of 'files' match the same requests"
    assert message in trouble(tmp_path, text)


def test_nothing_of_that_is_noted_where_it_is_not_asked_for(tmp_path):
    assert list(notes(load(tmp_path))) == []


def test_files_that_opa_does_not_use_are_noted(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "d.yaml").write_text("a: 1")
    files = "policy: {engine: ENGINE, paths: [p], data: [d.yaml]}\n"
    found = {str(note) for note in notes(load(tmp_path, GOOD + files.replace("ENGINE", "opa")))}
    for key in ("paths", "data"):
        assert f"policy: policy.{key} is not used: OPA at 127.0.0.1:8181 decides" in found
    assert not list(notes(load(tmp_path, GOOD + files.replace("ENGINE", "embedded"))))


def test_dry_run_is_noted(tmp_path):
    assert any("dry-run" in str(note) for note in notes(load(tmp_path, GOOD + "policy: {dry_run: true}\n")))
    assert not any("dry-run" in str(note) for note in notes(load(tmp_path)))


def test_sending_a_credential_without_tls_is_noted(tmp_path):
    text = GOOD.replace(
        "hosts: [crm.test]", "hosts: [crm.test]\n    credential: {env: T}\n    masking: {response: []}"
    )
    found = " ".join(map(str, notes(load(tmp_path, text.replace("127.0.0.1:9000", "crm.backend:80")))))
    assert "without TLS" in found
    assert "not masked" in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("audiences:", "audience:", "extproc.yaml:5:40: unknown key 'audience'\n  did you mean 'audiences'?"),
        ("audiences:", "audience:", "extproc.yaml:5:5: 'audiences' is missing\n  add audiences: ["),
        ("hosts: [crm.test]", "x: 1\n    hosts: [crm.test]", "extproc.yaml:9:5: unknown key 'x'\n  known keys here: hosts,"),
        ("method: GET", "method: FETCH", "extproc.yaml:12:13: connections.crm.functions.get.method: input should be 'GET'"),
        ("protocol: mcp", "protocol: mpc", "unknown protocol\n  protocol is one of 'http-json', 'mcp'"),
        ("    protocol: mcp\n", "", "extproc.yaml:13:3: 'protocol' is missing\n  add protocol: http-json or mcp"),
        ("  files:", "  Files!:", "extproc.yaml:13:3: connections.Files!: not of the expected form"),
        ("files.test", "crm.test", "host 'crm.test' belongs to both 'crm' and 'files'"),
        ("files.test", "'*.test:*'", "extproc.yaml:15:13: connections.files.hosts.0: not of the expected form"),
        ("files.test", "'*'", "extproc.yaml:15:13: connections.files.hosts.0: not of the expected form"),
        ("files.test", "f*.test", "extproc.yaml:15:13: connections.files.hosts.0: not of the expected form"),
        ("127.0.0.1:9001", "127.0.0.1:90010", "a port is at most 65535"),
        ("127.0.0.1:9001", "unix:/" + "x" * 99, "must not be longer than 99 bytes"),
        ("version: 1", "version: 2", "extproc.yaml:2:1: version: input should be 1"),
        ("version: 1\n", "", "'version' is missing\n  add version: 1"),
        ("tools: [read_page]", "tools: []", "nothing is registered: tools, prompts, resources and methods are empty"),
        ("tools: [read_page]", "tools: [a, a]", "extproc.yaml:17:16: tool 'a' is listed twice"),
        ("tools: [read_page]", "tools: [a, tools/call]", "a tool cannot be called 'tools/call'"),
        ('upstream: {address: "127.0.0.1:9001"}', "upstream: 1", "connections.files.upstream: must be a mapping"),
        ("jwks_file: jwks.json", "jwks_file: other.json", "extproc.yaml:5:60: other.json does not exist"),
        ("jwks_file: jwks.json", "jwks_url: ftp://x", "not of the expected form"),
        ("jwks_file: jwks.json", "claims: {}", "give exactly one of jwks_file and jwks_url"),
        ("version: 1", "version: 1\npolicy: {paths: [gone.rego]}", "extproc.yaml:3:18: gone.rego does not exist"),
        ("version: 1", "version: 1\nversion: 1", "extproc.yaml:3:1: key 'version' is written twice\n  the first is at"),
        ("version: 1", "version: &v 1\nworkers: *v", "extproc.yaml:3:10: aliases are not supported"),
        ("hosts: [files.test]", "<<: {hosts: [files.test]}", "merge keys are not supported"),
        ("version: 1", "version: [1", "extproc.yaml:3:"),
        ("version: 1", "version: 1\n[a]: 1", "a key must be plain text"),
        ("version: 1", "version: !!python/object:os.system 1", "could not determine a constructor"),
        ("version: 1", "---\na: 1\n---\nversion: 1", "but found another document"),
        ("version: 1", "state: /" + "x" * 90 + "\nversion: 1", "choose a shorter state folder"),
        ("version: 1", "version: 1\ncontrol: {approver_providers: [corq]}", "names no provider of identity: corq"),
        *SIGN_IN_MISTAKES,
        ("/customers/{id}", "/customers/{id", "extproc.yaml:12:26: path segment '{id' must be plain text or one whole"),
        ('upstream: {address: "127.0.0.1:9001"}', "upstream: {address: 'a:1'}\n    credential: {env: X, header: host}", "'host' cannot carry a credential"),
    ],
)  # fmt: skip
def test_an_error_has_its_place_and_a_hint(tmp_path, old, new, message):
    assert old in GOOD
    assert message in trouble(tmp_path, GOOD.replace(old, new, 1))


def test_all_errors_are_reported_at_once(tmp_path):
    text = GOOD.replace("hosts", "host").replace("GET", "GE")
    found = trouble(tmp_path, text)
    assert found.startswith("5 things are wrong:\n")
    assert found.count("extproc.yaml:") == 5


def test_errors_outside_the_schema_are_reported_at_once_too(tmp_path):
    text = GOOD.replace("jwks.json", "x.json").replace("{id}", "{id").replace("[read_page]", "[a, a, ping]")
    assert trouble(tmp_path, text).startswith("4 things are wrong:\n")


def test_an_ambiguity_names_both_functions(tmp_path):
    text = GOOD.replace(
        'get: {method: GET, path: "/customers/{id}"}',
        'get: {method: GET, path: "/{kind}/mine"}\n      mine: {method: GET, path: "/customers/{id}"}',
    )
    found = trouble(tmp_path, text)
    assert "extproc.yaml:13:7: a GET request could be 'get' (/{kind}/mine) or 'mine' (/customers/{id})" in found


def test_a_more_specific_path_is_not_ambiguous(tmp_path):
    text = GOOD.replace("functions:", "functions:\n      search: {method: GET, path: /customers/search}")
    assert set(load(tmp_path, text).connections["crm"].functions) == {"get", "search"}


def test_an_error_never_repeats_a_value(tmp_path):
    """A secret written into the wrong place must not end in a log."""
    for line in ("credential: hunter2", "credential: {value: hunter2}", "credential: {env: [hunter2]}", "tls: hunter2",
                 "approvals: {minimum: hunter2}", "recording: {durability: hunter2}", "session_header: 'hunter2 '"):  # fmt: skip
        text = GOOD.replace("hosts: [crm.test]", f"hosts: [crm.test]\n    {line}")
        assert "hunter2" not in trouble(tmp_path, text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "the file is empty"),
        (b"\n# nothing\n", "the file is empty"),
        (b"a: 1\nb: \xff", "2: not UTF-8"),
        (b"just text", "must be a mapping"),
        (b"a: \x00", "not YAML"),
        (b"[" * 5000, "nested too deeply"),
        (b"#" * (4 << 20) + b"#", "larger than"),
    ],
)
def test_a_file_that_is_not_a_configuration_is_refused(tmp_path, raw, message):
    file = tmp_path / "extproc.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert message in str(caught.value)


def test_a_missing_file_is_refused_with_a_hint(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read: No such file(.|\n)*--config"):
        load_settings(tmp_path / "extproc.yaml")


def test_two_providers_of_one_issuer_are_refused(tmp_path):
    text = GOOD.replace(
        "  providers:\n",
        "  providers:\n    b: {issuer: https://login.test, audiences: [x], jwks_url: https://x}\n",
    )
    assert "'b' and 'corp' have the same issuer" in trouble(tmp_path, text)


def test_errors_in_a_connection_named_like_a_key_have_the_right_place(tmp_path):
    text = GOOD.replace("  crm:", "  hosts:").replace("upstream:", "upstreem:", 1)
    assert "did you mean 'upstream'?" in trouble(tmp_path, text)


def test_openapi_functions_are_added(tmp_path):
    (tmp_path / "api.yaml").write_text(
        "openapi: 3.1.0\nservers: [{url: https://x.test/v2/}]\npaths:\n  /notes:\n    get: {operationId: list_notes}\n"
    )
    settings = load(tmp_path, GOOD.replace("    functions:", "    openapi: api.yaml\n    functions:"))
    functions = settings.connections["crm"].functions
    assert functions["list_notes"].path == "/v2/notes"
    assert functions["get"].path == "/customers/{id}"


def test_a_function_in_both_settings_and_openapi_is_refused(tmp_path):
    (tmp_path / "api.yaml").write_text("openapi: 3.1.0\npaths:\n  /notes:\n    get: {operationId: get}\n")
    found = trouble(tmp_path, GOOD.replace("    functions:", "    openapi: api.yaml\n    functions:"))
    assert "extproc.yaml:13:7: function 'get' is in api.yaml as well" in found


def test_a_missing_openapi_file_is_an_error_at_its_key(tmp_path):
    found = trouble(tmp_path, GOOD.replace("    functions:", "    openapi: api.yaml\n    functions:"))
    assert "extproc.yaml:11:5: api.yaml does not exist" in found


def test_a_place_is_added_to_an_error_that_names_a_key(tmp_path):
    file = tmp_path / "extproc.yaml"
    file.write_text("masking:\n  detectors:\n    BADGE:\n      pattern: '^B'\n")
    wrong = ConfigError("no anchors", key=("masking", "detectors", "BADGE", "pattern"))
    with pytest.raises(ConfigError, match=r"extproc\.yaml:4:7: no anchors"), adding_places(file):
        raise wrong


def test_a_configuration_with_an_openapi_document_equals_itself(tmp_path):
    (tmp_path / "shop.yaml").write_text("openapi: 3.0.0\npaths: {/r: {post: {operationId: refund}}}\n")
    file = tmp_path / "e.yaml"
    file.write_text(
        "version: 1\nidentity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/k}}}\n"
        'connections: {shop: {protocol: http-json, hosts: [s.test], upstream: {address: "127.0.0.1:1"}, openapi: shop.yaml}}\n'
    )
    assert load_settings(file) == load_settings(file)
