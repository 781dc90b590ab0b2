"""A gRPC connection's methods are held to its descriptor set when the file is read."""

import pytest

from extproc.assembly.check_settings import check_parts
from extproc.config.load import load_settings
from extproc.config.summary import summary
from extproc.model.errors import ConfigError, PolicyInvalid
from tests.integration.support.shop import SERVICE, descriptor_set

FILE = """version: 1
identity: {{providers: {{corp: {{issuer: https://i.test, audiences: [a], jwks_url: https://i.test/keys}}}}}}
connections:
  shop:
    protocol: grpc
    hosts: [shop.test]
    upstream: {{address: "127.0.0.1:1"}}
    descriptors: {descriptors}
    methods:
      - {method}
{more}"""


def load(folder, *, descriptors="shop.pb", method=f"{SERVICE}/GetItem", more="", data=None):
    (folder / "shop.pb").write_bytes(descriptor_set() if data is None else data)
    file = folder / "extproc.yaml"
    file.write_text(FILE.format(descriptors=descriptors, method=method, more=more))
    return load_settings(file)


def test_a_connection_has_its_methods_as_functions(tmp_path):
    settings = load(tmp_path)
    connection = settings.connections["shop"]
    assert connection.descriptors == tmp_path / "shop.pb"
    assert connection.function_names == (f"{SERVICE}/GetItem",)
    assert "connection shop: grpc, shop.test → 127.0.0.1:1, functions: 1" in list(summary(settings))


WRONG = {
    "a method that there is none of": ({"method": f"{SERVICE}/GetItm"}, f"no method '{SERVICE}/GetItm'", f"there are: {SERVICE}/GetItem, {SERVICE}/AddItems, ", 10),
    "one twice": ({"more": f"      - {SERVICE}/GetItem\n"}, "listed twice", "", 11),
    "no method's name": ({"method": "GetItem"}, "not of the expected form", "expected", 10),
    "no such file": ({"descriptors": "no.pb"}, "cannot read", "paths start at this file's folder", 8),
    "no descriptor set": ({"data": b"\xff"}, "is not a whole descriptor set", "protoc --include_imports", 8),
    "one without imports": ({"data": descriptor_set()[500:]}, "is not a whole descriptor set", "buf build", 8),
    "an empty one": ({"data": b""}, "is not a descriptor set: it has no files", "buf build", 8),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message", "hint", "line"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line(tmp_path, change, message, hint, line):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, **change)
    told = str(caught.value)
    assert message in told
    assert hint in told
    assert f"extproc.yaml:{line}" in told


def test_a_path_by_the_name_of_the_proto_file_is_found_before_it_masks_nothing(tmp_path):
    settings = load(tmp_path, more='    masking: {response: [{path: "$.owner.unit_price"}]}\n')
    with pytest.raises(ConfigError, match="in JSON, unit_price is unitPrice"):
        check_parts(settings)
    with pytest.raises(PolicyInvalid):  # which is looked at after the paths
        check_parts(load(tmp_path, more='    masking: {response: [{path: "$.owner.unitPrice"}]}\n'))
