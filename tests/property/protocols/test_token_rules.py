"""Envoy is told to let exactly those requests without a token pass whose function needs no identity."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from extproc.protocols.http_json.function_settings import FunctionSettings
from extproc.protocols.http_json.function_table import FunctionTable
from extproc.protocols.http_json.path_templates import split_path
from extproc.protocols.http_json.settings import HttpJsonConnection
from tests.property.protocols.test_any_path import PATHS, TEMPLATES, usable

FUNCTIONS = st.lists(
    st.builds(
        FunctionSettings,
        method=st.sampled_from(["GET", "POST", "*"]),
        path=TEMPLATES,
        identity=st.sampled_from(["required", "none"]),
    ),
    min_size=1,
    max_size=6,
).map(lambda found: {f"f{index}": each for index, each in enumerate(found)})


def may_be_missing(functions, method, path):
    """What Envoy does: the first rule that matches counts."""
    settings = HttpJsonConnection(
        protocol="http-json", hosts=["a.test"], upstream={"address": "127.0.0.1:9"}, functions=functions
    )
    matching = (
        each for each in settings.token_rules if each.method in ("", method) and re.fullmatch(each.path, path)
    )
    first = next(matching, None)
    return first is not None and not first.needed


@given(FUNCTIONS, PATHS, st.sampled_from(["GET", "POST", "DELETE"]), st.sampled_from(["", "/"]))
def test_a_token_may_be_missing_exactly_for_functions_without_identity(functions, path, method, slash):
    assume(usable(functions))
    path = path if path == "/" else path + slash
    found = FunctionTable(functions).find(method, split_path(path))
    missing = may_be_missing(functions, method, path)
    if found is None:  # the guard refuses it
        return
    assert missing is (functions[found[0]].identity == "none")
