"""The ``limits`` section. Every limit has a name, a unit and a default."""

from pydantic import Field

from extproc.settings.base import Seconds, Strict


class LimitSettings(Strict):
    """Limits of every read, buffer and wait."""

    request_body: int = Field(1 << 20, ge=1_024, le=64 << 20, description="bytes of a request's body")
    response_body: int = Field(
        4 << 20,
        ge=1_024,
        le=64 << 20,
        description="bytes of a response's body that is not streamed; of streamed text: bytes that are held back",
    )
    decoded_ratio: int = Field(
        20, ge=1, description="most bytes of a decoded body, as a multiple of the encoded one"
    )
    json_depth: int = Field(64, ge=4, le=512)
    """Levels of nesting in JSON."""
    event: int = Field(1 << 20, ge=1_024, description="bytes of one server-sent event")
    message_timeout: Seconds = 5.0
    """Seconds that Envoy waits for each reply of the guard, except during holds."""
    hold: float = Field(900.0, gt=0, le=3_600, description="seconds of the longest hold")
    decision_timeout: Seconds = 1.0
    """Seconds that policy may take to decide."""
    held_calls: int = Field(2_000, ge=1, description="held calls per worker; more are denied")
    held_calls_per_caller: int = Field(
        100, ge=1, description="held calls of one caller (issuer and subject) per worker; more are denied"
    )
    tickets_per_caller: int = Field(
        100, ge=1, description="requests for approval with a ticket that one caller may have open; more are denied"
    )
    drain: Seconds = 30.0
    """Seconds that a stopping worker waits for its held and running calls."""
