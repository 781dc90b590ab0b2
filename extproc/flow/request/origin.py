"""Refuse requests from web pages that may not call: a browser adds ``Origin``, and no page can change it.

MCP, transports: servers must validate ``Origin``, against DNS rebinding.
"""

from extproc.flow.services import Connection
from extproc.model.call import Headers
from extproc.model.errors import Refused
from extproc.model.reasons import Reason

ORIGIN = "origin"


def check_origin(headers: Headers, connection: Connection) -> None:
    """Let a request pass without ``Origin``, or with exactly one that the connection's settings list.

    Raises:
        Refused: with ``origin-refused``.
    """
    rules = connection.settings.browser_rules
    if rules and ORIGIN in headers and headers.get(ORIGIN) not in rules.origins:
        raise Refused(Reason.ORIGIN_REFUSED, rule="cors.origins")
