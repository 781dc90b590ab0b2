"""Evidence: entries, the durable spool, and the way to ClickHouse."""
