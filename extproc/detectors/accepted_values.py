"""Tells whether a value may be what its name says: a secret, a token, a person's name, a street."""

import re
from collections.abc import Callable
from functools import lru_cache

from extproc.detectors.vocabulary.names import NAMES_CACHED
from extproc.detectors.vocabulary.words import Words

NO_DATA = re.compile(
    r"string|null|none|true|false|unknown|n/a|(?:(?:no|exact|high|low|partial|high[ _]partial)[ _])?match(?:ed)?"
    r"|mismatch|not[ _]provided|keyword",
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
QUALIFIED, WORD_ALONE = re.compile(r"full[ _-]?name\Z", re.IGNORECASE), re.compile(r"[a-z][a-z0-9]*")
"""``full_name`` is the whole path of a field, too: ``name``, ``company.name``."""
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
    r"(?:(?:bearer|basic|token|api-?key|digest|negotiate)\s{1,4})?(?:"
    r"[0-9]+ bytes?|\$\{?[A-Z_]+\}?/\S*|(?:[0-9a-f]{2}:){15,31}[0-9a-f]{2}|SHA256:[\w+/]{43}=?"
    r"|(?:ssh|ecdsa)-[\w@.-]+ AAAA[\w+/=]+(?: .*)?"
    r"|\s*|\\{1,2}n|\[\s*\]|\{\s*\}|[0-9]{1,3}|[a-z][a-z0-9+.-]{1,20}://\S*|(?:arn|urn|orn|crn|env):\S+|projects/[^/\s]+/secrets/\S*"
    r"|(?:vault|ssm|awssm|gcpsm|secretref|ref\+[a-z0-9]{2,20}):[\w./#@-]+|@Microsoft\.KeyVault\([^()]*\)|inherit"
    r"|\$\{[a-z_][a-z0-9_.]*\}|\$?\{\{[^{}]*\}\}|\{[a-z_]+\}|\#\{[^{}]*\}|%[a-z_]\w*%"
    r"|\${1,2}\([^()]*\)|(?-i:\$\(?(?:[A-Z_][A-Z0-9_]*|[a-z_]+)\)?)|<[a-z _*-]*>|\[[*]+\]"
    r"|\u2039[^\u2039\u203a<>]{0,40}[\u203a>]?"
    r"|(?:<[a-z_ -]{1,40}>|&lt;[a-z_ -]{1,40}&gt;|\{[a-z_ -]{1,40}\})(?:[.,]?\s{0,2}[a-z]{1,12}\.?){0,3}|string"
    r"|/(?:[a-z]{3,24}|v[0-9]|20[0-9]{2}-[0-9]{2}-[0-9]{2})/[\w./{}$:-]*"
    r"|(?:must|should|needs? to|has to|may not|cannot|can't|is (?:too|not|required|invalid|missing|wrong|already))"
    r" [\w ()',.-]{4,200}|is (?:required|invalid|missing)\.?"
    r"|not[ _]?configured|(?:un)?verified|enabled|disabled|true|false|yes|no|on|off|null|none|nil|undefined|n/?a"
    r"|=+|[*•]+.{0,4}|x{3,}|[.]{3}|-+|\#+|%[-+0-9.\#]{0,4}[a-z](?:\\n)?|read|write|[0-9]{1,6}/[0-9]{1,6}"
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
SPDX = re.compile(
    r"mit|isc|zlib|unlicense|wtfpl|ncsa|postgresql|none|proprietary|0bsd"
    r"|(?:apache|[al]?gpl|mpl|epl|eupl|bsd|bsl|cc0|cc-by(?:-[a-z]{2}){0,2}|artistic|ms-pl|ofl|osl|ecl)"
    r"(?:[-_ v]*[0-9.]+)?(?:-(?:clause|only|or-later|[a-z]+)){0,3}",
    re.IGNORECASE,
)
"""The name of a public licence (SPDX License List): ``license_key: mit``."""
ID_OF_IT = re.compile(r"i?auth_[0-9A-Za-z]{8,}")
FOLDER = re.compile(r"[.~]{0,2}/")
"""The variables of a shell that are called PWD and OLDPWD hold folders."""
RESULTS = re.compile(
    r"all|any|some|most|none|partly|partial(?:ly)?|pass(?:ed)?|failed|failures?|fail|ok|first|second|final"
    r"|[0-9]{1,6} of [0-9]{1,6}",
    re.IGNORECASE,
)
"""Values of ``pass`` that say which tests passed."""
LOGIN = re.compile(r"[^\s:/]{1,128}:\S+|(?:basic|bearer) \S+", re.IGNORECASE)
WALLET = re.compile(r"\W*[^\W\d_]+(?:[\s,]{1,3}[^\W\d_]+){11,}\W*")
"""Twelve words at least (BIP 39)."""
OTHERS: tuple[tuple[re.Pattern[str], Callable[[str], object]], ...] = (
    (re.compile(r"pwd\Z"), FOLDER.match),
    (re.compile(r"accesskey\Z"), lambda text: len(text) == 1),
    (re.compile(r"mnemonic\Z"), lambda text: WALLET.fullmatch(text) is None),
    (re.compile(r"ssh[_-]?keys*\Z"), str.isdigit),
    (re.compile(r"\Apass\Z"), lambda text: RESULTS.fullmatch(text.strip())),
    (re.compile(r"(?:proxy|http)[_-]?auth\Z"), lambda text: LOGIN.fullmatch(text.strip()) is None),
    (re.compile(r"authori[sz]ation\Z"), lambda text: AUTHORIZES.match(text.strip()) is None),
    (re.compile(r"licen[cs]e"), lambda text: SPDX.fullmatch(text.strip())),
    (re.compile(r"device[^a-z0-9]*code[^a-z0-9]*\Z"), lambda text: len(text) < LONG_FROM),
)
"""Names, in small letters, that also name something else, and what tells it. An attribute of HTML for a key of the
keyboard, the words of a wallet, the number of a key at a cloud, the method of a login, a short code (RFC 8628)."""
LONG_FROM = 20
"""Fewest characters of a ``device_code``."""
MADE_BY_PEOPLE = re.compile(r"(?=\S*[A-Za-z])(?:(?=\S*[0-9])|(?=\S*[!@#$%^&*+=~?]\S))[^\s<>{}()\[\]]{4,}")
"""A word with a digit or a mark inside, as a switch and the label of a button have none."""
MIXED = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[^.]{8,}\Z")
"""Letters of both cases and a digit, as in no method, version or name of a field."""
ROUTERS = re.compile("enable[_-]?(?:password|secret)", re.IGNORECASE)
WORD = re.compile(
    r"(?!(?:always|never|optional|required|automatic|auto|default|manual|both|only|prompt|ask|allow(?:ed)?|deny|denied"
    r"|disabled?|enabled?|all|some|any|user|admin|login|local|remote|strict|active|inactive)\Z)[a-z]{4,64}"
)
"""A password behind ``enable password`` in the configuration of a router: a word that is none for a switch."""
HASH = re.compile(
    r"(?:\{[A-Z0-9-]{2,12}\}|(?:md5|sha-?[0-9]{1,3})[:$]|0x)?(?:[0-9a-fA-F]{32}(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{24}"
    r"|[0-9a-fA-F]{32}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96})?(?:[:$][^\s:$]{1,128})?"
    r"|(?=[^0-9]*[0-9])(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[A-Za-z0-9+/_-]{20,256}={0,2})|\$\S{1,16}\$\S{8,}"
)
"""MD5 and the SHA families in hexadecimals, perhaps with a salt; RFC 2307's schemes; Base64; crypt(5)."""
NO_PASSWORD = re.compile(
    r"(?:md|sha|hmac|utf|aes|rsa|des|blake|ripemd|argon|bcrypt|scrypt|pbkdf|oauth|rfc|base|crypt|ntlm|v|ver|version"
    r"|step|option|field|user|test|example|page|chapter|section|part|level|type|rule|policy|form|api|http|tls|ssl)[-_.]?[0-9].*"
    r"|[0-9]+[-.]?(?:[a-z]|[a-z]{2,12})|20[0-9]{2}-.*|[a-z]+(?:[_.][a-z0-9]+)+|[\w-]+\.[a-z]{2,5}|(?:[0-9a-f]{8}-).*"
    r"|[0-9a-f]{7,64}|[0-9a-z.-]*-[0-9]+|.*@.*\..*|[a-z0-9.-]+:[0-9]{2,5}(?:/.*)?",
    re.IGNORECASE,
)
"""Words behind ``password`` that are none: a method, a version, a time, the name of a field, a host, an id."""


def is_secret(name: str, text: str) -> bool:
    """Return whether a text may be a secret."""
    small, value = name.lower(), text.strip()
    variable = value.lower()
    if "_" in variable and small.replace("-", "_").endswith(variable):
        return False  # a placeholder, or a variable that is passed on
    return NOT_A_VALUE.fullmatch(value) is None and not any(is_other(text) for is_other in _others(small))


@lru_cache(NAMES_CACHED)
def _others(name: str) -> tuple[Callable[[str], object], ...]:
    """Return what tells values under a name in small letters from secrets."""
    return tuple(is_other for names, is_other in OTHERS if names.search(name))


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
    is_other = NOT_A_VALUE.fullmatch(bare) or NO_PERSON.fullmatch(bare) or NO_DATA.fullmatch(bare)
    is_file = name.lower().endswith(FILE_NAME) and FILE.fullmatch(bare)
    is_path = QUALIFIED.search(name) is not None and WORD_ALONE.fullmatch(bare)
    return len(bare) <= PERSON_LONGEST and any(map(str.isalpha, bare)) and not (is_other or is_file or is_path)


def is_street(name: str, text: str) -> bool:
    """Return whether a text may be a street or an address: it has letters, and is no template and no code."""
    street = text.strip()
    is_none = NOT_A_VALUE.fullmatch(street) or NO_DATA.fullmatch(street) or street.lower() == name.lower()
    return any(map(str.isalpha, street)) and not (is_none or "_" in street)
