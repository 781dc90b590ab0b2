"""Parsers and writers of wire formats, without I/O. Most of them take their input in pieces."""
