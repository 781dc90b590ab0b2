"""The plugin's own published cases: requests and policies in its Go tests, read from its source and never kept.

Each request is put to each policy, which is more than its tests do.
"""

import json
import re
from pathlib import Path

from google.protobuf.json_format import ParseError

from tests.opa_envoy.corpus import Asked, Policy, claims, from_json

HOST = "shop.example.com"
QUOTED = re.compile(r"`([^`]*)`")
NAMED = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)
RULE = re.compile(r"^\s*(?:default\s+)?(allow|result)\b", re.MULTILINE)


def read_cases(source: Path) -> tuple[list[Policy], list[Asked]]:
    """Return the policies and requests.

    Args:
        source: the folder with the plugin's source.
    """
    policies, requests = {}, {}
    for file in sorted(source.glob("*/*_test.go")):
        for number, text in enumerate(QUOTED.findall(file.read_text())):
            name = f"{file.stem}-{number}"
            if NAMED.search(text):
                policies.setdefault(text, _policy(name, text))
            elif asked := _request(name, text):
                requests.setdefault(text, asked)
    return list(policies.values()), list(requests.values())


def _policy(name: str, text: str) -> Policy:
    package = NAMED.findall(text)[0].replace(".", "/")
    rule = RULE.search(text)
    return Policy(name, f"# path: {package}/{rule[1] if rule else 'allow'}\n{text}")


def _request(name: str, text: str) -> Asked | None:
    try:
        json.loads(text)
        asked = from_json(name, text)
    except (ValueError, ParseError):
        return None
    if not asked.http.ByteSize():
        return None
    _complete(asked)
    return asked


def _complete(asked: Asked) -> None:
    """Add what Envoy always sends, and a verified token, where the test has left it out."""
    http = asked.http
    http.method, http.path = http.method or "POST", http.path or "/"
    http.host, http.scheme = HOST, http.scheme or "http"
    http.headers.update({":authority": HOST, ":method": http.method, ":path": http.path, ":scheme": http.scheme})
    verified = asked.check.attributes.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"]
    verified.update({"claims": claims(["support"])})
