"""URLs as a person reads them."""

from urllib.parse import unquote_to_bytes


def readable_url(path: str) -> str:
    """Return a path and query percent-decoded, with what is not UTF-8 replaced."""
    return unquote_to_bytes(path).decode("utf-8", "replace")
