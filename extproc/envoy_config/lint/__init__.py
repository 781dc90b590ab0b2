"""Checks of any Envoy configuration for known dangers."""
