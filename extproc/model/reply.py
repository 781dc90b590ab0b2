"""The guard's own HTTP responses, in place of the backend's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response. Holds no value of the call and nothing of the policy."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
