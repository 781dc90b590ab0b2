"""Where clients sign in: OAuth 2.0 protected resource metadata (RFC 9728), for everybody, without a token."""

from typing import Annotated
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, Field

from extproc.settings.base import Example, Strict

WELL_KNOWN = "/.well-known/oauth-protected-resource"
URL = r"^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?$"
"""No query, no fragment, no user, and nothing that could end a quoted string of a header field."""
SCOPE = r"^[!#-\[\]-~]+$"
"""A scope's name (RFC 6749 section 3.3)."""
LOOPBACK = frozenset({"localhost", "127.0.0.1"})


def _secure(url: str) -> str:
    """Refuse HTTP, which anybody on the way could change, but for this machine."""
    if not url.startswith("https://") and urlsplit(url).hostname not in LOOPBACK:
        raise ValueError("must begin with https://, unless it is of this machine")
    return url


SecureUrl = Annotated[str, Field(pattern=URL), AfterValidator(_secure)]


class ProtectedResource(Strict):
    """What MCP clients read to sign in, without a token: OAuth 2.0 protected resource metadata (RFC 9728)."""

    resource: Annotated[SecureUrl, Example("resource: https://docs.example.com/mcp")]
    """The URL by which clients know this connection: its public host, and its ``path``."""
    authorization_servers: Annotated[
        list[SecureUrl], Example("authorization_servers: [https://login.example.com]")
    ] = Field(min_length=1)
    """Issuers from which clients get tokens. Tokens of those in ``identity.providers`` are accepted."""
    scopes_supported: list[Annotated[str, Field(pattern=SCOPE)]] = Field([])
    """Scopes that clients may ask for."""

    @property
    def path(self) -> str:
        """The path of the resource's URL."""
        return urlsplit(self.resource).path or "/"

    @property
    def metadata_paths(self) -> tuple[str, ...]:
        """Where the metadata is: at the path of this resource (RFC 9728 section 3.1), and at the host's own."""
        own = "" if self.path == "/" else self.path
        return tuple(dict.fromkeys((WELL_KNOWN + own, WELL_KNOWN)))

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` field of a 401 (RFC 9728 section 5.1)."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.resource))
        return f'Bearer resource_metadata="{origin}{self.metadata_paths[0]}"'

    def metadata(self) -> bytes:
        """Return the metadata document, JSON."""
        return orjson.dumps({**self.model_dump(exclude_defaults=True), "bearer_methods_supported": ["header"]})
