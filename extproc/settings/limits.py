"""The ``limits`` section. Every limit has a name, a unit and a default."""

from pydantic import Field

from extproc.settings.base import Seconds, Strict


class LimitSettings(Strict):
    """Every read, buffer and wait has one."""

    request_body: int = Field(1 << 20, ge=1_024, le=64 << 20, description="bytes")
    response_body: int = Field(
        4 << 20,
        ge=1_024,
        le=64 << 20,
        description="bytes, when not streamed; of streamed text: bytes that are held back",
    )
    decoded_ratio: int = Field(20, ge=1, description="a decoded body may be this many times the encoded one")
    json_depth: int = Field(64, ge=4, le=512)
    """How deep JSON may be nested."""
    event: int = Field(1 << 20, ge=1_024, description="bytes of one server-sent event")
    message_timeout: Seconds = 5.0
    """Seconds Envoy waits for each of the guard's answers, holds apart."""
    hold: float = Field(900.0, gt=0, le=3_600, description="longest hold, seconds")
    decision_timeout: Seconds = 1.0
    """Seconds that policy may take to decide."""
    held_calls: int = Field(2_000, ge=1, description="per worker; more are denied")
    held_calls_per_caller: int = Field(100, ge=1, description="per worker, of one issuer and subject")
    drain: Seconds = 30.0
    """Seconds a stopping worker waits for its held and running calls."""
