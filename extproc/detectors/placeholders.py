"""Placeholders: text in the place of a secret that is not one."""

import re

_TEMPLATE = re.compile(
    r"\${1,2}[{(].*|\{\{.*|<.*|\u2039.*|\[.*|%\(.*|%\{.*|%[sdv]|\{[\w.-]*\}|%[A-Z_]{2,}%|#\{.*"
    r"|\$[A-Z_][A-Z0-9_]*|\$\w*(?:pass|pwd|secret|token|key|cred)\w*",
)
"""``${X}``, ``$X``, ``$password``, ``{{ x }}``, ``{x}``, ``<x>``, ``[x]``, ``%s``, ``%(x)s``, ``%X%``…"""
_MASKED = re.compile(r"[*•…]+.{0,4}|[xX]{3,}|\.{3,}")
_USERS = frozenset({"user", "username", "usr", "name", "login", "your_username", "my_user", "youruser"})
_PASSWORDS = re.compile(
    r"(?:your|my|the|db|user)?[-_ ]?(?:password|passwd|pass|pwd|pw|secret|key)|password-?here", re.IGNORECASE
)


def is_placeholder(text: str) -> bool:
    """Return whether a text is a template, a variable, or starred: no value."""
    return _TEMPLATE.fullmatch(text) is not None or _MASKED.fullmatch(text) is not None


def is_documentation(user: str, password: str) -> bool:
    """Return whether a password is only the word for it: ``user:password``, ``any:YOUR_PASSWORD``."""
    if not _PASSWORDS.fullmatch(password):
        return False
    return user.lower() in _USERS or password.lower().startswith(("your", "my"))
