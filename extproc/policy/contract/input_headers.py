"""Show header fields to policy."""

from collections.abc import Collection

from extproc.model.call import Headers

HIDDEN_REQUEST_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Request header fields that carry a secret. An engine may log its input, so they are left out unless the operator
shows them (``policy.show_headers``)."""
HIDDEN_RESPONSE_HEADERS = frozenset(
    {"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "mcp-session-id"}
)
"""The same for responses."""


def shown_headers(fields: Headers, *, without: Collection[str]) -> dict[str, str]:
    """Fields by name, with repeated ones joined by a comma, and without those that carry a secret.

    Args:
        fields: names in lower case.
        without: names to leave out.
    """
    shown: dict[str, str] = {}
    for name, value in fields:
        if name not in without:
            text = header_text(value)
            shown[name] = f"{shown[name]},{text}" if name in shown else text
    return shown


def header_text(value: bytes) -> str:
    """Header bytes as text, as Envoy's ext_authz gives them: bytes that are not UTF-8 become ``!``."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace").replace("\ufffd", "!")
