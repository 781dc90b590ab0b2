"""Rego in this process, evaluated by regorus."""
