"""Frozen data, the errors and the closed list of reasons. Imports nothing else of extproc."""
