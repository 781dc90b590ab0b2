"""CONNECTION_STRING: the password in an address, or beside the other words that connect to a server.

==========================  ====================================================================================
address                     ``scheme://user:password@host`` (RFC 3986 section 3.2.1), ``scheme://token@host``
parameter of an address     ``?password=…``, ``&pwd=…``
pairs with semicolons       ``Server=db;Uid=app;Pwd=…;`` (ADO.NET, ODBC, JDBC)
pairs with blanks           ``host=db user=app password=…`` (libpq)
Oracle                      ``jdbc:oracle:thin:scott/…@//host``, ``sqlplus scott/…@host``
files of passwords          ``.pgpass``: ``host:5432:database:user:…``; ``.netrc``: ``machine h password …``
==========================  ====================================================================================

A user name alone is none, and neither is a template.
"""

import re

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.placeholders import is_documentation, is_placeholder
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

_SCHEME = re.compile(r"[A-Za-z0-9+.-]\Z")
_BODY_LONGEST = 512
_BODY = re.compile(rf"""[^\s"'<>\\`]{{1,{_BODY_LONGEST}}}""")
"""Text that may follow a scheme. An address has neither a blank nor a quote."""
_AUTHORITY = re.compile(r"[^/?#]*")
_USER = re.compile(r"([^\s:/?#@\[\]]{0,256})(?::|(?=@))")
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?(?:,[\w.:-]+)*(?=[/?#;,)\]]|\Z)", re.ASCII)
_WEB_HOST = re.compile(r"localhost|[\w-]+(?:\.[\w-]+)+", re.ASCII)
_PORT = re.compile(r"[0-9]{0,5}|\$?\{?<?[A-Z_]*(?:port|PORT)[A-Z_]*>?\}?")
_WEB = ("http", "https", "ws", "wss")
_TOKEN_SHORTEST = 20

_KEYWORD = re.compile(
    r"(?:password|passwd|passphrase|pwd|accountkey|account_key) ?= ?"
    r"""(?:\\?(?P<quote>["'])(?P<quoted>[^"'\\\n]{1,256})|\{(?P<braced>[^}\s]{1,256})\}"""
    r"""|(?P<plain>[^\s;&"'<>\\]{1,256}))""",
    re.IGNORECASE,
)
_NAME_BACKWARDS = re.compile(r"[A-Za-z_]{0,24}[?&;]|[ \t]{0,3};|[A-Za-z_]{0,24}[ \t](?!,)")
_NAME_REACH = 32
_PAIR_BEHIND = re.compile(r"""\\?["']?;[A-Za-z][A-Za-z ]{1,24}=""")
_IN_QUERY = ("?", "&")
_LIBPQ_REACH = 100
_LIBPQ = re.compile(
    r"\b(?:host|hostaddr|dbname|user|port|sslmode|server|database|uid)\s?=\s?[^\n]*\Z", re.IGNORECASE
)
_WORD = re.compile(r"\S+")
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
"""Code, ``password=ask(``."""

_ORACLE = re.compile(
    r"""(?:jdbc:oracle:[a-z0-9]{2,6}:|\bsqlplus (?:-[A-Za-z]{1,2} )?)[\w$#]{1,64}/"""
    r"""(?:\\?"([^"\\\s]{1,128})\\?"|([^\s"'<>/\\]{1,128}))@(?=[\w/(])"""
)
_PGPASS = re.compile(
    r"(?:\A|\n)[ \t]{0,8}(?:[\w.-]{1,253}|\*):(?:54[0-9]{2}|64[0-9]{2}|\*):[^\s:]{1,64}"
    r":[^\s:]{1,64}:(\S{1,256})"
)
_NETRC = re.compile(
    r"\bmachine [ \t]{0,3}\S{1,253}\s{1,8}(?:(?:login|account)\s{1,4}\S{1,128}\s{1,8}){0,2}password\s{1,4}"
    r"""([^\s"'<>]{1,256})"""
)


def find(text: str, _: str) -> Ranges:
    """Yield passwords."""
    yield from _in_addresses(text)
    yield from _in_pairs(text)
    for pattern in (_ORACLE, _PGPASS, _NETRC):
        for match in pattern.finditer(text):
            if not is_placeholder(match[match.lastindex or 0]):
                yield match.span(match.lastindex or 0)


def ends_password(text: str, at: int) -> bool:
    """Return whether an at sign stands between the user and password of an address, and its host."""
    scheme = text.rfind("://", max(0, at - _BODY_LONGEST), at)
    body = _BODY.match(text, scheme + len("://")) if scheme > 0 else None
    user = _USER.match(body[0]) if body else None
    if body is None or user is None or not user[0].endswith(":"):
        return False
    is_web = _scheme(text, scheme) in _WEB
    return body.start() + _password_end(body[0], user.end(), is_web=is_web) == at


def _in_addresses(text: str) -> Ranges:
    at = text.find("://") if "@" in text else -1
    while at >= 0:
        start = at + len("://")
        body = _BODY.match(text, start)
        if body and _SCHEME.search(text, max(0, at - 1), at):
            scheme = _scheme(text, at)
            for one, other in _in_address(body[0], is_web=scheme in _WEB):
                yield start + one, start + other
        at = text.find("://", start)


def _scheme(text: str, end: int) -> str:
    before = text[max(0, end - 8) : end]
    return re.sub(r".*[^a-z]", "", before.lower(), flags=re.DOTALL)


def _in_address(body: str, *, is_web: bool) -> Ranges:
    """Yield the password of an address, or a token in the place of the user. Offsets are those of the body."""
    user = _USER.match(body)
    if user is None:
        return
    name, at = user[1], user.end()
    if user[0].endswith(":"):
        at = _password_end(body, user.end(), is_web=is_web)
        password = body[user.end() : at]
        if password and not is_placeholder(password) and not is_documentation(name, password):
            yield user.end(), at
    if _is_token(name) and body[at : at + 1] == "@":
        yield 0, len(name)


def _password_end(body: str, start: int, *, is_web: bool) -> int:
    """Return where a password ends: at the last ``@`` of the authority, or at one behind a ``/``, ``?`` or ``#``.

    Returns ``start`` if there is none.
    """
    authority = body[start : _authority_end(body, start)]
    at = authority.rfind("@")
    if at >= 0:
        return start + at if start + at + 1 < len(body) else start
    first = body.find("@", start)
    if first < 0 or _PORT.fullmatch(authority) or is_placeholder(authority):
        return start
    last = body.rfind("@", first, _authority_end(body, first))
    host = _HOST.match(body, last + 1)
    if host is None or (is_web and (body[last - 1] == "/" or not _WEB_HOST.match(host[0]))):
        return start
    return last


def _authority_end(body: str, start: int) -> int:
    match = _AUTHORITY.match(body, start)
    return match.end() if match else len(body)


def _is_token(user: str) -> bool:
    """Return whether the user's part of an address is random: a token and no name."""
    return (
        len(user) >= _TOKEN_SHORTEST
        and user.isascii()
        and sum(map(str.isdigit, user)) > 1
        and entropy(user) >= LEAST_ENTROPY
        and not is_placeholder(user)
    )


def _in_pairs(text: str) -> Ranges:
    for match in _KEYWORD.finditer(text):
        separator = _separator(text, match)
        value = match[match.lastgroup or 0]
        if separator is None or is_placeholder(value) or is_documentation("user", value):
            continue
        start, end = match.span(match.lastgroup or 0)
        if match.lastgroup == "quoted":
            yield from (word.span() for word in _WORD.finditer(text, start, end))
        elif separator in _IN_QUERY:
            yield start, start + len(value.partition("#")[0])
        elif not _CALL.match(value):
            yield start, end


def _separator(text: str, match: re.Match[str]) -> str | None:
    """Return what separates a pair from the other parts of a connection; None if it stands alone."""
    before = _NAME_BACKWARDS.match(text[max(0, match.start() - _NAME_REACH) : match.start()][::-1])
    if before and before[0] and before[0][-1] in "?&;":
        return before[0][-1]
    if _PAIR_BEHIND.match(text, match.end()):
        return ";"
    if before and _LIBPQ.search(text, max(0, match.start() - _LIBPQ_REACH), match.start()):
        return " "
    return None


CONNECTION_STRING = Detector(
    "CONNECTION_STRING",
    (
        rb"""://[^ "'<>\\`\t-\r\x1c-\x1f]{1,512}@""",
        rb"(?i:password|passwd|passphrase|pwd|accountkey|account_key) ?= ?[^ \t-\r\x1c-\x1f]",
        rb"(?:jdbc:oracle:|sqlplus )",
        rb":(?:54[0-9][0-9]|64[0-9][0-9]|\*):[^ :\t-\r]{1,64}:",
        rb"machine [^ ]",
    ),
    1,
    find,
    meaning="the password in an address or beside the other words that connect to a server",
    proof="its place",
    example="ftp://app:s3cr3t@db",
    source="RFC 3986; libpq, ADO.NET, JDBC",
)
