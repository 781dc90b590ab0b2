"""The ``evidence`` section."""

from pathlib import Path

from pydantic import Field

from extproc.settings.base import PathSetting, Seconds, Strict, WithoutPassword


class EvidenceSettings(Strict):
    """The storage of entries."""

    spool: PathSetting = Path("spool")
    """Folder of the workers' spools, under ``state`` unless absolute. It belongs on a durable disk."""
    clickhouse: WithoutPassword = Field(
        "chdb://",
        pattern=r"^(chdb://|https?://)",
        description="URL of a ClickHouse server; chdb:// is the embedded engine",
    )
    clickhouse_password_file: PathSetting | None = None
    """File with the password of a ClickHouse server."""
    database: str = Field("extproc", pattern=r"^[a-z_][a-z0-9_]*$")
    """Database of the tables."""
    ship_every: Seconds = 2.0
    """Seconds between shipments from the spool."""
    ship_batch: int = Field(5_000, ge=1, le=100_000)
    """Most entries in one shipment."""
    relaxed_window: int = Field(1_000, ge=1, description="entries of relaxed connections that may be in flight")
    max_spool: int = Field(
        1 << 30, ge=1 << 20, description="bytes of unshipped entries from which on calls are denied"
    )
