"""Names and values in commands of shells, in Dockerfiles and in configurations of servers."""

import re

from extproc.detectors.naming import ANY_LAST, Naming

_NAME = r"(?P<name>[A-Za-z_][\w.-]{0,127})"
_VALUE = (
    r"""(?P<mark>\\?["'])?(?P<value>(?(mark)[^"'\n]{1,512}|[^\s"'`;&|()<>]{1,512}))(?(mark)(?:(?P=mark)|\Z))"""
)
_SETTERS = (
    r"setenv|SetEnv|fastcgi_param|uwsgi_param|proxy_set_header|add_header|setx(?: /[A-Za-z]{1,4}){0,3}"
    r"|set(?: -{1,2}[A-Za-z-]{1,12}){1,4}"
)
SET = Naming(
    re.compile(rf"(?<![\w-])(?:{_SETTERS})[ \t]+{_NAME}[ \t]+{_VALUE}"),
    re.compile(r"[\w.-]{0,128}[ \t]+[^\s=:]"),
    follows=" \t",
    front=re.compile(rf"(?:{_SETTERS})[ \t]+[\w.-]{{0,128}}{ANY_LAST}"),
)
"""``setx NAME value``, ``set -x NAME value`` of fish, ``setenv NAME value``, ``SetEnv NAME value``."""
ENV = Naming(
    re.compile(
        rf"^[ \t]*ENV[ \t]+{_NAME}[ \t]+"
        r"(?P<value>[^\s=](?:[^\n]{0,511}\Z|[^\n]{0,511}?(?=[ \t]*\\?\r?$)))",
        re.MULTILINE,
    ),
    SET.behind,
    needs="ENV",
    follows=SET.follows,
)
"""``ENV NAME the rest of the line`` of a Dockerfile."""
OPTION_QUOTED = Naming(
    re.compile(
        r"""(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,64})[ =](?P<mark>\\?["'])"""
        r"""(?P<value>[^"'\n]{1,512})(?:(?P=mark)|\Z)"""
    ),
    re.compile(r"""[\w-]{0,64}[ =]\\?["']"""),
    needs="-",
    follows=" =",
)
"""``--name 'the value'``."""
LISTED = Naming(
    re.compile(
        r"""(?P<mark>\\{0,3}["'])--?(?P<name>[A-Za-z][\w-]{1,64})(?P=mark),\s{0,64}"""
        r"""(?P=mark)(?P<value>[^\s"'\\-][^\s"'\\]{0,511})(?:(?P=mark)|\Z)"""
    ),
    re.compile(r"""[\w-]{0,64}\\{0,3}["'],"""),
    needs="-",
    follows="\\\"'",
)
"""``["--name", "the value"]``."""
LISTED_BELOW = Naming(
    re.compile(
        r"""-[ \t]{1,8}["']?--?(?P<name>[A-Za-z][\w-]{1,64})["']?[ \t]{0,8}\r?\n[ \t]{0,64}-[ \t]{1,8}"""
        r"""(?P<mark>["'])?(?P<value>(?(mark)[^"'\n]{1,512}|[^\s"'#-][^\s]{0,511}))(?(mark)(?:(?P=mark)|\Z))"""
    ),
    re.compile(r"""[\w-]{0,64}["']?[ \t]{0,8}\r?\n[ \t]{0,64}-[ \t]"""),
    needs="- ",
    follows="\"' \t\r\n",
)
"""``- --name`` and ``- the value`` in the next line."""
OPTIONS = Naming(
    re.compile(
        r"""(?<![\w-])--?(?:[a-z]{1,16}-)?(?:name|key|Name|Key|id)[ =]["']?(?P<name>[\w./-]{1,128})["']?"""
        rf"""(?: [^\n;|&]{{0,200}}?)? --?(?:[a-z]{{1,16}}-)?(?:value|Value|body|string)[ =]{_VALUE}"""
    ),
    re.compile(r"""[\w./-]{0,128}["']? [^\n;|&]{0,200}?--?(?:[a-z]{1,16}-)?(?:value|Value|body|string)[ =]"""),
    needs=" -",
    follows="\"' ",
)
"""``--name NAME … --value VALUE``."""
DEFAULT = Naming(
    re.compile(r"\$\{(?P<name>[A-Za-z_]\w{0,127}):?[-=](?P<value>[^{}\s\"'$][^{}\n\"'$]{0,255})(?:\}|\Z)"),
    re.compile(r"\w{0,128}:?[-=]"),
    needs="${",
)
"""``${NAME:-the default}``."""
DEFAULT_OF_OTHER = Naming(
    re.compile(
        rf"""{_NAME}[ \t]{{0,2}}[:=][ \t]{{0,2}}["']?\$\{{\w{{1,128}}:?[-=]"""
        r"""(?P<value>[^{}\s"'$][^{}\n"'$]{0,255})"""
        r"(?:\}|\Z)"
    ),
    re.compile(r"""[\w.-]{0,128}[ \t]{0,2}[:=][ \t]{0,2}["']?\$\{"""),
    needs="${",
    follows=" \t:=",
)
"""``NAME=${OTHER:-the default}``."""
POWERSHELL = Naming(
    re.compile(rf"\$\{{env:{_NAME}\}} ?= ?{_VALUE}", re.IGNORECASE),
    re.compile(r"[\w.-]{0,128}\} ?= ?"),
    needs="${",
    follows="}",
)
"""``${env:NAME} = "value"``."""
SHELL = (SET, ENV, OPTION_QUOTED, LISTED, LISTED_BELOW, OPTIONS, DEFAULT, DEFAULT_OF_OTHER, POWERSHELL)
"""All ways, each with groups ``name`` and ``value``."""
