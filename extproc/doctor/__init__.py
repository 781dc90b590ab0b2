"""Checks of an installation: what works, what is dangerous, what is broken, with hints. They change nothing."""
