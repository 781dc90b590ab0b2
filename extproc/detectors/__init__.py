"""Text to spans: one small module per entity."""
