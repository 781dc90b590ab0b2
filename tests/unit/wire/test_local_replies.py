"""Envoy's own answers get the reason of what happened, and no reason that blames the token of somebody without one."""

import pytest

from extproc.model.call import Headers, ResponseHead
from extproc.wire.local_replies import local_reason


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        (401, "jwt_authn_access_denied{Jwt_is_missing}", "unauthenticated"),
        (403, "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}", "token-rejected"),
        (403, "rbac_access_denied_matched_policy[refused-methods]", "unknown-function"),
        (403, "rbac_access_denied_matched_policy[refused-origins]", "origin-refused"),
        (200, "cors_response", "answered"),
        (403, "upgrade_failed", "unknown-function"),
        (403, "rbac_access_denied_matched_policy[mine]", "policy-denied"),
        (403, "rbac_access_denied_matched_policy[none]", "policy-denied"),
        (403, "ext_authz_denied", "policy-denied"),
        (413, "request_payload_too_large", "body-too-large"),
        (503, "no_healthy_upstream", "guard-error"),
    ],
)
def test_the_reason_is_of_what_happened(status, details, reason):
    assert local_reason(ResponseHead(status, Headers(), details)) == reason
