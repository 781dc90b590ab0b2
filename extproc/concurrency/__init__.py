"""Helpers for asyncio tasks. Knows nothing of the guard."""
