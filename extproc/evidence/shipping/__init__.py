"""Shipping: from the spools to ClickHouse."""
