"""COMMAND_PASSWORD: passwords in commands: ``curl -u bob:…``, ``mysql -p…``, ``IDENTIFIED BY '…'``."""

import re

from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.ends import Nearby
from extproc.detectors.placeholders import is_placeholder

_REACH = 100
"""Characters between a command and the option with its password."""
_COMMAND_LONGEST = 600
"""Characters between the name of a command of several lines and an option."""
_VALUE = r"""(?:\\?"(?P<double>[^"\\\n]{1,128})|'(?P<single>[^'\n]{1,128})|(?P<plain>[^\s"'`|;&<>\\]{1,128}))"""
_OF_COMMANDS = (
    (r"mysql(?:dump|admin|import|sh|check|show)?|mariadb(?:-[a-z]{2,8})?", r"-p"),
    (r"sshpass", r"-p ?"),
    (r"redis-cli", r"-a "),
    (r"mongo(?:sh|dump|restore|export|import|stat)?", r"-p "),
    (r"(?:docker|podman|helm registry|nerdctl|az|oc) login", r"-p "),
    (r"ldap(?:search|add|modify|delete|whoami|passwd)", r"-w "),
    (r"(?:un)?zip|ipmitool", r"-P "),
    (r"7z[ar]?", r"-p"),
    (r"xfreerdp|rdesktop", r"/p:|-p "),
    (r"smbclient|rpcclient|mount\.cifs", r"-U \\?[\"']?[^\s%\"']{1,64}%"),
    (r"openssl", r"-pass(?:in|out)? pass:"),
    (r"gh secret set", r"(?:--body|-b)[ =]"),
    (r"az keyvault secret set", r"--value[ =]"),
    (r"aws ssm put-parameter(?=[^\n]{0,300}SecureString)", r"--value[ =]"),
    (r"htpasswd", r"-b[a-zA-Z]{0,4} \S{1,64} \S{1,64} "),
    (
        r"curl|lftp|rabbitmqadmin",
        r"(?:-u ?|-U ?|--user[ =]|--proxy-user[ =])\\?[\"']?[^\s:\"']{1,64}:",
    ),
)
"""Commands, and the option right behind which the password stands."""
_COMMANDS = [
    re.compile(rf"\b(?:{names}) (?:[^\n]{{0,{_REACH}}}?[\s'\"])??(?:{option}){_VALUE}")
    for names, option in _OF_COMMANDS
]
_LISTED = re.compile(
    r"""\b(?:mysql(?:dump|admin|import|sh|check|show)?|mariadb(?:-[a-z]{2,8})?)\\?["'],[^\]]{0,100}?["']-p"""
    r"""(?P<plain>[^\s"'`\\]{1,128})"""
)
"""``["mysql", "-p…"]``."""
_OPTION = re.compile(
    r"(?<![\w-])--?(?:[a-z]{1,12}-)?(?:password|passwd|passphrase|keypass|storepass|pass|pwd)"
    rf"(?P<with>=| ){_VALUE}"
)
_VARIABLE = re.compile(
    rf"\b(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|SSHPASS|RESTIC_PASSWORD|BORG_PASSPHRASE|SMTP_PASS|DB_PASS)={_VALUE}"
)
_SQL = re.compile(
    r"\b(?:(?:(?:user|role|grant)\b[^\n;]{1,200}?identified (?:with \S{1,40} )?by (?:password |values )?"
    r"|(?:user|role|login|group)\b[^\n;']{1,200}? password(?: ?=| to)? ?"
    r"|(?:with|encrypted|by) password(?: ?=)? ?"
    r"|set password(?: for [^\n;=]{1,128}?(?: ?=| to)|(?: ?=| to)?) ?(?:(?:old_)?password)?\(?)"
    r"""(?:[NE]?'(?P<single>[^'\n]{1,128})'|\\?"(?P<double>[^"\\\n]{1,128}))"""
    r"|(?:create|alter) user [^\n;]{1,100}?identified by "
    r"(?P<plain>(?!password|values|random|external|global)[^\s\"'`;,()<>]{1,128}))",
    re.IGNORECASE,
)
"""PostgreSQL, MySQL, Oracle and SQL Server, about users and logins. Oracle takes a password without quotes."""
_LITERAL = re.compile(rf"(?<![\w-])--from-literal[ =](?P<mark>[\"']?)(?P<name>[\w.-]{{1,253}})={_VALUE}")
_CREATES_SECRET, _COMMAND_ENDS = "create secret ", re.compile(r"(?<!\\)\n")
"""A command goes on in the next line behind a backslash."""
_OTHER_DATA = re.compile(
    r"(?:.*[._-])?(?:user|username|login|name|host|hostname|port|type|url|email|database|db)", re.IGNORECASE
)
"""Keys of a secret whose value is none."""
_WORD = re.compile(r"\S+")
_NUMBERS = re.compile(r"[0-9]{1,6}")
"""``--user 1000:1000`` are the numbers of a user and a group."""
_NO_WORD = re.compile(r"[0-9!-/:-@\[-`{-~]")
_CLOSES = re.compile(r"[)\]},]+\Z")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_LINE_NEAR = 96
"""Characters before a value in which its line begins."""
_PREFILTER = (
    rb"(?:mysql|mariadb)[a-z-]{0,9} ",
    rb"(?:mysql|mariadb)[a-z-]{0,9}[^0-9A-Za-z .,:;/_=-]{1,4},",
    rb"(?:sshpass|redis-cli|openssl|htpasswd|smbclient|rpcclient|ipmitool) ",
    rb"(?:xfreerdp|rdesktop|unzip|mount\.cifs) ",
    rb"mongo[a-z]{0,7} ",
    rb"(?:docker|podman|registry|nerdctl|az|oc) login ",
    rb"ldap[a-z]{3,8} ",
    rb"(?:gh|keyvault) secret set |ssm put-parameter ",
    rb"(?:7z|7za|7zr|zip) [^ ]{1,100} ?-[pP]",
    rb"(?:curl|lftp|rabbitmqadmin) ",
    rb"-(?:password|passwd|passphrase|keypass|storepass|pass|pwd)[ =]",
    rb"(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|SSHPASS|RESTIC_PASSWORD|BORG_PASSPHRASE|SMTP_PASS|DB_PASS)=",
    rb"--from-literal[ =]",
    rb"(?i:identified (?:with|by) |(?:with|encrypted|user|role|set) password)",
    rb"(?i: password(?:=| =| to)? N?[^0-9A-Za-z ,.:;()=_&<>-])",
)
"""In every command with a password."""
_NEARBY = Nearby(_PREFILTER, 512)
_PATTERNS = (*_COMMANDS, _LISTED, _VARIABLE, _SQL)


def find(text: str, _: str) -> Ranges:
    """Yield passwords."""
    for part in _NEARBY.parts(text):
        for pattern in _PATTERNS:
            for match in pattern.finditer(text, *part):
                yield from _passwords(text, match)
        for match in _LITERAL.finditer(text, *part):
            before = text[max(0, match.start() - _COMMAND_LONGEST) : match.start()]
            if not _OTHER_DATA.fullmatch(match["name"]) and _creates_secret(before):
                yield from _passwords(text, match)
        for match in _OPTION.finditer(text, *part):
            value = match[match.lastgroup or 0]
            if match["with"] == "=" or (_NO_WORD.search(value) and not value.startswith("-")):
                yield from _passwords(text, match)


def _creates_secret(before: str) -> bool:
    """Return whether a text ends in a command of Kubernetes that makes a secret, and its first options."""
    at = before.rfind(_CREATES_SECRET)
    return at >= 0 and _COMMAND_ENDS.search(before, at) is None


def _passwords(text: str, match: re.Match[str]) -> Ranges:
    """Yield the words of a password. Text is streamed by words, so that each is one match."""
    value = match[match.lastgroup or 0]
    if is_placeholder(value) or _NUMBERS.fullmatch(value):
        return
    start, end = match.span(match.lastgroup or 0)
    end -= _behind(text, start, value) if match.lastgroup == "plain" else 0
    yield from (word.span() for word in _WORD.finditer(text, start, end))


def _behind(text: str, start: int, value: str) -> int:
    """Return how many characters at the end of a bare value close a bracket that opens before it in the line."""
    closes = _CLOSES.search(value)
    if closes is None or not closes.start():
        return 0
    before = text[max(0, start - _LINE_NEAR) : start].rpartition("\n")[2]
    ends = {close for opens, close in _BRACKETS if before.count(opens) > before.count(close)}
    is_open = any(each in closes[0] for each in ends) or (closes[0] == "," and bool(ends))
    return len(closes[0]) if is_open else 0


COMMAND_PASSWORD = Detector(
    "COMMAND_PASSWORD",
    _PREFILTER,
    1,
    find,
    meaning="a password in a command of a shell or of SQL",
    proof="the command and its option",
    example="mysql -u app -phunter2",
    source="the commands' manuals",
)
