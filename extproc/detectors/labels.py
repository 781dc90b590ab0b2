"""Labels that masking writes. Detectors never see one: a whole label is neither a value nor context."""

import re
from collections.abc import Collection

OTHERS = frozenset({"FIELD", "REDACTED", "CREDENTIAL"})
"""Names in labels that are not entities."""
_NAME = r"([A-Z][A-Z0-9_]{1,40})"
_LABEL = re.compile(rf"\[{_NAME}\]")
_LETTERS = r"(?![A-Z2-7]{0,12}[2-7]{4})[A-Z][A-Z2-7]{14}[A-Z]"
"""The letters of a pseudonym. There are no four digits in a row, so that a number is not taken for a pseudonym."""
_PSEUDONYM = re.compile(rf"<{_NAME}:[a-z]{{1,8}}[0-9]{{0,3}}:{_LETTERS}>")


class Labels:
    """Hides the labels of known entities: ``[NAME]`` and ``<NAME:key id:16 letters>``. Other names stay text."""

    def __init__(self, entities: Collection[str]) -> None:
        """Make it for the names of all entities that are masked."""
        self._names = frozenset(entities) | OTHERS

    def count(self, text: str) -> int:
        r"""Return the number of labels in a text; if there is none, of those with escaped marks: ``\[NAME\]``."""
        if "[" not in text and "<" not in text:
            return 0
        found = [*_LABEL.finditer(text), *_PSEUDONYM.finditer(text)]
        count = sum(match[1] in self._names for match in found)
        return count if count or "\\" not in text else self.count(text.replace("\\", ""))

    def hide(self, text: str) -> str:
        """Return the text with all of a label but its brackets replaced by stars. Its length stays the same."""
        if "[" in text:
            text = _LABEL.sub(self._starred, text)
        if "<" in text:
            text = _PSEUDONYM.sub(self._starred, text)
        return text

    def _starred(self, label: re.Match[str]) -> str:
        text = label[0]
        return f"{text[0]}{'*' * (len(text) - 2)}{text[-1]}" if label[1] in self._names else text
