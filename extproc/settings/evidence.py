"""The ``evidence`` section."""

from pathlib import Path

from pydantic import Field

from extproc.settings.base import Seconds, Strict, WithoutPassword


class EvidenceSettings(Strict):
    """Where entries go."""

    spool: Path = Path("spool")
    """Folder of the workers' spools, under ``state`` unless absolute. Put it on a durable disk."""
    clickhouse: WithoutPassword = Field(
        "chdb://", pattern=r"^(chdb://|https?://)", description="chdb:// is embedded"
    )
    clickhouse_password_file: Path | None = None
    """File with the password of a ClickHouse server."""
    database: str = Field("extproc", pattern=r"^[a-z_][a-z0-9_]*$")
    """Database of the tables."""
    ship_every: Seconds = 2.0
    """Seconds between shipments from the spool."""
    ship_batch: int = Field(5_000, ge=1, le=100_000)
    """Entries in one shipment at most."""
    relaxed_window: int = Field(1_000, ge=1, description="entries a relaxed connection may have in flight")
    max_spool: int = Field(1 << 30, ge=1 << 20, description="bytes of unshipped entries before calls are denied")
