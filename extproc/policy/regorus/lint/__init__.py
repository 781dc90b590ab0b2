"""Constructs that regorus accepts and must not."""
