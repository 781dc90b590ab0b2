"""Blocks of text under a name: indented lines, brackets, sections, elements of markup. Each is read as a tree."""
