"""Check any Envoy configuration for known dangers."""
