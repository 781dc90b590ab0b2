"""The request: read, identified, and rewritten for the backend."""
