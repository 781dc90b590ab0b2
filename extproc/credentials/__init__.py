"""The backends' credentials: reading them, and removing them from responses."""
