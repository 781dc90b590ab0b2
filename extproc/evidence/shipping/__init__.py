"""Evidence from the spools to ClickHouse."""
