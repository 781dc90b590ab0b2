"""A descriptor set names every field that a method has, as JSON has it."""

import pytest

from extproc.codecs.descriptors import read_methods
from extproc.model.json_shape import Reach, follow
from extproc.protocols.grpc.described_methods import call_shape
from tests.integration.support.shop import SERVICE, descriptor_set

METHODS = {name: call_shape(method) for name, method in read_methods(descriptor_set()).items()}
RESTOCK, ADD, GET = (METHODS[f"/{SERVICE}/{name}"] for name in ("Restock", "AddItems", "GetItem"))


def item_path(*path):
    """A path into the shop's Item, which GetItem returns."""
    return follow(GET.result, path).reach


@pytest.mark.parametrize(
    ("path", "reach"),
    [
        (("id",), Reach.FOUND),
        (("unitPrice",), Reach.FOUND),
        (("unit_price",), Reach.IMPOSSIBLE),
        (("owner", "owner", "id"), Reach.FOUND),
        (("owner", "di"), Reach.IMPOSSIBLE),
        (("notes", 0), Reach.FOUND),
        (("notes", "x"), Reach.IMPOSSIBLE),
        (("labels", "any"), Reach.FOUND),
        (("details", "anything"), Reach.UNKNOWN),
        (("meta", "anything"), Reach.UNKNOWN),
        (("updated",), Reach.FOUND),
        (("updated", "seconds"), Reach.IMPOSSIBLE),
    ],
)
def test_fields_are_those_of_the_json(path, reach):
    assert item_path(*path) is reach


def test_a_stream_of_messages_may_be_anything():
    assert follow(ADD.arguments, ("id",)).reach is Reach.UNKNOWN
    assert follow(RESTOCK.arguments, ("nothing",)).reach is Reach.IMPOSSIBLE
