"""Caller-controlled text, made safe for chats, e-mails and terminals. Pure functions.

A caller chooses arguments, and perhaps names; an agent may have been told to choose them so that approvers are
misled. In a message such text must show as itself: it mentions nobody, links to nothing, and begins no line.
"""

from extproc.model.visible_text import printable

CUT = "…"
LOOKALIKES = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "&": "\uff06",
        "@": "\uff20",
        "`": "\u02cb",
        "*": "\u2217",
        "~": "\u223c",
        "|": "\u00a6",
        "[": "\uff3b",
        "]": "\uff3d",
        "#": "\uff03",
    }
)
"""Characters that begin markup, mentions or links in some service, and characters that look like them.

Sources: Slack "Formatting text for app surfaces", CommonMark 0.31, Discord "Message formatting", HTML."""
NOT_A_LINK = (("://", ":\u2044\u2044"), ("www.", "www\u2024"), ("WWW.", "WWW\u2024"))
"""Beginnings of text that clients turn into links by themselves."""


def one_line(text: str, most: int) -> str:
    """Return the text in one line of at most ``most`` characters; characters that hide or steer are escaped."""
    shown = printable(text)
    return shown if len(shown) <= most else shown[: most - 1] + CUT


def is_cut(text: str, most: int) -> bool:
    """Return whether ``one_line`` and ``defused`` show the beginning only. Escapes count in full length."""
    return len(printable(text)) > most


def defused(text: str, most: int) -> str:
    """Return the text for services of unknown markup: as ``one_line``, with lookalikes in place of markup."""
    shown = one_line(text, most).translate(LOOKALIKES)
    for begins, instead in NOT_A_LINK:
        shown = shown.replace(begins, instead)
    return shown


def slack_escaped(text: str) -> str:
    """Return the text with the three characters escaped that Slack's mrkdwn reads.

    Source: Slack, "Formatting text for app surfaces", "Escaping text".
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def person(name: str) -> str:
    """Return who ``Identity.name`` is, for people: the subject, and the host of the issuer."""
    issuer, bar, subject = name.partition("|")
    if not bar:
        return name
    host = issuer.partition("://")[2].partition("/")[0] or issuer
    return f"{subject} ({host})"


def time_left(now_ns: int, expires_ns: int) -> str:
    """Return how long an approval can still be decided: ``14 min 30 s``."""
    seconds = max(0, expires_ns - now_ns) // 1_000_000_000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "none"
