"""REST-like functions that speak JSON: method and path template name the function.

Arguments are one flat object: path variables, query parameters and the members of the JSON body under their own
names. A name that occurs in two of those places makes the call uninspectable (HTTP parameter pollution). A body
that is not an object is the whole arguments, or their member ``body`` where the URL holds arguments too. So a path
rule written against the arguments fits the request's document as it is. An argument in the URL cannot be masked
there: ``extproc.flow`` refuses a call whose rules mask one.

Not checked here: the host (``extproc.flow`` looks the connection up by it), and the response.
"""

import re
from urllib.parse import unquote_to_bytes

from extproc.codecs.json_keys import fold_parameter, read_document
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Call, Json, RequestHead, ResponseHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason, Uninspectable
from extproc.protocols.base_protocol import BaseProtocol
from extproc.protocols.http_json.function_table import FunctionTable
from extproc.protocols.http_json.path_templates import split_path
from extproc.protocols.http_json.settings import HttpJsonConnection
from extproc.protocols.request_checks import OVERRIDES, check_readable, read_session
from extproc.protocols.strict_content_type import Media, media_type, streamed_text

PROTOCOL = "http-json"
METHOD_PARAMETERS = frozenset({"_method", *OVERRIDES})
"""Query or body parameters that make some frameworks take another method."""
BODILESS = frozenset({"GET", "HEAD", "DELETE"})
"""Methods whose body has no defined meaning (RFC 9110 section 9.3)."""
RAW_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$'()*,:@/?&=+\[\]|-]|%[0-9A-Fa-f]{2})+")
"""RFC 3986 ``query`` without ``;``, which some servers split at; with ``[ ] |``, which clients do send."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
"""Refused in query values; tabs and line ends are text."""


class HttpJsonProtocol(BaseProtocol):
    """One http-json connection, built once from its settings."""

    def __init__(self, name: str, settings: HttpJsonConnection, *, max_depth: int) -> None:
        self._name = name
        self._session_header = settings.session_header
        self._max_depth = max_depth
        self._routes = FunctionTable(settings.functions)

    def identify(self, head: RequestHead, body: bytes, *, call_id: str, unreadable: Uninspectable | None) -> Call:
        """Read which operation is called; see ``FunctionProtocol``."""
        function, variables = self._match(head)
        session, arguments, document, odd = "", None, None, None
        try:
            session = read_session(head.headers, self._session_header) if self._session_header else ""
            check_readable(head.headers, body, unreadable)
            document = self._document(head, body)
            arguments = _merge(variables, read_query(head.query), document, has_body=bool(body))
        except Unreadable as error:
            unreadable, document, odd = error.kind, None, error.odd
        return Call(
            call_id=call_id,
            connection=self._name,
            name=function,
            protocol=PROTOCOL,
            arguments=arguments,
            session=session,
            uninspectable=unreadable,
            odd=odd,
            document=document,
        )

    def _match(self, head: RequestHead) -> tuple[str, dict[str, Json]]:
        """Return the operation and its path variables; see ``FunctionTable.find``."""
        segments = split_path(head.path_only)
        found = None if segments is None else self._routes.find(head.method, segments)
        if found is None:
            detail = "no operation has this method and path"
            raise Refused(Reason.UNKNOWN_FUNCTION, rule="functions", detail=detail)
        name, variables = found
        return name, {**variables}

    def _document(self, head: RequestHead, body: bytes) -> Json:
        if not body:
            return None
        if media_type(head.headers) is not Media.JSON:
            bodiless = head.method in BODILESS
            raise Unreadable(Uninspectable.UNEXPECTED_BODY if bodiless else Uninspectable.CONTENT_TYPE)
        return read_document(body, max_depth=self._max_depth)

    def unreached_arguments(self, call: Call, *, body_masked: bool) -> Json:
        """Return path variables and query parameters; see ``FunctionProtocol``."""
        if call.uninspectable is not None and call.arguments is None:
            raise Unreadable(call.uninspectable)
        document = call.document if body_masked else None
        if call.arguments == document:
            return None
        if isinstance(call.arguments, dict) and isinstance(document, dict):
            return {name: value for name, value in call.arguments.items() if name not in document}
        return call.arguments

    def streams_text(self, head: ResponseHead, *, whole: int) -> bool:
        """Stream text that is long or of unknown length."""
        return streamed_text(head.headers, whole)


def read_query(query: str) -> dict[str, Json]:
    """Return the query's parameters, all as text. ``a`` alone is the empty text.

    Raises:
        Unreadable: malformed, or a parameter that occurs twice as some server would see it: ``a`` and ``A``, or
            ``a`` and ``a[]``.
    """
    if not query:
        return {}
    if not RAW_QUERY.fullmatch(query):
        raise Unreadable(Uninspectable.QUERY)
    found: dict[str, Json] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found[_decoded(name)] = _decoded(value)
    known = {fold_parameter(name) for name in found}
    if any("]" not in bracketed for _, open_, bracketed in (name.partition("[") for name in found) if open_):
        raise Unreadable(Uninspectable.QUERY)  # PHP reads a[b as a_b, others as a
    if "" in known or len(known) != query.count("&") + 1:
        raise Unreadable(Uninspectable.QUERY)
    return found


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        decoded = unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(Uninspectable.QUERY) from error
    if CONTROL.search(decoded):
        raise Unreadable(Uninspectable.QUERY)
    return decoded


def _merge(variables: dict[str, Json], query: dict[str, Json], document: Json, *, has_body: bool) -> Json:
    """Return all arguments as one value.

    Raises:
        Unreadable: a name is in two places, or makes a backend take another method.
    """
    top = document if isinstance(document, dict) else {}
    if not METHOD_PARAMETERS.isdisjoint(fold_parameter(name) for part in (query, top) for name in part):
        raise Unreadable(Uninspectable.HEADER_BODY_MISMATCH)
    if not variables and not query:
        return document if has_body else {}
    members = document if isinstance(document, dict) else {"body": document} if has_body else {}
    names = [fold_parameter(name) for part in (variables, query, members) for name in part]
    url_names = names[: len(variables) + len(query)]
    if len(set(url_names)) != len(url_names) or not set(url_names).isdisjoint(names[len(url_names) :]):
        raise Unreadable(Uninspectable.HEADER_BODY_MISMATCH)
    return {**variables, **query, **members}
