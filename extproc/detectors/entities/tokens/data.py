"""Tokens of databases, stores and content systems."""

from extproc.detectors.entities.tokens.token_form import Form, Token, filler, has_digit, is_mixed

HEX = "a1b2c3d4e5f6"

TOKENS: tuple[Token, ...] = (
    Token(
        "AIRTABLE_TOKEN",
        "a token of Airtable",
        "pat" + filler(14) + "." + filler(64, HEX),
        "airtable.com/developers/web/api/authentication",
        (Form(r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}"), Form(r"oaa[A-Za-z0-9]{14}\.v1\.", r"[\w.-]{40,}")),
    ),
    Token(
        "AIVEN_TOKEN",
        "a token or password of Aiven",
        "AVNS_" + filler(19),
        "aiven.io/docs/platform/concepts/authentication-tokens",
        (Form(r"AVNS_", r"[\w-]{15,24}"), Form(r"aivenv1", r"[A-Za-z0-9+/=]{100,}")),
    ),
    Token(
        "COCKROACH_KEY",
        "a key of CockroachDB Cloud",
        "CCDB1_" + filler(22) + "_" + filler(40),
        "www.cockroachlabs.com/docs/cockroachcloud/managing-access",
        (Form(r"CCDB1_", r"[A-Za-z0-9]{22}_[A-Za-z0-9]{40}"),),
    ),
    Token(
        "CONTENTFUL_TOKEN",
        "a personal token of Contentful",
        "CFPAT-" + filler(43),
        "www.contentful.com/developers/docs/references/authentication",
        (Form(r"CFPAT-", r"[\w-]{40,}"),),
    ),
    Token(
        "DBT_TOKEN",
        "a token of dbt",
        "dbtc_" + filler(40),
        "docs.getdbt.com/docs/dbt-cloud-apis/authentication",
        (Form(r"dbt[cus]_[\w-]{16}", r"[\w=-]{10,}"),),
    ),
    Token(
        "DROPBOX_TOKEN",
        "an access token of Dropbox",
        "sl." + filler(140),
        "www.dropbox.com/developers/documentation/http/documentation",
        (Form(r"sl\.(?:u\.)?[\w-]{60}", r"[\w-]{60,}", check=is_mixed),),
    ),
    Token(
        "MONGODB_ATLAS_SECRET",
        "a secret of a service account of MongoDB Atlas",
        "mdb_sa_sk_" + filler(40),
        "www.mongodb.com/docs/atlas/configure-api-access",
        (Form(r"mdb_sa_sk_", r"[\w-]{30,}"),),
    ),
    Token(
        "NEON_KEY",
        "a key of Neon",
        "napi_" + filler(64, "a1b2c3d4"),
        "neon.com/docs/manage/api-keys",
        (
            Form(r"napi_[a-z0-9]{16}", r"[a-z0-9]{40,}"),
            Form(r"npg_[A-Za-z0-9]{11}", r"[A-Za-z0-9]{1,5}", check=has_digit),
        ),
    ),
    Token(
        "PLANETSCALE_TOKEN",
        "a password or token of PlanetScale",
        "pscale_tkn_" + filler(43),
        "planetscale.com/docs/api/reference/service-tokens",
        (Form(r"pscale_(?:tkn|pw|oauth|otkn)_", r"[\w.=-]{30,}"),),
    ),
    Token(
        "SUPABASE_KEY",
        "a token or secret key of Supabase",
        "sbp_" + filler(40, HEX),
        "supabase.com/docs/guides/api/api-keys",
        (
            Form(r"sbp_(?:oauth_|v0_)?[0-9a-z]{16}", r"[0-9a-z]{24,}", check=is_mixed),
            Form(r"sb_secret_", r"[\w-]{22,}"),
        ),
    ),
    Token(
        "TINYBIRD_TOKEN",
        "a token of Tinybird",
        "p.eyJ" + filler(60) + "." + filler(43),
        "www.tinybird.co/docs",
        (Form(r"p\.eyJ[\w-]{16}", r"[\w-]{20,}\.[\w-]{30,}"),),
    ),
    Token(
        "XATA_KEY",
        "a key of Xata",
        "xau_" + filler(34),
        "xata.io/docs",
        (Form(r"xa[ut]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{12,}", check=has_digit),),
    ),
)
