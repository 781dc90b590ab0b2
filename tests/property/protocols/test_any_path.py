"""Of any functions and any path, the one that is found is the most specific one that matches."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from extproc.protocols.http_json.function_settings import FunctionSettings
from extproc.protocols.http_json.function_table import FunctionTable
from extproc.protocols.http_json.path_templates import covers, parse_template, split_path
from extproc.protocols.http_json.settings import HttpJsonConnection

WORDS = ["a", "b", "c"]
TEMPLATES = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end,
    st.lists(st.sampled_from([*WORDS, "{v}"]), max_size=3).map(
        lambda parts: [part.replace("v", f"v{index}") for index, part in enumerate(parts)]
    ),
    st.sampled_from(["", "/", "/**"]),
).map(lambda text: re.sub("/+", "/", text))
FUNCTIONS = st.lists(
    st.builds(FunctionSettings, method=st.sampled_from(["GET", "POST", "*"]), path=TEMPLATES),
    min_size=1,
    max_size=6,
).map(lambda found: {f"f{index}": each for index, each in enumerate(found)})
PATHS = st.lists(st.sampled_from(WORDS), max_size=4).map(lambda parts: "/" + "/".join(parts))


def model(template, path):
    """Whether a path matches, by a regular expression."""
    parts = [each for each in template.split("/") if each]
    pattern = "".join("(/.*)?" if each == "**" else "/[^/]+" if each[0] == "{" else f"/{each}" for each in parts)
    return re.fullmatch(pattern + "/?", path)


def usable(functions):
    settings = HttpJsonConnection(
        protocol="http-json", hosts=["a.test"], upstream={"address": "127.0.0.1:9"}, functions=functions
    )
    return not list(settings.problems())


@given(FUNCTIONS, PATHS, st.sampled_from(["GET", "POST", "DELETE"]), st.sampled_from(["", "/"]))
def test_the_most_specific_function_is_found(functions, path, method, slash):
    assume(usable(functions))
    path = path if path == "/" else path + slash
    found = FunctionTable(functions).find(method, split_path(path))
    matching = {name: each for name, each in functions.items() if model(each.path, path)}
    ours = {name for name, each in matching.items() if each.method in (method, "*")}
    if found is None:
        others = [each.path for name, each in matching.items() if name not in ours]
        assert not ours or others
        return
    name = found[0]
    assert name in ours
    chosen = parse_template(functions[name].path)
    for other in ours - {name}:
        template = parse_template(functions[other].path)
        assert covers(template, chosen)
        if covers(chosen, template):
            assert functions[name].method == method
    if functions[name].method == "*":
        assert all(covers(parse_template(each.path), chosen) for each in matching.values())


@given(FUNCTIONS, PATHS, st.sampled_from(["GET", "POST", "DELETE"]))
def test_a_final_slash_changes_nothing(functions, path, method):
    assume(usable(functions))
    assume(path != "/")
    routes = FunctionTable(functions)
    assert routes.find(method, split_path(path)) == routes.find(method, split_path(path + "/"))
