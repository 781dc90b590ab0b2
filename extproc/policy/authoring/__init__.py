"""Tools for policy authors: traces, replay, test reports."""
