"""Callers: their identity, and the MCP sessions that belong to them."""
