"""Names and values in text: in markup, in calls of functions, in lists, in sentences, and in the next line."""

import re

from extproc.detectors.naming import ANY_LAST, Naming

_TAG = r"\s{0,8}</?[A-Za-z][A-Za-z0-9]{0,10}(?:\s[^<>]{0,128})?/?>"
TAGGED = Naming(
    re.compile(
        r"<(?:\w{0,64}(?:[Kk]ey|[Nn]ame))>(?P<key>[^<>]{1,128})</\w{3,68}>\s{0,64}"
        r"<(?:string|\w{0,64}(?:Value|value))>(?P<string>[^<>]{1,512})"
        r"(?:</|(?<=[\w ])\Z)|<(?P<name>[\w:.-]{1,128})(?:\s[^<>]{0,128})?>"
        r"(?:<!\[CDATA\[)?(?P<value>[^<>]{1,512})(?:(?:\]\]>)?</|(?<=[\w ])\Z)"
    ),
    re.compile(""),
    needs="<",
    front=re.compile(rf"<(?:[\w:.-]{{0,128}}|\w{{0,64}}(?:[Kk]ey|[Nn]ame)>[^<>]{{0,128}}){ANY_LAST}"),
    opens="<",
)
PAIRED = Naming(
    re.compile(
        r"""(?<![\w-])(?:name|key)["']?[ ]?[:=][ ]?["']?(?P<name>[\w./-]{1,128})["']?[ \t]{0,8}"""
        r"""(?:,|\r?\n)[ \t]{0,64}["']?value["']?[ ]?[:=][ ]?["']?(?P<value>[^\s"',{}][^\r\n"',{}]{0,510})"""
    ),
    re.compile(r"""[\w./-]{0,128}["']?[ \t]{0,8}[,\r\n]"""),
    needs="value",
    follows="\"' \t,\r\n",
    front=re.compile(rf"(?:name|key)[\"']?[ ]?[:=][ ]?[\"']?[\w./-]{{0,128}}{ANY_LAST}"),
)
"""``name: DB_PASSWORD`` and ``value: …`` in the next line, or behind a comma."""
CALLED = Naming(
    re.compile(
        r"\((?P<mark>[\"'])(?P<name>[\w.][\w.-]{0,63})(?P=mark),[ ]{0,2}"
        r"[\"'](?P<value>[^\"'\n]{1,512})(?:[\"']|\Z)"
    ),
    re.compile(r"[\w.-]{0,64}[\"'],"),
    needs="(",
    follows="\"'",
)
"""``define('DB_PASSWORD', '…')``."""
ATTRIBUTES = Naming(
    re.compile(
        r"""(?<![\w-])(?:name|key|id)=["']?(?P<name>[\w:.-]{1,128})["']?(?:\s[^<>]{0,128}?)?"""
        r"""\svalue=["'](?P<value>[^"'<>]{1,512})(?:["']|\Z)"""
    ),
    re.compile(r"""[\w:.-]{0,128}["']?\s(?:[^<>]{0,130}\s)?value="""),
    needs="value=",
)
ATTRIBUTES_BACK = Naming(
    re.compile(
        r"""(?<![\w-])value=(?P<mark>["'])(?P<value>[^"'<>]{1,128})(?P=mark)(?:\s[^<>]{0,64}?)?"""
        r"""\s(?:name|id)=["']?(?P<name>[\w:.-]{1,128})["'\s/>]"""
    ),
    re.compile(r"""[\w:.-]{0,128}["'\s/>]"""),
    needs="value=",
)
"""The value in front of the name: the order of attributes says nothing."""
OPTION = Naming(
    re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,64}) (?P<value>[^\s\"'`-][^\s\"'`]{1,255})"),
    re.compile(r"[\w-]{0,64} [^\s\"'`-]"),
    needs="-",
    follows=" ",
    front=re.compile(rf"--?[A-Za-z]?[\w-]{{0,64}}{ANY_LAST}"),
)
SAID = Naming(
    re.compile(
        r"(?<![\w-])(?P<name>[\w-]{2,64}(?: [\w-]{1,32}){0,2}) (?:is|was|ist|lautet|est|es|è|jest|é) ?[:=]?"
        r"[ ]{0,2}[\"'`]?(?P<value>[^\s\"'`]{2,127}[^\s\"'`.,;:!?)])"
    ),
    re.compile(r"[\w-]{0,64}(?: [\w-]{1,32}){0,2} (?:is|was|ist|lautet|est|es|è|jest|é)"),
    follows=" ",
)
"""``the password for bob is …``, ``le mot de passe est …``."""
NEXT_LINE = Naming(
    re.compile(
        r"""(?<![\w-])(?P<name>[\w-]{2,64})(?:\*\*)?[ ]?:(?:\*\*)?[ \t]{0,8}\r?\n"""
        r"""(?:[ \t]{0,8}\r?\n)?[ \t>]{0,16}"""
        r"""(?P<value>[^\s"'`,;<>(){}\[\]|#-][^\s"'`<>]{1,126}[^\s"'`<>:])[ \t]{0,8}(?=\r?\n|\Z)"""
    ),
    re.compile(r"[\w-]{0,64}(?:\*\*)?[ ]?:(?:\*\*)?[ \t]{0,8}\r?\n"),
    needs="\n",
    follows="* :",
)
"""``Password:`` at the end of a line, and a word alone in the next one."""
_BEHIND_LABEL = (
    rf"(?:[ ]?:(?:{_TAG}){{1,4}}|(?:{_TAG}){{1,3}}[ ]?:(?:{_TAG}){{0,3}}"
    r"|</(?:dt|td|th|label|span|strong|b|div)>\s{0,8}<(?:dd|td|span|code|strong|b|div|p)(?:\s[^<>]{0,128})?>)"
)
LABELLED = Naming(
    re.compile(
        r"(?<![\w-])(?P<name>[\w-]{2,64}(?: [\w-]{1,32}){0,2})"
        rf"{_BEHIND_LABEL}"
        r"\s{0,8}(?P<value>[^<>\s]{3,128})\s{0,8}(?:<|(?<=\s)\Z)"
    ),
    re.compile(rf"[\w-]{{0,64}}(?: [\w-]{{1,32}}){{0,2}}{_BEHIND_LABEL}"),
    needs="<",
    follows=" :<\t\n\r\f\v",
)
"""``<b>Password:</b> …``, ``Password: <b>…</b>``, ``<dt>Password</dt><dd>…</dd>`` and other elements
side by side."""
ATTRIBUTED = Naming(
    re.compile(
        r"""<[A-Za-z][\w:.-]{0,63}\s(?:[^<>]{0,128}\s)?(?:name|key)=["'](?P<name>[\w:.-]{1,128})["'](?:\s[^<>]{0,128})?>"""
        r"""(?:\s{0,16}<value>)?\s{0,16}(?P<value>[^<>\s]{3,512})\s{0,16}</"""
    ),
    re.compile(r"""[\w:.-]{0,128}["'][^<>]{0,130}>"""),
    needs=">",
    follows=":\"'",
)
"""``<entry name="db.password">…</entry>``."""
BRACKETED = Naming(
    re.compile(
        r"""(?<![\w.-])(?P<name>[\w.-]{2,64})["'`]?(?:=>?|:)[ ]?"""
        r"""\[(?![\d:.-]+\])(?P<value>[^\s"'`\[\](){}<>,;|*^$\\]{4,256})\](?![\w{+*?\[(])"""
    ),
    re.compile(r"""[\w.-]{0,64}["'`]?(?:=>?|:)[ ]?\[[^\s"'`\[\]]{4}"""),
    needs="[",
    follows="\"'`=:",
)
"""``X-Api-Key=[…]``, as programs print a list with one value. A pattern has a set and its count."""
IN_LIST = Naming(
    re.compile(
        r"(?<![\w-])--(?P<name>[A-Za-z][\w-]{1,64}),[ \t]{1,4}"
        r"(?P<value>[^\s\"'`,\[\](){}<>-][^\s\"'`,\[\](){}<>]{2,255})(?=[,\]])"
    ),
    re.compile(r"[\w-]{0,64},[ \t]{1,4}[^\s\"'`,-]"),
    needs=" --",
    follows=",",
)
"""``[run, --password, …]`` of YAML."""
FOLLOWED = Naming(
    re.compile(
        r"(?<![\w-])(?P<name>[\w-]{2,64}) (?P<mark>[\"'`]?)"
        r"(?P<value>(?=[^\s\"'`]{0,64}[0-9])(?=[^\s\"'`]{0,64}[A-Za-z])"
        r"[^\s\"'`,;:=<>(){}\[\]|*/-][^\s\"'`,;=<>(){}\[\]|]{4,126}[^\s\"'`,;:=<>(){}\[\]|.!?])"
        r"(?P=mark)(?=[.,;:!?)]{0,2}(?:\s|\Z))"
    ),
    re.compile(r"[\w-]{0,64} [\"'`]?[^\s\"'`,;:=<>(){}\[\]|*/-]{1,64}(?![A-Za-z]*\s)"),
    follows=" ",
)
"""A password right behind its name, as commands, settings and people say it: ``set password hunter2``."""
MARKED = (PAIRED, CALLED, ATTRIBUTES, ATTRIBUTES_BACK)
"""Ways in which marks around a name and its value say that they belong together."""
BEHIND_NAMES = (OPTION, SAID, NEXT_LINE, LABELLED, ATTRIBUTED, BRACKETED, IN_LIST)
"""Ways without a mark that says so: the value has to look made."""
