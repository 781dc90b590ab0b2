"""Render Envoy's configuration from the settings."""
