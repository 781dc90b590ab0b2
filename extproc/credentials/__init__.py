"""The backends' credentials."""
