"""The guard in Envoy's data path for AI function calls."""

__version__ = "0.1.0"
