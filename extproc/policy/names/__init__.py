"""Check the names in policies and their data against the configuration."""
