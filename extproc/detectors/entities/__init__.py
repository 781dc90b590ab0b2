"""Detectors, one file per entity."""
