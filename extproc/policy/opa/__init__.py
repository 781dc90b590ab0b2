"""Rego in an OPA server."""
