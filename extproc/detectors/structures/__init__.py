"""Structures of text under a name, read as trees: indented lines, brackets, sections, elements of markup."""
