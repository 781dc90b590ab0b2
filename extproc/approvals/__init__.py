"""Requests to release one exact call, which people approve or deny."""
