"""``docs/reference/openapi.json``: the API's description, as the port serves it."""

import json
import time
from typing import Any

from extproc.config.schema import Settings
from extproc.console.api import make_api
from extproc.console.openapi_document import openapi_document
from extproc.settings.control import ControlSettings
from extproc.settings.identity import IdentitySettings

NOBODY: Any = None
"""Stands for the stores and services: describing the routes asks none of them."""
NONE = IdentitySettings.model_construct(providers={})
"""No provider: nobody calls."""


def render_reference() -> str:
    """Return the document as JSON text."""
    api = make_api(
        desk=NOBODY,
        pins=NOBODY,
        reader=NOBODY,
        authenticator=NOBODY,
        clock=time.time_ns,
        settings=Settings.model_construct(version=1, identity=NONE, connections={}, control=ControlSettings()),
    )
    return json.dumps(openapi_document(api), indent=2) + "\n"
