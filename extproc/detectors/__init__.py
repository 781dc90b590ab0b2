"""Detectors: they find entities in text, one small module per entity."""
