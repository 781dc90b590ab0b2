"""Tokens of services that watch, log, trace and alert."""

from extproc.detectors.entities.tokens.token_form import (
    UUID,
    UUID_EXAMPLE,
    Form,
    Token,
    filler,
    has_digit,
    is_mixed,
)

HEX = "a1b2c3d4e5f6"

TOKENS: tuple[Token, ...] = (
    Token(
        "AXIOM_TOKEN",
        "a token of Axiom",
        "xaat-" + UUID_EXAMPLE,
        "axiom.co/docs/reference/tokens",
        (Form(r"xa(?:at|pt|it)-", UUID),),
    ),
    Token(
        "DYNATRACE_TOKEN",
        "a token of Dynatrace",
        "dt0c01." + filler(24, "A1B2C3D4") + "." + filler(64, "A1B2C3D4"),
        "docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients",
        (Form(r"dt0[a-z][0-9]{2}\.", r"[A-Z0-9-]{8,24}\.[A-Z0-9]{64}"),),
    ),
    Token(
        "ELASTIC_KEY",
        "a key of Elastic Cloud",
        "essu_" + filler(60),
        "www.elastic.co/docs/deploy-manage/api-keys",
        (Form(r"essu_", r"[A-Za-z0-9+/=_-]{32,}"),),
    ),
    Token(
        "GRAFANA_TOKEN",
        "a token of Grafana",
        "glsa_" + filler(32) + "_" + filler(8, HEX),
        "grafana.com/docs/grafana/latest/administration/service-accounts",
        (
            Form(r"glsa_", r"[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"),
            Form(r"glc_[A-Za-z0-9+/]{16}", r"[A-Za-z0-9+/=]{16,}"),
            Form(r"eyJrIjoi", r"[A-Za-z0-9+/_-]{30,}={0,2}"),
        ),
    ),
    Token(
        "HONEYCOMB_KEY",
        "a key of Honeycomb",
        "hcaik_" + filler(58, "a1b2c3d4"),
        "docs.honeycomb.io/configure/environments/manage-api-keys",
        (Form(r"hc[abx][il][kc]_", r"[a-z0-9]{26,}"),),
    ),
    Token(
        "NEW_RELIC_KEY",
        "a user, license or insert key of New Relic",
        "NRAK-" + filler(27, "A1B2C3D4"),
        "docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys",
        (
            Form(r"NR(?:AK|AA|RA|II|IQ|SP|PI)-", r"[A-Za-z0-9_-]{20,}"),
            Form(r"[0-9A-F]NRAL", r"(?<=[A-Za-z0-9]{36}NRAL)", before=35),
            Form(r"[0-9a-f]NRAL", r"(?<=[A-Za-z0-9]{36}NRAL)", before=35),
        ),
    ),
    Token(
        "PAGERDUTY_TOKEN",
        "a token of PagerDuty",
        "pdus+_0XBPWQQ_" + UUID_EXAMPLE,
        "support.pagerduty.com/main/docs/api-access-keys",
        (Form(r"pd[ue][s]\+_", r"[A-Za-z0-9]{4,10}_[0-9a-f-]{36}"), Form(r"u\+[\w+-]{18}", check=has_digit)),
    ),
    Token(
        "POSTHOG_KEY",
        "a personal key of PostHog",
        "phx_" + filler(43),
        "posthog.com/docs/api",
        (Form(r"ph[xs]_[\w-]{16}", r"[\w-]{20,}", check=is_mixed),),
    ),
    Token(
        "SENTRY_TOKEN",
        "a token of Sentry",
        "sntrys_" + filler(140),
        "docs.sentry.io/account/auth-tokens",
        (Form(r"sntry[ysaui]_", r"[A-Za-z0-9+/=_-]{40,}"),),
    ),
    Token(
        "ROOTLY_KEY",
        "a key of Rootly",
        "rootly_" + filler(64, HEX),
        "docs.rootly.com/api-reference",
        (Form(r"rootly_[0-9a-f]{16}", r"[0-9a-f]{48}"),),
    ),
)
