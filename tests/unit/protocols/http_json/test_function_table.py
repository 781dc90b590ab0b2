"""Which function gets a request: by method and path, the most specific first, and never one that dodges another."""

import pytest
from pydantic import ValidationError

from extproc.protocols.http_json.function_settings import FunctionSettings
from extproc.protocols.http_json.function_table import FunctionTable
from extproc.protocols.http_json.path_templates import split_path
from extproc.protocols.http_json.settings import HttpJsonConnection


def functions(**given):
    """Settings by name, from ``GET /path``."""
    pairs = {name: text.split(" ") for name, text in given.items()}
    return {name: FunctionSettings(method=method, path=path) for name, (method, path) in pairs.items()}


def found(method, path, **given):
    segments = split_path(path)
    answer = FunctionTable(functions(**given)).find(method, segments)
    return answer and answer[0]


EVERYTHING = {"all": "* /**"}
MESH = {
    "all": "* /**",
    "login": "POST /login",
    "orders": "GET /orders/{id}",
    "any_order": "* /orders/{id}",
    "admin": "* /admin/**",
    "audit": "GET /admin/audit/**",
    "preflight": "OPTIONS /**",
}


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"]
)
@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a/b.json", "/a%20b/c"])
def test_any_method_and_any_path_can_be_one_function(method, path):
    assert found(method, path, **EVERYTHING) == "all"


@pytest.mark.parametrize("method", ["get", "Get", "CONNECT", "TRACE", "TRACK", "", "GET,POST", "G\u00c9T"])
def test_any_method_is_none_that_a_server_may_read_as_another_nor_a_tunnel(method):
    assert found(method, "/a", **EVERYTHING) is None


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/login", "login"),
        ("POST", "/login/", "login"),
        ("GET", "/orders/7", "orders"),
        ("PUT", "/orders/7", "any_order"),
        ("GET", "/orders/7/lines", "all"),
        ("GET", "/admin", "admin"),
        ("GET", "/admin/", "admin"),
        ("GET", "/admin/users/1", "admin"),
        ("GET", "/admin/audit", "audit"),
        ("GET", "/admin/audit/x/y", "audit"),
        ("GET", "/else", "all"),
        ("OPTIONS", "/login", "preflight"),
        ("OPTIONS", "/else", "preflight"),
    ],
)
def test_the_most_specific_path_wins_then_the_method(method, path, name):
    assert found(method, path, **MESH) == name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/login"),
        ("HEAD", "/login"),
        ("GET", "/LOGIN"),
        ("POST", "/LOGIN"),
        ("POST", "/l%6fgin"),
        ("POST", "/login.json"),
        ("POST", "/login/%20"),
        ("POST", "/login/..."),
        ("POST", "/login%20/"),
        ("POST", "/ADMIN/users"),
        ("POST", "/admin.json"),
        ("POST", "/%61dmin/users"),
        ("POST", "/admin/AUDIT"),
    ],
)
def test_a_path_that_has_a_function_is_never_dodged_into_any_path(method, path):
    """Neither by another method nor by a spelling that some server takes for the same."""
    assert found(method, path, **MESH) is None


def connection(**given):
    return HttpJsonConnection(
        protocol="http-json", hosts=["a.test"], upstream={"address": "127.0.0.1:9"}, functions=functions(**given)
    )


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ("GET /a/{x}", "* /{y}/b", True),
        ("* /a/**", "* /{x}/b", True),
        ("GET /a", "GET /a/", True),
        ("* /a", "* /a", True),
        ("GET /a/{x}", "POST /{y}/b", False),
        ("GET /a", "* /a", False),
        ("* /{x}", "GET /{y}", False),
        ("* /**", "GET /{y}", False),
    ],
)
def test_two_functions_of_which_neither_wins_are_refused(one, other, refused):
    problems = list(connection(one=one, other=other).problems())
    assert bool(problems) is refused
    if refused:
        assert "could be 'one'" in problems[0].message
        assert "* request" not in problems[0].message or one[0] == other[0] == "*"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "**", "PURGE"])
def test_a_misspelled_method_is_an_error(method):
    with pytest.raises(ValidationError):
        FunctionSettings(method=method, path="/a")


def test_what_is_kept_from_a_function_with_any_method_falls_to_no_wider_one():
    """Else ``OPTIONS /admin/ping`` were a preflight by nobody, although ``* /admin/**`` is before ``OPTIONS /**``."""
    found = FunctionTable(
        {
            "ping": FunctionSettings(method="GET", path="/admin/ping"),
            "admin": FunctionSettings(method="*", path="/admin/**"),
            "preflight": FunctionSettings(method="OPTIONS", path="/**", identity="none"),
        }
    )
    assert found.find("OPTIONS", ["admin", "ping"]) is None
    assert found.find("OPTIONS", ["admin", "x"])[0] == "admin"
    assert found.find("OPTIONS", ["ping"])[0] == "preflight"
