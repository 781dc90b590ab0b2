"""The readings of a request: the guard's own and, where it is another, that of opa-envoy-plugin.

The guard reads more than the plugin: JSON under any content-type of JSON, compressed gRPC messages, ``/a/`` as
``/a``. So a deny rule is not dodged. But an allow rule could let pass here what it does not let pass there. So
policy is asked about both readings, and what it lets pass in both goes on.
"""

from enum import StrEnum

from extproc.model.call import RequestHead

PARSED_TYPES = ("application/json", "application/grpc", "application/x-www-form-urlencoded", "multipart/form-data")
"""Parts of a content-type, in lower case, by which opa-envoy-plugin parses a body. It leaves all others alone."""
GRPC = "application/grpc"


class Reading(StrEnum):
    """Who reads a request."""

    GUARD = "guard"
    PLUGIN = "plugin"


def has_last_empty_segment(path: str) -> bool:
    """True if opa-envoy-plugin sees an empty segment at the path's end, which the guard leaves out."""
    return path.endswith("/") and path.strip("/") != ""


def plugin_parses(content_type: str, body: bytes) -> bool:
    """True if opa-envoy-plugin parses this body; false if ``parsed_body`` is null there.

    Args:
        content_type: the header field's value.
        body: not empty.
    """
    if GRPC in content_type and "application/json" not in content_type:
        return body[0] == 0  # the flag of a compressed message
    return any(each in content_type for each in PARSED_TYPES)


def may_be_read_otherwise(head: RequestHead, body: bytes) -> bool:
    """True if opa-envoy-plugin may read the path or the body of this request in another way. Cheap.

    Args:
        head: the request's head.
        body: the decoded body.
    """
    if has_last_empty_segment(head.path_only):
        return True
    return bool(body) and not plugin_parses(head.headers.get("content-type"), body)
