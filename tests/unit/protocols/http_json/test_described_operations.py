"""An OpenAPI document says which arguments and fields an operation has; nothing in it makes reading fail."""

import pytest
import yaml

from extproc.model.json_shape import Reach, follow
from extproc.protocols.http_json.openapi import read_openapi

DOCUMENT = yaml.safe_load("""
openapi: 3.1.0
paths:
  /orders/{id}/refunds:
    parameters:
      - {name: trace, in: query, schema: {type: string}}
      - {name: X-Header, in: header, schema: {type: string}}
    post:
      operationId: refund
      parameters:
        - {$ref: '#/components/parameters/Dry~1Run'}
        - {name: filter, in: query, schema: {type: object, properties: {since: {type: string}}}}
        - {name: ids, in: query, schema: {type: array, items: {type: string}}}
      requestBody: {$ref: '#/components/requestBodies/Refund'}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Result'}}}}
        default: {$ref: '#/components/responses/Error'}
components:
  parameters:
    Dry/Run: {name: dry_run, in: query, schema: {type: boolean}}
  requestBodies:
    Refund:
      content:
        application/vnd.shop+json; charset=utf-8:
          schema:
            type: object
            properties:
              amount: {type: number}
              customer: {$ref: '#/components/schemas/Customer'}
              lines: {type: array, items: {$ref: '#/components/schemas/Line'}}
              tags: {type: object, additionalProperties: {type: string}}
              free: {type: object}
              more: {type: object, properties: {a: {}}, additionalProperties: true}
              any: {}
              elsewhere: {$ref: 'other.yaml#/X'}
              nowhere: {$ref: '#/components/schemas/Nothing'}
              pet: {$ref: '#/components/schemas/Pet'}
              kind: {oneOf: [{$ref: '#/components/schemas/Line'}, {type: string}]}
              both: {allOf: [{$ref: '#/components/schemas/Line'}, {description: words}, {properties: {extra: {}}}]}
              guess: {anyOf: [{properties: {x: {}}}, {}]}
              switch: {if: {properties: {a: {}}}, then: {properties: {b: {}}}, properties: {a: {}}}
              sibling: {$ref: '#/components/schemas/Line', properties: {more: {type: string}}}
              pair: {type: array, prefixItems: [{properties: {left: {}}}]}
              never: false
              loop: {$ref: '#/components/schemas/Loop'}
  schemas:
    Customer: {type: object, properties: {name: {type: string}, parent: {$ref: '#/components/schemas/Customer'}}}
    Line: {type: object, properties: {sku: {type: string}}, additionalProperties: false}
    Pet: {type: object, properties: {kind: {type: string}}, discriminator: {propertyName: kind}}
    Loop: {$ref: '#/components/schemas/Loop'}
    Result: {type: object, properties: {status: {type: string}}}
  responses:
    Error: {content: {application/problem+json: {schema: {type: object, properties: {detail: {type: string}}}}}}
""")


@pytest.fixture(scope="module")
def refund(tmp_path_factory):
    file = tmp_path_factory.mktemp("openapi") / "shop.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT, sort_keys=False))
    return read_openapi(file)["refund"].shape


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        (["id"], Reach.FOUND),
        (["trace"], Reach.FOUND),
        (["dry_run"], Reach.FOUND),
        (["since"], Reach.FOUND),
        (["ids"], Reach.FOUND),
        (["X-Header"], Reach.UNDESCRIBED),
        (["amount"], Reach.FOUND),
        (["amuont"], Reach.UNDESCRIBED),
        (["amount", "x"], Reach.UNDESCRIBED),
        (["customer", "parent", "parent", "name"], Reach.FOUND),
        (["customer", "parent", "namee"], Reach.UNDESCRIBED),
        (["lines", 0, "sku"], Reach.FOUND),
        (["lines", 0, "suk"], Reach.UNDESCRIBED),
        (["lines", "sku"], Reach.UNDESCRIBED),
        (["tags", "whatever"], Reach.FOUND),
        (["free", "x"], Reach.UNKNOWN),
        (["more", "x"], Reach.UNKNOWN),
        (["any", "x"], Reach.UNKNOWN),
        (["elsewhere", "x"], Reach.UNKNOWN),
        (["nowhere", "x"], Reach.UNKNOWN),
        (["pet", "whiskers"], Reach.UNKNOWN),
        (["kind", "sku"], Reach.FOUND),
        (["kind", "x"], Reach.UNDESCRIBED),
        (["both", "sku"], Reach.FOUND),
        (["both", "extra"], Reach.FOUND),
        (["both", "x"], Reach.UNDESCRIBED),
        (["guess", "y"], Reach.UNKNOWN),
        (["switch", "b"], Reach.UNKNOWN),
        (["sibling", "sku"], Reach.FOUND),
        (["sibling", "more"], Reach.FOUND),
        (["sibling", "x"], Reach.UNDESCRIBED),
        (["pair", 0, "left"], Reach.FOUND),
        (["loop", "x"], Reach.UNKNOWN),
    ],
)
def test_arguments_are_those_that_the_guard_makes(refund, path, reach):
    assert follow(refund.arguments, path).reach is reach


def test_results_are_those_of_all_responses(refund):
    assert follow(refund.result, ["status"]).reach is Reach.FOUND
    assert follow(refund.result, ["detail"]).reach is Reach.FOUND
    assert follow(refund.result, ["statsu"]).reach is Reach.UNDESCRIBED


@pytest.mark.parametrize(
    "operation",
    [
        "{}",
        "{parameters: 3, requestBody: 3, responses: 3}",
        "{parameters: [3, {in: query}, {in: query, name: 3}], requestBody: {content: 3}, responses: {'200': 3}}",
        "{requestBody: {content: {application/json: 3}}, responses: {'200': {content: {application/json: {schema: 3}}}}}",
        "{requestBody: {content: {text/plain: {}}}, responses: {'200': {content: {application/json: {}}}}}",
        "{requestBody: {$ref: '#/paths/0/x'}, responses: {'200': {$ref: 3}}}",
        "{requestBody: {content: {application/json: {schema: {properties: 3, allOf: 3, items: 3, type: 3, additionalProperties: 3}}}}}",
    ],
)
def test_a_strange_document_is_read_as_far_as_it_can_be(tmp_path, operation):
    file = tmp_path / "o.yaml"
    file.write_text(f"openapi: 3.0.0\npaths:\n  /a/{{id}}:\n    post: {operation}\n")
    [found] = read_openapi(file).values()
    assert follow(found.shape.arguments, ["id"]).reach is Reach.FOUND


def test_an_array_as_body_is_an_argument_of_its_own_or_all_of_them(tmp_path):
    file = tmp_path / "o.yaml"
    body = "{content: {application/json: {schema: {type: array, items: {properties: {a: {}}}}}}}"
    file.write_text(f"openapi: 3.0.0\npaths:\n  /a:\n    post: {{operationId: x, requestBody: {body}}}\n")
    shape = read_openapi(file)["x"].shape.arguments
    assert follow(shape, [0, "a"]).reach is Reach.FOUND
    assert follow(shape, ["body", 0, "a"]).reach is Reach.FOUND
