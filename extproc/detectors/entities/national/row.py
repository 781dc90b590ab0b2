"""A row of the table of national numbers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from extproc.detectors.check_digits import capitals
from extproc.detectors.entities.national.number_checks import Check

BEFORE, BEHIND = r"(?<![0-9A-Za-z_])(?<![0-9][.-])", r"(?![0-9A-Za-z_]|[.-][0-9])"
"""A number stands apart from letters, digits and other parts of a decimal number or a UUID."""


@dataclass(frozen=True)
class Row:
    """One kind of number."""

    entity: str
    form: str
    """Pattern of the number in capitals. Of letters, digits and single separators, without look-around, so that
    Hyperscan understands it as well."""
    check: Check
    """Is given the number in capitals."""
    meaning: str
    example: str
    key: str = ""
    """The example's name; empty if the number is found alone."""
    kinds: tuple[str, ...] = ()
    """Kinds of words, one of which has to stand beside the number. Without any, the number is found alone."""
    proof: str = "check digit"
    source: str = ""
    shortest: int = 8
    """Fewest characters of a number."""
    digits: int = 0
    """The number of digits, if the number consists of digits and is found beside words only; 0: others."""
    prefilter: bytes = b""
    """Expression for Hyperscan that is in the number; empty: the form. Rows may share one."""
    exact: bool = False
    """See ``Detector.exact``. Without saying so, it is true where the prefilter ends with the form."""
    canonical: Callable[[str], str] = capitals
    """See ``Detector.canonical``."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The form, apart from other text; in any case beside a word."""
        flags = re.IGNORECASE | re.ASCII if self.kinds else re.ASCII
        return re.compile(f"{BEFORE}(?:{self.form}){BEHIND}", flags)

    @cached_property
    def whole(self) -> re.Pattern[str]:
        """The form as all of a value, in any case; a blank or two may stand around it."""
        return re.compile(f"\\s{{0,2}}({self.form})\\s{{0,2}}", re.IGNORECASE | re.ASCII)

    def accepts(self, found: str) -> bool:
        """Return whether a text that has the form passes the check."""
        return self.check(found.upper())
