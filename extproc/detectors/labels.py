"""What masks leave. A whole label holds nothing and tells nothing, so detectors never see one."""

import re
from collections.abc import Collection

OTHERS = frozenset({"FIELD", "REDACTED", "CREDENTIAL"})
"""What stands in labels beside entities."""
_NAME = r"([A-Z][A-Z0-9_]{1,40})"
_LABEL = re.compile(rf"\[{_NAME}\]")
_LETTERS = r"(?![A-Z2-7]{0,12}[2-7]{4})[A-Z][A-Z2-7]{14}[A-Z]"
"""Of a pseudonym: no four digits in a row, so that no number is taken for one."""
_PSEUDONYM = re.compile(rf"<{_NAME}:[a-z]{{1,8}}[0-9]{{0,3}}:{_LETTERS}>")


class Labels:
    """Hides the labels of some entities: ``[NAME]`` and ``<NAME:key id:16 letters>``. Others are text."""

    def __init__(self, entities: Collection[str]) -> None:
        """Know the names of all entities that are masked."""
        self._names = frozenset(entities) | OTHERS

    def hidden(self, text: str) -> str:
        """The text, as long as before, with stars for all of a label but its brackets."""
        if "[" in text:
            text = _LABEL.sub(self._stars, text)
        if "<" in text:
            text = _PSEUDONYM.sub(self._stars, text)
        return text

    def _stars(self, label: re.Match[str]) -> str:
        found = label[0]
        return f"{found[0]}{'*' * (len(found) - 2)}{found[-1]}" if label[1] in self._names else found
