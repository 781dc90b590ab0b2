"""Callers that Envoy knows by their client certificate alone."""

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from extproc.settings.base import Example, Strict

TRUST_DOMAIN = r"^[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?$"
SPIFFE = re.compile(r"spiffe://([a-z0-9._-]+)((?:/[A-Za-z0-9._-]+)+)")
"""A SPIFFE ID: trust domain and path (SPIFFE-ID, sections 2.1 and 2.2)."""
DOTS = frozenset({".", ".."})
"""No segments of a SPIFFE ID's path: a group of all below ``/ns/shop`` must not have ``/ns/shop/../admin``."""
DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
ALL_BELOW = "/*"


class MtlsSettings(Strict):
    """Callers without a token whose client certificate Envoy has verified.

    Envoy's listener must verify it against your authority: the guard cannot tell whether it was verified.
    """

    trust_domains: Annotated[
        list[Annotated[str, Field(pattern=TRUST_DOMAIN)]], Example("trust_domains: [cluster.local]")
    ] = Field(min_length=1)
    """Accepted trust domains: of `spiffe://cluster.local/ns/shop/sa/web` it is `cluster.local`. A DNS name of a
    certificate must be in one of them. Other certificates are refused."""
    groups: dict[str, list[str]] = Field(
        {},
        description="group → its members' principals, for policy: whole, or with `/*` at the end for all below",
    )

    @field_validator("trust_domains")
    @classmethod
    def _no_dots_alone(cls, domains: list[str]) -> list[str]:
        if any(".." in each for each in domains):
            raise ValueError("a trust domain must not have two dots in a row")
        return domains

    @model_validator(mode="after")
    def _groups_have_members(self) -> "MtlsSettings":
        for group, members in self.groups.items():
            for member in members:
                if not self.trust_domain(member.removesuffix(ALL_BELOW)):
                    raise ValueError(f"group {group!r}: {member!r} is no principal of one of the trust_domains")
        return self

    def trust_domain(self, principal: str) -> str:
        """Return the trust domain of a principal; empty if none of the accepted ones."""
        spiffe = SPIFFE.fullmatch(principal)
        if spiffe:
            is_plain = DOTS.isdisjoint(spiffe[2].split("/"))
            return spiffe[1] if is_plain and spiffe[1] in self.trust_domains else ""
        if not DNS_NAME.fullmatch(principal):
            return ""
        found = [each for each in self.trust_domains if f".{principal}".endswith(f".{each}")]
        return max(found, key=len, default="")

    def groups_of(self, principal: str) -> tuple[str, ...]:
        """Return the groups that a principal is in."""
        return tuple(
            group for group, members in self.groups.items() if any(_is(principal, each) for each in members)
        )


def _is(principal: str, member: str) -> bool:
    if member.endswith(ALL_BELOW):
        return principal.startswith(member.removesuffix("*"))
    return principal == member
