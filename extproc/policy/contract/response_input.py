"""Build ``input.response``: a response as policy sees it."""

from dataclasses import dataclass
from typing import Any

from extproc.codecs.content_type import essence
from extproc.codecs.strict_json import parse
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Headers, Json
from extproc.model.masking import Finding
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.input_headers import HIDDEN_RESPONSE_HEADERS, shown_headers


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """The facts that the guard has about a response on its way to the caller."""

    status: int
    headers: Headers
    body: bytes = b""
    """The decoded body (content-encoding undone), without the backend's credential."""
    findings: tuple[Finding, ...] | None = None
    """The detectors' findings in the whole response; None if they could not scan it."""
    unseen: Uninspectable | None = None
    """Why there is a body that policy does not see: it is streamed, or its encoding cannot be undone."""
    unsearched: Uninspectable = Uninspectable.NOT_JSON
    """Why the detectors could not scan it, where ``findings`` is None."""


def response_part(
    seen: ResponseFacts, *, max_depth: int, show_headers: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Build the object ``input.response``.

    It has ``uninspectable`` exactly if there is (or will be) a body that policy does not see, or that
    detectors could not scan.

    Args:
        seen: the response.
        max_depth: nesting beyond which a body is not read.
        show_headers: header fields to show although they carry a secret.
    """
    headers = shown_headers(seen.headers, without=HIDDEN_RESPONSE_HEADERS - show_headers)
    part: dict[str, Any] = {"status": seen.status, "headers": headers}
    part |= {"size": len(seen.body), "body": None}
    if seen.findings is not None:
        part["findings"] = [{"entity": f.entity, "path": f.path, "count": f.count} for f in seen.findings]
    try:
        part["body"] = _document(seen, max_depth)
    except Unreadable as error:
        part["uninspectable"] = error.kind.value
    if seen.findings is None:
        part.setdefault("uninspectable", seen.unsearched.value)
    return part


def _document(seen: ResponseFacts, max_depth: int) -> Json:
    """The body as JSON; None if it is empty.

    Raises:
        Unreadable: the body is not JSON, or policy does not see it.
    """
    if seen.unseen is not None:
        raise Unreadable(seen.unseen)
    if not seen.body:
        return None
    kind = essence(seen.headers.get("content-type"))
    if kind != "application/json" and not kind.endswith("+json"):
        raise Unreadable(Uninspectable.CONTENT_TYPE)
    return parse(seen.body, max_depth=max_depth)
