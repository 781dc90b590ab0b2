"""The numbering plans of all countries: which digits are a phone number (ITU-T E.164).

The plans are those of the package ``phonenumbers``. Its own parser takes 40 microseconds for each number; here a
plan is one expression and a set of lengths for each region.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata

NON_GEOGRAPHIC = "001"
"""The package's name for the region of codes that no country has: +800, +881…"""
CODE_LONGEST = 3
"""E.164 section 6.2.1."""
NORTH_AMERICA, NORTH_AMERICAN = "1", 10
"""The country code of North America, where all numbers that can be called from abroad have ten digits."""


class Plan(NamedTuple):
    """The numbers of one region, without country code and trunk prefix."""

    lengths: frozenset[int]
    form: re.Pattern[str]
    trunk: str
    """Digits before a national number that are not dialled from abroad; empty: none."""

    def has(self, digits: str) -> bool:
        """Return whether these digits are a number of the region, of any kind."""
        return len(digits) in self.lengths and self.form.fullmatch(digits) is not None


@lru_cache(maxsize=512)
def plan_of(region: str) -> Plan:
    """Return the plan of a region.

    Args:
        region: its code (ISO 3166-1 alpha-2) in capitals.

    Raises:
        ValueError: there is no such region.
    """
    plan = _plan(PhoneMetadata.metadata_for_region(region)) if region in SUPPORTED_REGIONS else None
    if plan is None:
        raise ValueError(f"{region!r} is not a region with a numbering plan: write DE, GB or US")
    return plan


@lru_cache(maxsize=512)
def _plans(code: str) -> tuple[Plan, ...]:
    """Return the plans of a country code; none if there is no such code."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    if regions == (NON_GEOGRAPHIC,):
        plan = _plan(PhoneMetadata.metadata_for_nongeo_region(int(code)))
        return (plan,) if plan else ()
    return tuple(map(plan_of, regions))


def _plan(metadata: PhoneMetadata | None) -> Plan | None:
    general = metadata.general_desc if metadata else None
    if not metadata or not general or not general.national_number_pattern:
        return None
    form = re.compile(general.national_number_pattern)
    return Plan(frozenset(general.possible_length), form, metadata.national_prefix or "")


def is_number(digits: str) -> bool:
    """Return whether digits with a country code are a number of one of its regions."""
    plans, rest = _split(digits)
    return any(plan.has(rest) for plan in plans)


def has_length(digits: str) -> bool:
    """Return whether digits begin with a country code and have the length of one of its numbers."""
    plans, rest = _split(digits)
    return any(len(rest) in plan.lengths for plan in plans)


def is_national(digits: str, region: str) -> bool:
    """Return whether digits, with or without trunk prefix, are a number of a region."""
    plan = plan_of(region)
    return plan.has(digits.removeprefix(plan.trunk)) or plan.has(digits)


def _split(digits: str) -> tuple[tuple[Plan, ...], str]:
    """Return the plans of the country code with which digits begin, and the rest of them."""
    for length in range(1, CODE_LONGEST + 1):
        code, rest = digits[:length], digits[length:]
        if plans := _plans(code):
            return (plans, rest) if code != NORTH_AMERICA or len(rest) == NORTH_AMERICAN else ((), rest)
    return (), ""
