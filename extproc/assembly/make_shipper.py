"""Make the shipper of evidence, and name the ClickHouse that it ships to."""

from extproc.config.schema import Settings
from extproc.evidence.shipping.clickhouse import ClickHouseClient, Target, connect, create_schema
from extproc.evidence.shipping.shipper import Shipper


def make_target(settings: Settings) -> Target:
    """Return the ClickHouse to which evidence is shipped."""
    evidence = settings.evidence
    folder = settings.state / "clickhouse"
    return Target(evidence.clickhouse, evidence.database, folder, evidence.clickhouse_password_file)


def make_shipper(settings: Settings, target: Target) -> Shipper:
    """Make the one shipper of this machine's spools."""

    def connected() -> ClickHouseClient:
        client = connect(target)
        create_schema(client, target.database)
        return client

    settings.evidence.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Shipper(settings.evidence.spool, connected, target.database, batch=settings.evidence.ship_batch)
