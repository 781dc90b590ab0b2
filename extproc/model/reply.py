"""The guard's own HTTP responses, in place of the backend's."""

from dataclasses import dataclass

CALL_ID = "x-extproc-call-id"
"""The header field with the call's id: of requests to the backend, its responses, and answers without a body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response. Holds no value of the call and nothing of the policy."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
