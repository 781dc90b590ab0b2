"""NAMED_SECRET, PERSON, STREET_ADDRESS: values that only their own name tells.

Under a name that tells, the whole string is the value, whatever it looks like. In text, the value stands behind
the name and ``=`` or ``:``, in quotes, in a tag, or behind an option of a command.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import NamedTuple

from extproc.detectors.blocks.named import Block, Naming, may_have_block, named_blocks
from extproc.detectors.blocks.tree import NamedValue
from extproc.detectors.context import last_name
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.ends import parts_around
from extproc.detectors.shell_values import SHELL
from extproc.detectors.vocabulary.key_roles import joined
from extproc.detectors.vocabulary.maps import is_name_of_secret, is_of_passwords, is_plural
from extproc.detectors.vocabulary.vocabulary import Vocabulary
from extproc.detectors.vocabulary.words import Words

OF_OBJECTS = {
    "password": (b"kty", b"usuario", b"[^A-Za-z]auth[^a-z]"),
    "last_name": (b"family", b"(?:Patient|Practitioner|RelatedPerson)[^A-Za-z]"),
    "street": (b"(?i:postal_?code)",),
}
"""Members of objects in which others tell nothing alone: a JWK, logins of Docker and in Spanish, names and
addresses of FHIR."""
ADDRESS = "://"
"""In the value of a name that tells, an address is none, and one of its parameters may be."""
LONGEST = 16_384
"""Most characters of a value that goes as a whole; a longer one is no password, and its parts are searched."""
NO_NAME = re.compile(
    r"string|null|none|true|false|unknown|n/a|(?:(?:no|exact|high|low|partial|high[ _]partial)[ _])?match(?:ed)?"
    r"|mismatch|not[ _]provided",
    re.IGNORECASE,
)
"""Values of names, streets and the like that say something about them."""
PERSON_LONGEST = 200
NO_PERSON = re.compile(
    r"\^.*|[^\s/]+/\S*|[^\s/]+(?:/[^\s/]+){2}.*|[a-z0-9]+(?:[._][a-z0-9]+)+|(?i:string|unknown)|[^\s_]*_\S*"
)
"""Names of repositories, of fields, of codes, and of what a repository holds: ``^master``, files."""
FILE_NAME, FILE = "fname", re.compile(r"\S+\.[A-Za-z0-9]{1,5}")
"""``fname`` is the name of a file, too."""
TOKEN = re.compile(r"(?=(?:[^0-9]*[0-9]){2})(?=(?:[^A-Za-z]*[A-Za-z]){2})[\w.~+/=-]{8,15}")
TOKEN_LONGEST = 15
"""Longer ones are found by their randomness."""
TURN, TURNS_LEAST = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]"), 3
"""``sha256sum`` and ``base64url`` have two; of capitals and small letters, two are enough."""
NO_TOKEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*|v?[0-9]+(?:[.-][0-9]+)*[.-]?(?:alpha|beta|rc|dev|post|pre)[.-]?[0-9]*"
    r"|[a-z]{2,}(?:[-_/.][a-z]*[0-9]*)+|[A-Za-z]+[0-9]{1,4}[a-z]?(?:[-_/.][A-Za-z]+[0-9]{0,4}[a-z]?)*|0x.*",
    re.IGNORECASE,
)
PIN_DIGITS = re.compile(r"[0-9][0-9 -]{1,14}[0-9]")
NOT_A_VALUE = re.compile(
    r"(?:(?:bearer|basic|token)\s{1,4})?(?:"
    r"[0-9]+ bytes?|\$\{?[A-Z_]+\}?/\S*|(?:[0-9a-f]{2}:){15,31}[0-9a-f]{2}|SHA256:[\w+/]{43}=?"
    r"|(?:ssh|ecdsa)-[\w@.-]+ AAAA[\w+/=]+(?: .*)?"
    r"|\s*|\\{1,2}n|\[\s*\]|\{\s*\}|[0-9]{1,3}|[a-z][a-z0-9+.-]{1,20}://\S*|(?:arn|urn|env):\S+|projects/[^/\s]+/secrets/\S*"
    r"|(?:vault|ssm|awssm|gcpsm|secretref|ref\+[a-z0-9]{2,20}):[\w./#@-]+|@Microsoft\.KeyVault\([^()]*\)|inherit"
    r"|\$\{[a-z_][a-z0-9_.]*\}|\$?\{\{[^{}]*\}\}|\{[a-z_]+\}|\#\{[^{}]*\}|%[a-z_]\w*%"
    r"|(?-i:\$\(?(?:[A-Z_][A-Z0-9_]*|[a-z_]+)\)?)|<[a-z _*-]*>|\[[*]+\]"
    r"|\u2039[^\u2039\u203a<>]{0,40}[\u203a>]?"
    r"|(?:<[a-z_ -]{1,40}>|&lt;[a-z_ -]{1,40}&gt;|\{[a-z_ -]{1,40}\})(?:[.,]?\s{0,2}[a-z]{1,12}\.?){0,3}|string"
    r"|/(?:[a-z]{3,24}|v[0-9]|20[0-9]{2}-[0-9]{2}-[0-9]{2})/[\w./{}$:-]*"
    r"|(?:must|should|needs? to|has to|may not|cannot|can't|is (?:too|not|required|invalid|missing|wrong|already))"
    r" [\w ()',.-]{4,200}|is (?:required|invalid|missing)\.?"
    r"|not[ _]?configured|(?:un)?verified|enabled|disabled|true|false|yes|no|on|off|null|none|nil|undefined|n/?a"
    r"|[*•]+.{0,4}|x{3,}|[.]{3}|-+|\#+|%[-+0-9.\#]{0,4}[a-z](?:\\n)?|read|write|[0-9]{1,6}/[0-9]{1,6}"
    r"|(?:[~^@]|[<>]=?)[ ]?v?[0-9][\w.+-]{0,32}|v?[0-9]\.[0-9]{1,2}\.[0-9]{1,2}"
    r"|[a-z][a-z0-9.-]{0,64}-(?:creds|credentials)"
    r"|<?(?:your|my|the|enter|insert|put|some|any)(?:[ _-][a-z]+)+>?)",
    re.IGNORECASE,
)
"""Values that are no secret: NULL in what PostgreSQL and MySQL export (``\\N``), a size, a public key or
its fingerprint, an address, a path, a template, a reference, a switch, stars, a version, ``%s``."""
AUTHORIZES = re.compile(
    r"(?!i?auth_[0-9A-Za-z]{8})(?:(?:bearer|basic|token|digest|negotiate|api-?key|[a-z0-9]{2,8}-hmac-[\w-]+)"
    r"[ :=]\s*\S"
    r"|(?=\S*[0-9])(?=\S*[A-Za-z])\S{16,}|(?=\S*[0-9])\S{20,})",
    re.IGNORECASE,
)
"""The value of ``authorization`` that a caller sends. The code of an authorized payment is short."""
AUTHORIZATION = ("authorization", "authorisation")
LICENCE = re.compile("licen[cs]e")
SPDX = re.compile(
    r"mit|isc|zlib|unlicense|wtfpl|ncsa|postgresql|none|proprietary|0bsd"
    r"|(?:apache|[al]?gpl|mpl|epl|eupl|bsd|bsl|cc0|cc-by(?:-[a-z]{2}){0,2}|artistic|ms-pl|ofl|osl|ecl)"
    r"(?:[-_ v]*[0-9.]+)?(?:-(?:clause|only|or-later|[a-z]+)){0,3}",
    re.IGNORECASE,
)
"""The name of a public licence (SPDX License List): ``license_key: mit``."""
ID_OF_IT = re.compile(r"i?auth_[0-9A-Za-z]{8,}")
KEY_OF_A_MACHINE = ("ssh_key", "sshkey", "ssh-key")
"""Interfaces of clouds name keys by their numbers; a key itself has letters."""
FOLDER = re.compile(r"[.~]{0,2}/")
"""The variables of a shell that are called PWD and OLDPWD hold folders."""
RESULTS = re.compile(
    r"all|any|some|most|none|partly|partial(?:ly)?|pass(?:ed)?|failed|failures?|fail|ok|first|second|final"
    r"|[0-9]{1,6} of [0-9]{1,6}",
    re.IGNORECASE,
)
"""Values of ``pass`` that say which tests passed."""
LONG_FROM = {"devicecode": 20}
"""Fewest characters of secrets whose names also name short codes (RFC 8628: ``device_code``)."""
LOGIN = re.compile(r"[^\s:/]{1,128}:\S+|(?:basic|bearer) \S+", re.IGNORECASE)
OF_LOGIN = ("proxy_auth", "http_auth", "proxyauth", "httpauth", "proxy-auth", "http-auth")
"""Names of the methods of a login, or of a login itself: then it has a colon."""
ACCESS_KEY, PHRASE = "accesskey", "mnemonic"
"""The attribute of HTML for a key of the keyboard, and the name of a wallet's words."""
WALLET = re.compile(r"\W*[^\W\d_]+(?:[\s,]{1,3}[^\W\d_]+){11,}\W*")
"""Twelve words at least (BIP 39)."""
ASSIGNED = re.compile(
    r"""(?P<name>[\w./$-](?<![\w./$-].)[\w./$-]{0,127}(?: \w[\w-]{0,31}){0,2})"""
    r"""(?:\\{0,3}["'`])?\]?(?:\*\*)?[ \t]{0,8}(?P<sign>:=|=>|==?|:)(?:\*\*)?[ \t]{0,8}"""
    r"""(?:(?P<open>\\{0,3}["'`])|(?P<bare>[^\s"'`\\,;&<>(){}\[\]|*\u3001\u3002][^\s"'`\\,;&<>(){}\[\]|\u3001\u3002]{0,511}))"""
)
"""A name, a sign, and the beginning of a quoted value or a bare value."""
STOPS = "\u3001\u3002"
"""The comma and the full stop of Chinese and Japanese that are not folded."""
NUMBER_BEHIND = re.compile(r" [0-9]\S*\Z")
"""Ends what is no name: ``password 10`` of ``changed password 10:00``."""
MADE_BY_PEOPLE = re.compile(r"(?=\S*[A-Za-z])(?:(?=\S*[0-9])|(?=\S*[!@#$%^&*+=~?]\S))[^\s<>{}()\[\]]{4,}")
"""A word with a digit or a mark inside, as a switch and the label of a button have none."""
MIXED = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[^.]{8,}\Z")
"""Letters of both cases and a digit, as in no method, version or name of a field."""
ROUTERS = re.compile("enable[_-]?(?:password|secret)", re.IGNORECASE)
WORD = re.compile(
    r"(?!(?:always|never|optional|required|automatic|auto|default|manual|both|only|prompt|ask|allow(?:ed)?|deny|denied"
    r"|disabled?|enabled?|all|some|any|user|admin|login|local|remote|strict|active|inactive)\Z)[a-z]{4,64}"
)
"""What follows ``enable password`` in the configuration of a router, and is no word for a switch."""
HASH = re.compile(
    r"(?:\{[A-Z0-9-]{2,12}\}|(?:md5|sha-?[0-9]{1,3})[:$]|0x)?(?:[0-9a-fA-F]{32}(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{24}"
    r"|[0-9a-fA-F]{32}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96})?(?:[:$][^\s:$]{1,128})?"
    r"|(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[A-Za-z0-9+/_-]{20,256}={0,2})|\$\S{1,16}\$\S{8,}"
)
"""MD5 and the SHA families in hexadecimals, perhaps with a salt; RFC 2307's schemes; Base64; crypt(5)."""
IN_COLONS = re.compile(r"[\w./$-]:")
"""Stands before a part of an ARN, which is no name of the next part: ``x:secret:y``."""
TAGGED = re.compile(
    r"<(?:\w{0,64}(?:[Kk]ey|[Nn]ame))>(?P<key>[^<>]{1,128})</\w{3,68}>\s{0,64}"
    r"<(?:string|\w{0,64}(?:Value|value))>(?P<string>[^<>]{1,512})"
    r"(?:</|(?<=[\w ])\Z)|<(?P<name>[\w:.-]{1,128})(?:\s[^<>]{0,128})?>"
    r"(?:<!\[CDATA\[)?(?P<value>[^<>]{1,512})(?:(?:\]\]>)?</|(?<=[\w ])\Z)"
)
ATTRIBUTES = re.compile(
    r"""(?<![\w-])(?:name|key|id)=["']?(?P<name>[\w:.-]{1,128})["']?(?:\s[^<>]{0,128}?)?"""
    r"""\svalue=["'](?P<value>[^"'<>]{1,512})(?:["']|\Z)"""
)
ATTRIBUTES_BACK = re.compile(
    r"""(?<![\w-])value=(?P<mark>["'])(?P<value>[^"'<>]{1,128})(?P=mark)(?:\s[^<>]{0,64}?)?"""
    r"""\s(?:name|id)=["']?(?P<name>[\w:.-]{1,128})["'\s/>]"""
)
"""The value in front of the name: the order of attributes says nothing."""
NEXT_LINE = re.compile(
    r"""(?<![\w-])(?P<name>[\w-]{2,64})(?:\*\*)?[ ]?:(?:\*\*)?[ \t]{0,8}\r?\n(?:[ \t]{0,8}\r?\n)?[ \t>]{0,16}"""
    r"""(?P<value>[^\s"'`,;<>(){}\[\]|#-][^\s"'`<>]{1,126}[^\s"'`<>:])[ \t]{0,8}(?=\r?\n|\Z)"""
)
"""``Password:`` at the end of a line, and a word alone in the next one."""
_TAG = r"\s{0,8}</?[A-Za-z][A-Za-z0-9]{0,10}(?:\s[^<>]{0,128})?/?>"
LABELLED = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{2,64}(?: [\w-]{1,32}){0,2})"
    rf"(?:[ ]?:(?:{_TAG}){{1,4}}|(?:{_TAG}){{1,3}}[ ]?:(?:{_TAG}){{0,3}}"
    r"|</(?:dt|td|th|label|span|strong|b|div)>\s{0,8}<(?:dd|td|span|code|strong|b|div|p)(?:\s[^<>]{0,128})?>)"
    r"\s{0,8}(?P<value>[^<>\s]{3,128})\s{0,8}(?:<|(?<=\s)\Z)"
)
"""``<b>Password:</b> …``, ``Password: <b>…</b>``, ``<dt>Password</dt><dd>…</dd>`` and other elements
side by side."""
ATTRIBUTED = re.compile(
    r"""<[A-Za-z][\w:.-]{0,63}\s(?:[^<>]{0,128}\s)?(?:name|key)=["'](?P<name>[\w:.-]{1,128})["'](?:\s[^<>]{0,128})?>"""
    r"""(?:\s{0,16}<value>)?\s{0,16}(?P<value>[^<>\s]{3,512})\s{0,16}</"""
)
"""``<entry name="db.password">…</entry>``."""
PAIRED = re.compile(
    r"""(?<![\w-])(?:name|key)["']?[ ]?[:=][ ]?["']?(?P<name>[\w./-]{1,128})["']?[ \t]{0,8}"""
    r"""(?:,|\r?\n)[ \t]{0,64}["']?value["']?[ ]?[:=][ ]?["']?(?P<value>[^\s"',{}][^\r\n"',{}]{0,510})"""
)
"""``name: DB_PASSWORD`` and ``value: …`` in the next line, or behind a comma."""
CALLED = re.compile(
    r"\((?P<mark>[\"'])(?P<name>[\w.][\w.-]{0,63})(?P=mark),[ ]{0,2}[\"'](?P<value>[^\"'\n]{1,512})(?:[\"']|\Z)"
)
"""``define('DB_PASSWORD', '…')``."""
BRACKETED = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]{2,64})["'`]?(?:=>?|:)[ ]?"""
    r"""\[(?![\d:.-]+\])(?P<value>[^\s"'`\[\](){}<>,;|*^$\\]{4,256})\](?![\w{+*?\[(])"""
)
"""``X-Api-Key=[…]``, as programs print a list with one value. A pattern has a set and its count."""
IN_LIST = re.compile(
    r"(?<![\w-])--(?P<name>[A-Za-z][\w-]{1,64}),[ \t]{1,4}"
    r"(?P<value>[^\s\"'`,\[\](){}<>-][^\s\"'`,\[\](){}<>]{2,255})(?=[,\]])"
)
"""``[run, --password, …]`` of YAML."""
OPTION = re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,64}) (?P<value>[^\s\"'`-][^\s\"'`]{1,255})")
SAID = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{2,64}(?: [\w-]{1,32}){0,2}) (?:is|was|ist|lautet|est|es|è|jest|é) ?[:=]?"
    r"[ ]{0,2}[\"'`]?(?P<value>[^\s\"'`]{2,127}[^\s\"'`.,;:!?)])"
)
"""``the password for bob is …``, ``le mot de passe est …``."""
FOLLOWED = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{2,64}) (?P<mark>[\"'`]?)"
    r"(?P<value>(?=[^\s\"'`]{0,64}[0-9])(?=[^\s\"'`]{0,64}[A-Za-z])"
    r"[^\s\"'`,;:=<>(){}\[\]|*/-][^\s\"'`,;=<>(){}\[\]|]{4,126}[^\s\"'`,;:=<>(){}\[\]|.!?])"
    r"(?P=mark)(?=[.,;:!?)]{0,2}(?:\s|\Z))"
)
"""A password right behind its name, as commands, settings and people say it: ``set password hunter2``."""
NO_PASSWORD = re.compile(
    r"(?:md|sha|hmac|utf|aes|rsa|des|blake|ripemd|argon|bcrypt|scrypt|pbkdf|oauth|rfc|base|crypt|ntlm|v|ver|version"
    r"|step|option|field|user|test|example|page|chapter|section|part|level|type|rule|policy|form|api|http|tls|ssl)[-_.]?[0-9].*"
    r"|[0-9]+[-.]?(?:[a-z]|[a-z]{2,12})|20[0-9]{2}-.*|[a-z]+(?:[_.][a-z0-9]+)+|[\w-]+\.[a-z]{2,5}|(?:[0-9a-f]{8}-).*"
    r"|[0-9a-f]{7,64}|[0-9a-z.-]*-[0-9]+|.*@.*\..*|[a-z0-9.-]+:[0-9]{2,5}(?:/.*)?",
    re.IGNORECASE,
)
"""Words behind ``password`` that are none: a method, a version, a time, the name of a field, a host, an id."""
CODE = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)+|[A-Za-z_$][\w$.]*(?:\(|\[).*"
    r"|(?:str|string|text|bool|boolean|int|integer|number|bytes|any|object|optional|required|input|env|secret|password"
    r"|passwd|char|varchar|hidden|type|default|self|this|const|let|var|return|null|nil|none|undefined|unset|empty)\??",
    re.IGNORECASE,
)
"""Bare words behind a sign that are code, or say of which kind a value is."""
BEHIND_ASSIGNED = re.compile(
    r"""[\w./$-]{0,128}(?: [\w-]{1,32}){0,2}(?:\\{0,3}["'`])?\]?(?:\*\*)?[ \t]{0,8}[:=]"""
)
"""Matches where the last character of a word is, or the one behind it, if the word is in such a name."""
OF_NAME = re.compile(r"[\w./$-]*")
FOLLOWS_ASSIGNED = "\\\"'`]* \t:="
"""See ``Naming.follows``."""
NAME_BACKWARDS = re.compile(
    r"(.?[\w./$-]{0,128}(?![\w./$-]))(?:( [\w./$-]{1,128}(?![\w./$-]))( [\w./$-]{1,128}(?![\w./$-]))?)?", re.DOTALL
)
NAME_OF_WORDS = 200
"""Characters in which a name of three words begins, with the character behind its word."""
ALONE_ON_LINE = re.compile(
    r"(?:^|\n)[ \t]*(?:-[ \t]+|export[ \t]+|set[ \t]+|ENV[ \t]+|ARG[ \t]+)?\Z", re.IGNORECASE
)
BEFORE_WORD, BEHIND_WORD = 256, 1_024
"""Characters before and behind the end of a word between which a name, its mark and its value lie."""
OTHER_VALUE = re.compile(r"[\w-][:=]|[{}()\[\]<>|]| #")
"""Another name with a value, code, or a comment in the rest of a line."""
NEXT_FIELD = re.compile(r" [A-Z]\w{0,64}:[^\s:]|\}")
"""Stands behind a field as Go prints it: ``{User:bob Password:… Port:80}``."""
QUOTES = "\"'"
LINE_LONGEST = 512
LINE_NEAR = 64
"""Characters before a name in which its line may begin."""
Accepts = Callable[[str, str], bool]
"""Take a name and its value; return whether the value may be one."""


def find(words: Words, accepts: Accepts, text: str, keys: str) -> Ranges:
    """Yield the whole text if its own name tells, or the values in it that have such a name beside them."""
    name = last_name(keys)
    if words.tell(name) or words.tell_below(keys):
        if len(text) <= LONGEST and accepts(name, text):
            yield 0, len(text)
            return
        if ADDRESS not in text:
            return
    elif accepts is is_secret and words.is_switch(name) and len(text) <= LONGEST and is_under_switch(name, text):
        yield 0, len(text)
        return
    yield from _in_text(words, accepts, text)


def _in_text(words: Words, accepts: Accepts, text: str) -> Ranges:
    near = _Near(words.ends(text), text)
    for match in near.assigned():
        name = match["name"]
        is_told = words.tell(name)
        is_switch = not is_told and accepts is is_secret and words.is_switch(name)
        if (is_told or is_switch) and not NUMBER_BEHIND.search(name):
            start, end = _quoted(text, match) if match["open"] else _bare(text, match, accepts)
            value = text[start:end]
            if is_switch and not is_under_switch(name, value):
                continue
            if accepts(name, value) and (match["open"] or _is_written(text, match, value)):
                near.read = max(near.read, end)
                yield start, end
    for name, value, span in _marked(near):
        if words.tell(name) and accepts(name, value):
            yield span
    yield from _behind_names(near, words, accepts)
    yield from _in_blocks(near, words, accepts)


def _behind_names(near: "_Near", words: Words, accepts: Accepts) -> Ranges:
    """Yield values behind names without a sign of assignment: they have to look made."""
    for pattern in _BEHIND_NAMES:
        for match in near.matches(pattern):
            if (
                _is_told(words, match["name"])
                and accepts(match["name"], match["value"])
                and _looks_made(match["value"])
            ):
                yield match.span("value")
    for match in near.matches(_FOLLOWED) if accepts is is_secret else ():
        name, value = match["name"], match["value"]
        is_one = is_secret(name, value) and not NO_PASSWORD.fullmatch(value) and not CODE.fullmatch(value)
        if words.tell(name) and is_of_passwords(name) and is_one:
            yield match.span("value")


def _is_told(words: Words, name: str) -> bool:
    """Return whether words in front of a value tell: together, ``mot de passe``, or the last one."""
    return words.tell(name) or (" " in name and words.tell(name.rpartition(" ")[2]))


def _in_blocks(near: "_Near", words: Words, accepts: Accepts) -> Ranges:
    """Yield the values of blocks whose name tells."""
    for block in named_blocks(near, words) if may_have_block(near.text) else ():
        for found in block.values(words):
            if accepts(found.name, found.value.text) and _is_of_block(block, found):
                yield found.value.start, found.value.end


def _blocks(words: Words, text: str) -> Ranges:
    """Yield the ranges of the blocks in a text whose name tells."""
    if may_have_block(text):
        yield from ((block.start, block.end) for block in named_blocks(_Near(words.ends(text), text), words))


def _is_of_block(block: Block, found: NamedValue) -> bool:
    """Return whether a value in a block is one, and neither code nor prose."""
    value = found.value
    if value.is_quoted and not found.in_list:
        return True
    if is_name_of_secret(found.name, value.text):
        return False
    if value.is_quoted:
        return True
    is_made = _looks_made(value.text)
    if not block.takes_bare or CODE.fullmatch(value.text):
        return False
    if found.in_list or _is_prose(block.name):
        says_passwords = is_of_passwords(block.name) and is_plural(block.name) and not _is_prose(block.name)
        return " " not in value.text and (is_made or says_passwords)
    return True


def _is_prose(name: str) -> bool:
    """Return whether a name is written as in a sentence: ``Password: must be long``."""
    return name[0].isupper() and not name.isupper()


class _Near:
    """The parts of a text that are near a word: only there can a name tell."""

    def __init__(self, ends: list[int], text: str) -> None:
        self.text = text
        self._ends = ends
        self.read = 0
        """The offset to which assigned names are read: no value is looked for within another one."""

    def matches(self, pattern: Naming) -> Iterator[re.Match[str]]:
        """Yield the matches of a pattern with a name in which, or right behind which, a word ends."""
        text, behind, follows = self.text, pattern.behind, pattern.follows
        if pattern.needs not in text:
            return
        ends = [
            last + 1
            for last, char in self._behind
            if (not follows or char in follows) and behind.match(text, last)
        ]
        for first, last in parts_around(ends, BEFORE_WORD, BEHIND_WORD, len(text)):
            for match in pattern.whole.finditer(text, first, last):
                if self._has_word(match.span("name") if match["name"] else match.span("key")):
                    yield match

    @cached_property
    def _behind(self) -> list[tuple[int, str]]:
        """The last character of each word, or the one behind it, and the character behind the rest of its name."""
        text, lasts = self.text, [max(0, end - 1) for end in self._ends]
        rests = [rest.end() if (rest := OF_NAME.match(text, last)) else last for last in lasts]
        return [(last, text[at : at + 1]) for last, at in zip(lasts, rests, strict=True)]

    def _has_word(self, name: tuple[int, int]) -> bool:
        """Return whether a word ends in a name, or right behind it."""
        at = bisect_left(self._ends, name[0])
        return at < len(self._ends) and self._ends[at] <= name[1] + 1

    def assigned(self) -> Iterator[re.Match[str]]:
        """Yield the matches of ``ASSIGNED`` with a name in which, or right behind which, a word ends."""
        text = self.text
        for last, char in self._behind:
            end = last + 1
            if end < self.read or char not in FOLLOWS_ASSIGNED or not BEHIND_ASSIGNED.match(text, last):
                continue
            for start in _starts_of_name(text, end):
                match = ASSIGNED.match(text, start)
                if match is None or end > match.end("name") + 1:
                    continue
                if " " in match["name"] and IN_COLONS.match(text, max(0, start - 2)):
                    continue  # User:bob Password:…
                self.read = match.end("name") + 2
                if match["sign"] == ":" and text.startswith("${", max(0, start - 2)):
                    break  # ${NAME:-the default}
                if match["sign"] != ":" or start < len("x:") or not IN_COLONS.match(text, start - 2):
                    yield match
                break


def _starts_of_name(text: str, end: int) -> Iterator[int]:
    """Yield where a name of up to three words may begin in which a word ends, the longest name first."""
    before = text[max(0, end - NAME_OF_WORDS) : end][::-1]
    words = NAME_BACKWARDS.match(before)
    ends = [at for at in range(1, 4) if words and words.start(at) >= 0]
    yield from (end - words.end(at) for at in reversed(ends) if words)


_LABELLED = Naming(LABELLED, re.compile(r"[\w-]{0,64}(?: [\w-]{1,32}){0,2}[ ]?:?\s{0,8}<"), "<", " :<\t\n\r\f\v")
_ATTRIBUTED = Naming(ATTRIBUTED, re.compile(r"""[\w:.-]{0,128}["'][^<>]{0,130}>"""), ">", ":\"'")
_PAIRED = Naming(PAIRED, re.compile(r"""[\w./-]{0,128}["']?[ \t]{0,8}[,\r\n]"""), "value", "\"' \t,\r\n")
_TAGGED = Naming(TAGGED, re.compile(r"[^<>]{0,260}[<>]"), "<")
_CALLED = Naming(CALLED, re.compile(r"[\w.-]{0,64}[\"'],"), "(", "\"'")
_ATTRIBUTES = Naming(ATTRIBUTES, re.compile(r"""[\w:.-]{0,128}["']?\s(?:[^<>]{0,130}\s)?value="""), "value=")
_ATTRIBUTES_BACK = Naming(ATTRIBUTES_BACK, re.compile(r"""[\w:.-]{0,128}["'\s/>]"""), "value=")
_OPTION = Naming(OPTION, re.compile(r"[\w-]{0,64} [^\s\"'`-]"), "-", " ")
_BRACKETED = Naming(BRACKETED, re.compile(r"""[\w.-]{0,64}["'`]?(?:=>?|:)[ ]?\[[^\s"'`\[\]]{4}"""), "[", "\"'`=:")
_IN_LIST = Naming(IN_LIST, re.compile(r"[\w-]{0,64},[ \t]{1,4}[^\s\"'`,-]"), " --", ",")
_SAID = Naming(
    SAID, re.compile(r"[\w-]{0,64}(?: [\w-]{1,32}){0,2} (?:is|was|ist|lautet|est|es|è|jest|é)"), follows=" "
)
_FOLLOWED = Naming(
    FOLLOWED, re.compile(r"[\w-]{0,64} [\"'`]?[^\s\"'`,;:=<>(){}\[\]|*/-]{1,64}(?![A-Za-z]*\s)"), follows=" "
)
_NEXT_LINE = Naming(NEXT_LINE, re.compile(r"[\w-]{0,64}(?:\*\*)?[ ]?:(?:\*\*)?[ \t]{0,8}\r?\n"), "\n", "* :")
_BEHIND_NAMES = (_OPTION, _SAID, _NEXT_LINE, _LABELLED, _ATTRIBUTED, _BRACKETED, _IN_LIST)


def _marked(near: _Near) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield names and values in markup, calls of functions and shells, each with the range of the value."""
    for pattern in SHELL:
        for match in near.matches(pattern):
            yield match["name"], match["value"], match.span("value")
    for match in near.matches(_TAGGED):
        group = "value" if match["name"] else "string"
        yield match["name"] or match["key"], match[group], match.span(group)
    for pattern in (_PAIRED, _CALLED, _ATTRIBUTES, _ATTRIBUTES_BACK):
        for match in near.matches(pattern):
            yield match["name"], match["value"], match.span("value")


def _quoted(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Return the range of a quoted value: up to the same quotation mark, or else the end of the line.

    Streamed text may end before the quotation mark.
    """
    start, longest = match.end(), match.end() + LONGEST
    line_end = text.find("\n", start, longest)
    last = line_end if line_end >= 0 else min(longest, len(text))
    end = text.find(match["open"], start, last)
    return start, end if end >= 0 else last


def _bare(text: str, match: re.Match[str], accepts: Accepts) -> tuple[int, int]:
    """Return the range of a bare value: a word, or the rest of a line that consists of a name and its value.

    ``Password: must be long`` is prose, and ``password: two words`` is not. In ``PASSWORD=value command`` a word
    is the value, as it is to a shell. Streamed text may end before the line.
    """
    start, end = match.span("bare")
    mark = text[match.start() - 1 : match.start()]
    if mark in QUOTES and mark and (close := _closing_mark(text, mark, end)) >= 0:
        return start, close
    is_word = match["sign"] == "=" and text[start - 1] == "="  # NAME=value command
    is_prose = accepts is is_secret and (is_word or _is_prose(match["name"]))
    if is_prose or " " in match["name"].strip() or not _begins_line(text, match) or CODE.fullmatch(match["bare"]):
        return start, end
    line_end = text.find("\n", end, end + LINE_LONGEST)
    last = line_end if line_end >= 0 else min(end + LINE_LONGEST, len(text))
    rest = text[end:last]
    if not rest[:1].isspace() or OTHER_VALUE.search(rest):
        return start, end
    stop = start + len(text[start:last].rstrip()) if line_end >= 0 else last
    is_all = accepts is is_secret or accepts(match["name"], text[start:stop])
    return start, stop if is_all else end


def _closing_mark(text: str, mark: str, at: int) -> int:
    """Return the offset of the mark that closes ``'NAME=two words'``; -1 if another value stands before it.

    Streamed text may end before the mark.
    """
    last = min(len(text), at + LINE_LONGEST)
    line_end = text.find("\n", at, last)
    close = text.find(mark, at, line_end if line_end >= 0 else last)
    if close < 0:
        close = last if line_end < 0 and last == len(text) else at
    return close if text[at : at + 1].isspace() and not OTHER_VALUE.search(text, at, close) else -1


def _begins_line(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - LINE_NEAR) : match.start()]
    return (match.start() < LINE_NEAR or "\n" in before) and ALONE_ON_LINE.search(before) is not None


def _is_written(text: str, match: re.Match[str], value: str) -> bool:
    """Return whether a bare value is a value and not code or prose.

    A line of its own, ``NAME=value``, is taken at its word, and so is a value that a mark or the end follows.
    Elsewhere the value must look made.
    """
    if value.startswith("#") and text.startswith("]:", match.end("name")):
        return False  # a reference of Markdown
    end = match.start("bare") + len(value)
    after = text[end : end + 1]
    if CODE.fullmatch(value) or after in ("(", "[", "{"):
        return False
    if _looks_made(value) or (_begins_line(text, match) and after in ("", "\n", "\r", *STOPS)):
        return True
    sign = text[match.end("name") : match.start("bare")]
    if sign == ":" and match["name"][0].isupper() and NEXT_FIELD.match(text, end):
        return True
    if "(" in text[max(0, match.start() - LINE_NEAR) : match.start()]:
        return False  # an argument of a call
    return sign == "=" or after in ("", "\n", "\r", ",", ";", "&", "|", *STOPS)


_MADE = re.compile(r"[0-9]|[a-z][A-Z]|[^\w.,:;!?)-].")


def _looks_made(value: str) -> bool:
    """Return whether a word is none of a language: it has a digit, or a mark or capital inside."""
    return CODE.fullmatch(value) is None and _MADE.search(value) is not None


def is_secret(name: str, text: str) -> bool:
    """Return whether a text may be a secret."""
    small = name.lower()
    is_folder = FOLDER.match(text) is not None and small.endswith("pwd")
    is_other = (small.endswith(ACCESS_KEY) and len(text) == 1) or (
        small.endswith(PHRASE) and WALLET.fullmatch(text) is None
    )
    is_other |= text.isdigit() and small.rstrip("s").endswith(KEY_OF_A_MACHINE)
    variable = text.strip().lower()  # a placeholder, or a variable that is passed on
    is_other |= "_" in variable and small.replace("-", "_").endswith(variable)
    is_other |= small == "pass" and RESULTS.fullmatch(text.strip()) is not None
    is_other |= small.endswith(OF_LOGIN) and LOGIN.fullmatch(text.strip()) is None
    is_other |= len(text) < LONG_FROM.get(joined(name)[-10:], 0)
    is_none = is_folder or is_other or (small.endswith(AUTHORIZATION) and not AUTHORIZES.match(text.strip()))
    if LICENCE.search(small) and SPDX.fullmatch(text.strip()):
        return False
    return not is_none and NOT_A_VALUE.fullmatch(text.strip()) is None


def is_under_switch(name: str, text: str) -> bool:
    """Return whether a text under the name of a switch is a secret all the same: it looks made.

    Routers also call a secret so, which may be any word.
    """
    value = text.strip()
    is_word = NO_PASSWORD.fullmatch(value) is not None and MIXED.match(value) is None
    if is_word or not is_secret(name, value) or value.startswith(("/", ".")):
        return False
    if ROUTERS.match(name) and WORD.fullmatch(value):
        return True
    return MADE_BY_PEOPLE.fullmatch(value) is not None


def is_password_hash(_: str, text: str) -> bool:
    """Return whether a text has the form of a digest in hexadecimals or Base64, or of a modular crypt string."""
    return HASH.fullmatch(text.strip()) is not None


def is_id_of_authorization(name: str, text: str) -> bool:
    """Return whether a value is the id of an authorization: of a payment, not of a caller."""
    return name.lower() in ("authorization", "authorisation") and ID_OF_IT.fullmatch(text) is not None


def is_token(paging: Words, name: str, text: str) -> bool:
    """Return whether a text may be a short token: letters and digits take turns, as in no word and no date."""
    token = text.strip()
    if len(token) > TOKEN_LONGEST:
        return False
    turns = TURNS_LEAST if token in (token.lower(), token.upper()) else TURNS_LEAST - 1
    is_made = TOKEN.fullmatch(token) is not None and len(TURN.findall(token)) >= turns
    return is_made and not paging.tell(name) and is_secret(name, token) and not NO_TOKEN.fullmatch(token)


def is_pin(_: str, text: str) -> bool:
    """Return whether a text is a short number."""
    return PIN_DIGITS.fullmatch(text.strip()) is not None


def is_person(name: str, text: str) -> bool:
    """Return whether a text may be a person's name: it has letters, and is neither a template nor another name."""
    bare = text.strip()
    is_other = NOT_A_VALUE.fullmatch(bare) or NO_PERSON.fullmatch(bare) or NO_NAME.fullmatch(bare)
    is_file = name.lower().endswith(FILE_NAME) and FILE.fullmatch(bare)
    return len(bare) <= PERSON_LONGEST and any(map(str.isalpha, bare)) and not (is_other or is_file)


def is_street(name: str, text: str) -> bool:
    """Return whether a text may be a street or an address: it has letters, and is no template and no code."""
    street = text.strip()
    is_none = NOT_A_VALUE.fullmatch(street) or NO_NAME.fullmatch(street) or street.lower() == name.lower()
    return any(map(str.isalpha, street)) and not (is_none or "_" in street)


def named_values(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Make the detectors of values that their own names tell."""
    secrets, pins = vocabulary.words("password", "secret"), vocabulary.words("pin")
    named = (
        Named(
            "NAMED_SECRET",
            secrets,
            is_secret,
            "a value whose name says secret, as a whole",
            "password",
            "two words!",
        ),
        Named(
            "PASSWORD_HASH",
            vocabulary.words("password_hash"),
            is_password_hash,
            "a digest of a password under its name",
            "password_hash",
            "0123456789abcdef" * 2,
        ),
        Named("NAMED_SECRET", pins, is_pin, "a short number whose name says that it is secret", "pin", "4931"),
        Named(
            "NAMED_SECRET",
            vocabulary.words("token"),
            partial(is_token, vocabulary.words("paging")),
            "a short value under a name for tokens, in which letters and digits take turns",
            "token",
            "x7Kq9mP2",
        ),
        Named(
            "PERSON",
            vocabulary.words("person"),
            is_person,
            "a person's name, as a whole",
            "last_name",
            "Example",
        ),
        Named(
            "STREET_ADDRESS",
            vocabulary.words("address"),
            is_street,
            "an address, as a whole",
            "street",
            "1 Elm St",
        ),
    )
    return tuple(map(named_detector, named))


class Named(NamedTuple):
    """One entity whose values only their names tell."""

    entity: str
    words: Words
    accepts: Accepts
    meaning: str
    key: str
    example: str


def named_detector(named: Named) -> Detector:
    """Make the detector of values that only their names tell."""
    return Detector(
        named.entity,
        (*named.words.hints, *named.words.hints_below, *OF_OBJECTS.get(named.key, ())),
        1,
        partial(find, named.words, named.accepts),
        prefilter_shortest=3,
        uses_context=True,
        names=_or_switch(named.words) if named.accepts is is_secret else named.words.tell,
        names_below=named.words.may_tell_below if named.words.hints_below else None,
        unbroken=partial(_blocks, named.words),
        is_generic=True,
        meaning=named.meaning,
        proof="name",
        example=named.example,
        example_key=named.key,
    )


def _or_switch(words: Words) -> Callable[[str], bool]:
    return lambda name: words.tell(name) or words.is_switch(name)
