"""Sections of the configuration file, one module each. ``extproc.config`` puts them together."""
