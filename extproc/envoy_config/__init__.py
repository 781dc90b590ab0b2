"""Envoy's configuration: rendered from ours, and checked for known dangers."""
