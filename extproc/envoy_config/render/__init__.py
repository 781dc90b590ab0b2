"""Envoy's configuration, rendered from the settings."""
