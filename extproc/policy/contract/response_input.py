"""What policy sees of a response: ``input.response``."""

from dataclasses import dataclass
from typing import Any

from extproc.codecs.content_type import essence
from extproc.codecs.strict_json import parse
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Headers, Json
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.input_headers import shown_headers

NEVER_SHOWN = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "mcp-session-id"})
"""Fields of responses that carry a secret: an engine may log its input, so they are not in it."""


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """A response on its way to the caller, as far as the guard has seen it."""

    status: int
    headers: Headers
    body: bytes = b""
    """Content-encoding undone, and without the backend's credential."""
    findings: tuple[Finding, ...] | None = None
    """What detectors found in all of it; None where they could not look."""
    unseen: Uninspectable | None = None
    """Why there is a body that is not here: it passes piece by piece, or its encoding cannot be undone."""


def response_part(seen: ResponseFacts, *, max_depth: int) -> dict[str, Any]:
    """The object below ``input.response``.

    ``uninspectable`` is there exactly when there is (or will be) a body that policy does not see.
    ``max_depth``: nesting beyond it is not read.
    """
    part: dict[str, Any] = {"status": seen.status, "headers": shown_headers(seen.headers, without=NEVER_SHOWN)}
    part |= {"size": len(seen.body), "body": None}
    if seen.findings is not None:
        part["findings"] = [{"entity": f.entity, "path": f.path, "count": f.count} for f in seen.findings]
    try:
        part["body"] = _document(seen, max_depth)
    except Unreadable as error:
        part["uninspectable"] = error.kind.value
    return part


def _document(seen: ResponseFacts, max_depth: int) -> Json:
    """The body as JSON; None where there is none.

    Raises:
        Unreadable: it is no JSON, or passes unseen.
    """
    if seen.unseen is not None:
        raise Unreadable(seen.unseen)
    if not seen.body:
        return None
    kind = essence(seen.headers.get("content-type"))
    if kind != "application/json" and not kind.endswith("+json"):
        raise Unreadable(Uninspectable.CONTENT_TYPE)
    return parse(seen.body, max_depth=max_depth)
