"""Operations become functions, or the document is refused with a place."""

import pytest

from extproc.model.errors import ConfigError
from extproc.protocols.http_json.openapi import read_openapi


def read(folder, text):
    file = folder / "api.yaml"
    file.write_text(text)
    return {name: (each.function.method, each.function.path) for name, each in read_openapi(file).items()}


def test_operations_are_named_by_their_id_or_by_method_and_path(tmp_path):
    text = """
openapi: 3.0.3
paths:
  /customers/{id}:
    parameters: []
    get: {operationId: getCustomer, responses: {200: {description: ok}}}
    delete: {}
    options: {}
  /customers:
    post: {operationId: customers.create}
"""
    assert read(tmp_path, text) == {
        "getCustomer": ("GET", "/customers/{id}"),
        "delete_customers_id": ("DELETE", "/customers/{id}"),
        "customers.create": ("POST", "/customers"),
    }


def test_the_nearest_servers_base_path_comes_first(tmp_path):
    text = """
openapi: 3.1.0
servers: [{url: "https://a.test/v1/"}, {url: /v1}]
paths:
  /a: {get: {operationId: a}}
  /b:
    servers: [{url: /v2}]
    get: {operationId: b}
    put: {operationId: c, servers: [{url: "https://b.test"}]}
"""
    assert read(tmp_path, text) == {"a": ("GET", "/v1/a"), "b": ("GET", "/v2/b"), "c": ("PUT", "/b")}


def test_json_documents_are_read_too(tmp_path):
    assert read(tmp_path, '{"openapi": "3.1.0", "paths": {"/a": {"get": {"operationId": "a"}}}}') == {
        "a": ("GET", "/a")
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("swagger: '2.0'\n", "not an OpenAPI 3 document"),
        ("openapi: 3\n", "not an OpenAPI 3 document"),
        ("[]", "not an OpenAPI 3 document"),
        ("openapi: 3.1.0\n", "'paths' must be a mapping"),
        ("openapi: 3.1.0\npaths: {}\n", "api.yaml:2:1: no operations found"),
        ("openapi: 3.1.0\npaths:\n  /a: []\n", "api.yaml:3:3: '/a' must be a mapping"),
        ("openapi: 3.1.0\npaths:\n  /a: {$ref: x}\n", "api.yaml:3:8: $ref is not supported"),
        ("openapi: 3.1.0\npaths:\n  /a: {get: 1}\n", "api.yaml:3:8: 'get' must be a mapping"),
        ("openapi: 3.1.0\npaths:\n  /a{x}: {get: {}}\n", "api.yaml:3:11: path segment 'a{x}' must be"),
        ("openapi: 3.1.0\npaths:\n  /a: {get: {operationId: a b}}\n", "api.yaml:3:14: the operationId cannot be"),
        ("openapi: 3.1.0\npaths:\n  /a: {get: {operationId: 1}}\n", "the operationId cannot be"),
        ("openapi: 3.1.0\npaths:\n  /a: {get: {operationId: x}, put: {operationId: x}}\n", "'x' is used twice"),
        ("openapi: 3.1.0\npaths:\n  /a-b: {get: {}}\n  /a_b: {get: {}}\n", "the first is at"),
        ("openapi: 3.1.0\nservers: [{url: /a}, {url: /b}]\npaths: {/a: {get: {}}}", "different base paths"),
        ("openapi: 3.1.0\nservers: [1]\npaths: {/a: {get: {}}}", "api.yaml:2:1: servers must be"),
        ("openapi: 3.1.0\nservers: [{url: '/{version}'}]\npaths: {/a: {get: {}}}", None),
    ],
)
def test_what_cannot_become_functions_is_refused(tmp_path, text, message):
    if message is None:
        assert read(tmp_path, text) == {"get_version_a": ("GET", "/{version}/a")}
        return
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
