"""The names of Envoy's upstream clusters. A name stands for one backend: a changed backend has another name.

The route that Envoy chose for a call names its cluster. The guard compares it with the connection that it decides
by: a credential never goes to a backend that it is not meant for, while one of the two has changed already.
"""

import hashlib
import json
import re

from extproc.settings.connection import ConnectionSettings

UPSTREAM = "upstream-"
NAME = re.compile(rf"{UPSTREAM}.+-[0-9a-f]{{12}}")


def upstream_cluster(name: str, connection: ConnectionSettings) -> str:
    """Return the name of a connection's upstream cluster."""
    upstream = connection.upstream
    backend = [upstream.address, upstream.tls, upstream.sni, connection.upstream_http2]
    backend += [upstream.host] if upstream.host else []  # else the name is the one that older versions gave
    return f"{UPSTREAM}{name}-{hashlib.sha256(json.dumps(backend).encode()).hexdigest()[:12]}"


def is_upstream_cluster(name: str) -> bool:
    """Return whether this module has made the name. Other configurations of Envoy have names of their own."""
    return NAME.fullmatch(name) is not None
