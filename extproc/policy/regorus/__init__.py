"""Rego in this process, by regorus."""
