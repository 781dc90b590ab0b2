"""The ``approvals`` section."""

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BeforeValidator, Field

from extproc.settings.base import PathSetting, Seconds, Strict

URL = re.compile(r"postgres(?:ql)?://(?P<authority>[^/?#]*)(?:/[^?#]*)?(?:\?(?P<query>[^#]*))?")
"""A PostgreSQL URL, as libpq reads it: perhaps a user, hosts with their ports, a database, parameters."""
DATABASE_URL = r"^postgres(ql)?://"
DatabaseUrl = Annotated[str, Field(pattern=DATABASE_URL)]
SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
"""Parameters of libpq that would be shown wherever the URL is."""


def _file_or_database(value: Any) -> Any:
    """Refuse what looks like a URL, and is none of a database, or has a password: it is no file name, either."""
    if not isinstance(value, str) or "://" not in value:
        return value
    url = URL.fullmatch(value)
    if not url or any(character.isspace() for character in value):
        raise ValueError("is not a file, and not a URL such as postgresql://extproc@db.example.com/approvals")
    user, _, _ = url["authority"].rpartition("@")
    if ":" in user or SECRETS & {name for name, _ in parse_qsl(url["query"] or "", keep_blank_values=True)}:
        raise ValueError("contains a password: write it to the file that PGPASSFILE names instead")
    return value


class ApprovalsSettings(Strict):
    """The store of held calls."""

    store: Annotated[DatabaseUrl | PathSetting, BeforeValidator(_file_or_database)] = Field(
        Path("approvals.db"),
        description="SQLite file, under `state` unless absolute, which the workers of one machine share; or URL of"
        " a PostgreSQL database, which machines share: `postgresql://user@host/database`, without a password",
    )
    poll: Seconds = 0.1
    """Least seconds between two reads of the store by a worker. With PostgreSQL it reads when something changed,
    and every two seconds."""
    wait: Seconds = 45.0
    """Seconds for which a held caller waits in Envoy before it is told to call again, in mode `auto` of a hold.
    Most clients give up after 60."""
