"""Envoy's answers to calls that it ends without the guard, in the words that the guard left for each call.

The guard writes the whole answer into dynamic metadata when it lets a call go (``FunctionProtocol.if_cut_off``).
No caller can write there, and Envoy inserts the text as it is: nothing in it is a template.
"""

# mypy does not follow betterproto2 (pyproject.toml), so that enum members look like int to it.
# mypy: disable-error-code="arg-type, assignment"

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from extproc.envoy_config.render.access_logger import not_released
from extproc.envoy_config.render.building_blocks import CUT_OFF, GUARD_METADATA

ANSWER = f"%DYNAMIC_METADATA({GUARD_METADATA}:{CUT_OFF})%"
ANSWERED = 200
"""The status on which clients look for the call that an error is for."""
JSON = "application/json"
LEFT = matcher.ValueMatcher(string_match=matcher.StringMatcher(prefix="{"))
"""Matches the answer, which is a JSON object."""


def local_replies() -> hcm.LocalReplyConfig:
    """Answer so where Envoy replies past the filters: the backend broke off, or its response is too large.

    A reply that the guard has released stays: so do its refusals.
    """
    left = matcher.MetadataMatcher(
        filter=GUARD_METADATA, path=[matcher.MetadataMatcherPathSegment(key=CUT_OFF)], value=LEFT
    )
    both = (accesslog.MetadataFilter(matcher=left, match_if_key_not_found=False), not_released())
    filters = accesslog.AndFilter(filters=[accesslog.AccessLogFilter(metadata_filter=each) for each in both])
    mapper = hcm.ResponseMapper(
        filter=accesslog.AccessLogFilter(and_filter=filters),
        status_code=ANSWERED,
        body_format_override=answer_format(JSON),
    )
    return hcm.LocalReplyConfig(mappers=[mapper])


def answer_format(content_type: str = "") -> core.SubstitutionFormatString:
    """Return the format that is the answer and nothing else."""
    return core.SubstitutionFormatString(
        text_format_source=core.DataSource(inline_string=ANSWER), content_type=content_type
    )
