"""Tools for policy authors: tests, traces, replay."""
