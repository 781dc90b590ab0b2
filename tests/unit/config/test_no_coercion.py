"""A value of another type is refused in every field of the schema, and never turned into the field's."""

import types
import typing

import pytest
from pydantic import BaseModel, ValidationError

from extproc.config.load import load_settings
from extproc.config.one_of import OneOf
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError
from extproc.settings.limits import LimitSettings

TEXT = ("yes", "no", "on", "off", "true", "false", "1", "0", "5", "0.5", "", "1e3")
WRONG = {
    bool: (*TEXT, 0, 1, 0.0, 1.0),
    int: (*TEXT, True, False, 1.0, 5.5),
    float: (*TEXT, True, False),
    str: (1, 0.5, True, b"text"),
}
"""By the type of the field: values that a lax reader takes for one of that type."""
GOOD = """version: 1
identity: {providers: {corp: {issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}
connections:
  crm:
    protocol: http-json
    hosts: [crm.test]
    upstream: {address: "127.0.0.1:9000"}
    functions: {get: {method: GET, path: /}}
"""


def places(annotation, metadata=()):
    """Yield each type that an annotation allows, and a function that puts a value of it in its place."""
    unions = [each for each in (*metadata, *getattr(annotation, "__metadata__", ())) if isinstance(each, OneOf)]
    inner = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case _ if unions:
            yield from ((model, lambda value: value) for model in unions[0].models)
        case typing.Annotated:
            yield from places(inner[0])
        case typing.Union | types.UnionType:
            for each in inner:
                yield from places(each)
        case kind if kind is list:
            yield from ((each, lambda value, put=put: [put(value)]) for each, put in places(inner[0]))
        case kind if kind is dict:
            yield from ((each, lambda value, put=put: {"k1": put(value)}) for each, put in places(inner[1]))
        case _:
            yield annotation, lambda value: value


def sections(model=Settings):
    """Yield each model of the schema, some of them more than once."""
    yield model
    for field in model.model_fields.values():
        for kind, _ in places(field.annotation, field.metadata):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from sections(kind)


FIELDS = [
    pytest.param(model, name, kind, put, id=f"{model.__name__}.{name}")
    for model in dict.fromkeys(sections())
    for name, field in model.model_fields.items()
    for kind, put in places(field.annotation, field.metadata)
    if kind in WRONG
]


def test_the_walk_meets_the_whole_schema():
    names = {each.__name__ for each in sections()}
    assert names >= {name for name, each in Settings.model_json_schema()["$defs"].items() if "properties" in each}
    assert len(FIELDS) > 60


@pytest.mark.parametrize(("model", "name", "kind", "put"), FIELDS)
def test_a_value_of_another_type_is_refused(model, name, kind, put):
    for value in WRONG[kind]:
        with pytest.raises(ValidationError) as caught:
            model.model_validate({name: put(value)})
        kinds = {each["type"] for each in caught.value.errors() if each["loc"][:1] == (name,)}
        assert kinds & {"bool_type", "int_type", "float_type", "string_type"}, value


def test_whole_numbers_are_numbers():
    assert LimitSettings.model_validate({"hold": 5}).hold == 5.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('policy: {dry_run: "yes"}', ":9:10: policy.dry_run: must be true or false, without quotes"),
        ("policy: {dry_run: 1}", ":9:10: policy.dry_run: must be true or false, without quotes"),
        ('policy: {dry_run: "no"}', ":9:10: policy.dry_run: must be true or false, without quotes"),
        ('policy: {opa: {tls: "off"}}', ":9:16: policy.opa.tls: must be true or false, without quotes"),
        ('workers: "1"', ":9:1: workers: must be a whole number, without quotes"),
        ("workers: true", ":9:1: workers: must be a whole number, without quotes"),
        ("workers: 2.0", ":9:1: workers: must be a whole number, without quotes"),
        ('limits: {hold: "5"}', ":9:10: limits.hold: must be a number, without quotes"),
        ("limits: {hold: 1e3}", "write all digits: YAML reads 1e3 as text"),
        ("control: {analyst_groups: [1]}", ":9:28: control.analyst_groups.0: must be text\n  write it in quotes"),
        ("state: 1", ":9:1: state: must be a path"),
    ],
)
def test_the_error_says_what_to_write_and_where(tmp_path, line, message):
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD + line + "\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert message in str(caught.value)


@pytest.mark.parametrize("version", ["true", "1.0", '"1"'])
def test_the_version_is_the_number_1(tmp_path, version):
    file = tmp_path / "extproc.yaml"
    file.write_text(GOOD.replace("version: 1", f"version: {version}"))
    with pytest.raises(ConfigError, match=":1:1: version: "):
        load_settings(file)
