"""Refuse requests from web pages that may not call: a browser adds ``Origin``, and no page can change it.

MCP, transports: servers must validate ``Origin``, against DNS rebinding.
"""

from extproc.flow.services import Connection, Services
from extproc.model.call import Headers, RequestHead
from extproc.model.errors import Refused
from extproc.model.reasons import Reason
from extproc.settings.cors import ALLOW_ORIGIN, EXPOSE_HEADERS
from extproc.settings.hosts import find_host

ORIGIN = "origin"


def check_origin(headers: Headers, connection: Connection) -> None:
    """Let a request pass without ``Origin``, or with exactly one that the connection's settings list.

    Raises:
        Refused: with ``origin-refused``.
    """
    rules = connection.settings.browser_rules
    if rules and ORIGIN in headers and headers.get(ORIGIN) not in rules.origins:
        raise Refused(Reason.ORIGIN_REFUSED, rule="cors.origins")


def readable_by_page(head: RequestHead, services: Services) -> tuple[tuple[str, str], ...]:
    """Return the response fields with which a page of a listed origin may read an answer (Fetch, CORS protocol).

    Envoy's CORS filter adds them to all that passes it. An answer that the guard puts in place of a response
    passes no further filter.
    """
    connection = find_host(services.hosts, head.authority)
    rules = connection.settings.browser_rules if connection else None
    origin = head.headers.get(ORIGIN)
    if not rules or origin not in rules.origins:
        return ()
    return ((ALLOW_ORIGIN, origin), (EXPOSE_HEADERS, ", ".join(rules.read)))
