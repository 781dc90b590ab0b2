"""Incremental bytes to pieces and back, pure."""
