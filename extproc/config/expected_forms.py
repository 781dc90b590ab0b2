"""Say in words which form a value must have, and recognize habits from other tools that lead to a wrong value."""

import re
from typing import Any

from extproc.codecs.located_yaml import KeyPath
from extproc.settings.approvals import DATABASE_URL
from extproc.settings.base import FUNCTION_NAME, NAME
from extproc.settings.control import PUBLIC_URL, SIGN_IN_SCOPE
from extproc.settings.cors import ORIGIN
from extproc.settings.hosts import HOST, UPSTREAM_HOST
from extproc.settings.identity import METADATA_KEY
from extproc.settings.masking import DOMAIN, EXEMPT_PLACE, ONE_LINE, TEXT_TYPE
from extproc.settings.mtls import TRUST_DOMAIN
from extproc.settings.notifications import FUNCTION, SLACK_CHANNEL, SLACK_TEAM, SLACK_USER
from extproc.settings.pinned_definitions import DIGEST, TOOL_NAME
from extproc.settings.protected_resource import SCOPE, URL

VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-?+=][^}]*)?\}|\{\{[^}]*\}\}")
"""A shell's or a template's variable: ``${NAME}``, ``${NAME:-default}``, ``{{ .Values.name }}``."""
VARIABLE_HINT = (
    "this file has no variables: write the value, or render the file before it is read;"
    " secrets are named by `file:` or `env:` keys"
)
MAY_CONTAIN_BRACES = ("pattern",)
"""Keys whose values may contain ``${…}`` with another meaning."""

TLS_IS_BESIDE = (("upstream", "address"), ("opa", "address"))
"""Ends of the key paths of addresses that have the key ``tls`` beside them."""

FORMS = {
    r"^(unix:/.+|[^:/\s]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5})$": (
        "host:port, [ipv6]:port, or unix:/absolute/path, such as 127.0.0.1:9000"
    ),
    r"^[a-z0-9-]+$": "the name of a header field in lower case, such as x-session-id",
    r"^[ -~]*$": "printable ASCII text",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "the name of an environment variable, such as CRM_TOKEN; not its value",
    DATABASE_URL: "the URL of a PostgreSQL database, such as postgresql://extproc@db.example.com/approvals",
    EXEMPT_PLACE: "a JSONPath that begins with $, header.<name in lower case>, or url",
    DOMAIN: "a domain in lower case, such as example.com, or *.example.com for all below",
    ONE_LINE: "text in one line",
    TEXT_TYPE: "a media type in lower case without parameters, such as application/xml",
    r"^\$": "a JSONPath that begins with $, such as $.items[*].ssn",
    r"^(\*|[A-Z][A-Z0-9_]*)$": "the name of an entity in capitals, such as US_SSN, or * for all",
    r"^[A-Z]{2}$": "the code of a region in two capitals, such as DE",
    r"^[A-Z][A-Z0-9_]{1,40}$": "the name of an entity in capitals, of 2 to 41 characters, such as EMPLOYEE_ID",
    HOST: (
        "a host name in lower case, with its port where the Host header has one, such as crm.example.com;"
        " *.example.com for all names below, or crm.example.com:* for any port"
    ),
    UPSTREAM_HOST: "a host name in lower case, or an address, and perhaps a port: localhost:9000",
    ORIGIN: (
        "scheme, host and perhaps a port, as browsers send them, without a path: https://app.example.com;"
        " * and null are not accepted: pages of anybody could call"
    ),
    URL: "https://, a host in lower case, and perhaps a port and a path: https://docs.example.com/mcp",
    PUBLIC_URL: "https:// and a host in lower case, and perhaps a port, without a path: https://approvals.example.com",
    SIGN_IN_SCOPE: "the name of a scope, without blanks and quotes, such as groups",
    SCOPE: "the name of a scope, without blanks and quotes, such as docs.read",
    TRUST_DOMAIN: "a trust domain in lower case, such as cluster.local",
    METADATA_KEY: "printable ASCII text without blanks, such as payload",
    NAME: "a name in lower case that begins with a letter: a-z, 0-9, _ and -",
    FUNCTION_NAME: "a name that begins with a letter or _: letters, digits, and _ . / -",
    r"^(\*|[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}\*?)$": (
        "a name of letters, digits, and _ . / -, or the beginning of names with one * at its end"
    ),
    r"^(\*|[^\x00-\x20\x7f*][^\x00-\x1f\x7f*]{0,127}\*?)$": (
        "the name of a prompt, or the beginning of names with one * at its end"
    ),
    r"^(\*\*|[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f\\]*)$": (
        "a URI such as file:///docs/a.md, or a pattern of URIs such as file:///docs/**"
    ),
    TOOL_NAME: "the whole name of a tool: letters, digits, and _ . / -",
    FUNCTION: "connection.function, such as crm.export_customers, or crm.* for all functions of a connection",
    SLACK_USER: "the id of a member, such as U0123456789 (in the member's profile: Copy member ID); not a name",
    SLACK_TEAM: "the id of a workspace, such as T0123456789; not its name",
    SLACK_CHANNEL: "the id of a channel, such as C0123456789 (in the channel's details); not its name",
    DIGEST: "sha256: and 64 digits 0-9, a-f, as `extproc tools list` shows them",
    r"^[a-z]{1,8}[0-9]{0,3}$": "a short id such as k1",
    r"^[a-z]{2,3}$": "a language code such as en",
    r"^[a-z_][a-z0-9_]*$": "the name of a database: a-z, 0-9 and _",
    r"^(chdb://|https?://)": "a URL of a ClickHouse server (https://…), or chdb:// for the embedded engine",
    r"^https?://[^\s]+$": "a URL: https://login.example.com/jwks.json",
    r"^/": "a path that begins with /",
    r"^/[^?#]*$": "a path that begins with /, without ? and #",
    r"^data(\.[A-Za-z_][A-Za-z0-9_]*)+$": "a rule's full name, such as data.extproc.decision",
    r"^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Za-z_][A-Za-z0-9_]*/[A-Za-z_][A-Za-z0-9_]*$": (
        "a gRPC method with its package and service, such as shop.v1.Inventory/GetItem"
    ),
}
"""Pattern → its meaning for people. A test holds that each pattern of the settings is here."""


def form_hint(pattern: str, value: object, path: KeyPath = ()) -> str:
    """Describe the expected form, and the likely mistake in this value. Repeats nothing of the value.

    Args:
        pattern: the pattern that the value does not match.
        value: the value as it is in the file.
        path: the value's key path.
    """
    expected = FORMS.get(pattern, pattern)
    return f"expected: {expected}{_mistake(expected, value, path)}"


def _mistake(expected: str, value: object, path: KeyPath) -> str:
    if not isinstance(value, str):
        return ""
    if expected.startswith(("host:port", "a host name")):
        if "://" in value:
            tls = ", and set `tls: true` for https" if path[-2:] in TLS_IS_BESIDE else ""
            return f"\n  this is a URL: leave out the scheme and the path{tls}"
        return "\n  the port is missing" if expected.startswith("host:port") and ":" not in value else ""
    if expected.startswith("a JSONPath"):
        return _mistake_in_path(expected, value)
    if expected.startswith("the name of an entity"):
        short = "\n  the name is too short" if "2 to 41" in expected and len(value) == 1 else ""
        small = value.isascii() and value.upper() != value
        return short + ("\n  entities are written in capitals" if small else "")
    return ""


def _mistake_in_path(expected: str, value: str) -> str:
    if value.lower().startswith("header."):
        if "header." in expected:
            return "\n  names of header fields are in lower case here: a-z, 0-9, _ and -"
        return "\n  no path names a header field: rules for entities mask header fields, too"
    return "" if value.startswith("$") else "\n  write $. before the first key"


def variables(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Return the places of text that looks like a variable, which nothing would replace.

    Args:
        value: the content of a YAML file.
        path: the key path of the value.
    """
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in variables(item, (*path, key))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in variables(item, (*path, index))]
    if path and path[-1] in MAY_CONTAIN_BRACES:
        return []
    return [path] if isinstance(value, str) and VARIABLE.search(value) else []
