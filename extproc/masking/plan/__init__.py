"""Rules, paths and operators, compiled."""
