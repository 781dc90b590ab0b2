"""REST-like functions that speak JSON."""
