"""Tokens of clouds, hosts and networks."""

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
_BASE64 = r"[A-Za-z0-9+/=_-]|%2[BbFf]|%3[Dd]"
"""Base64 as it is or percent-encoded."""


def _signed(literal: str, before: str, length: int, rest: str) -> Form:
    """Make the form of a key of Azure that has a fixed signature behind ``length`` characters."""
    return Form(literal, rf"(?<=[{before}]{{{length}}}{literal}){rest}", before=length, apart=False)


TOKENS: tuple[Token, ...] = (
    Token(
        "ALIBABA_ACCESS_KEY",
        "an access key id of Alibaba Cloud",
        "LTAI" + filler(20),
        "www.alibabacloud.com/help/en/ram",
        (Form(r"LTAI[A-Za-z0-9]{12}", r"[A-Za-z0-9]{0,10}", check=has_digit),),
    ),
    Token(
        "AKAMAI_TOKEN",
        "a client or access token of Akamai",
        "akab-" + filler(16, "a1b2c3") + "-" + filler(16, "a1b2c3"),
        "techdocs.akamai.com/developer/docs/edgegrid",
        (Form(r"akab-", r"[a-z0-9]{16}-[a-z0-9]{16}"),),
    ),
    Token(
        "AWS_SESSION_TOKEN",
        "a session token of AWS, or the signature of a request or of a presigned address",
        "X-Amz-Signature=" + filler(64, HEX),
        "docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html",
        (
            Form(r"IQoJb3JpZ2lu", rf"(?:{_BASE64}){{20,}}", apart=False),
            Form(r"(?:FwoG|FQoG)ZXIvYXdz", rf"(?:{_BASE64}){{20,}}", apart=False),
            Form(r"AQoDYXdz", rf"(?:{_BASE64}){{20,}}", apart=False),
            Form(r"X-Amz-Security-Token(?:=|%3D)", rf"((?:{_BASE64}){{16,}})"),
            Form(r"X-Amz-Signature(?:=|%3D)", r"([0-9a-f]{64})"),
            Form(r"Signature=([0-9a-f]{64})"),
        ),
    ),
    Token(
        "AWS_BEDROCK_KEY",
        "a key of Amazon Bedrock",
        "ABSK" + filler(109),
        "docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        (
            Form(r"ABSK[A-Za-z0-9+/]{32}", r"[A-Za-z0-9+/]{60,}={0,2}", check=is_mixed),
            Form(r"bedrock-api-key-", r"[A-Za-z0-9+/]{60,}={0,2}"),
        ),
    ),
    Token(
        "AWS_MWS_KEY",
        "a key of Amazon's marketplace service",
        "amzn.mws." + UUID_EXAMPLE,
        "developer-docs.amazon.com/sp-api",
        (
            Form(r"amzn\.mws\.", UUID),
            Form(r"amzn1\.oa2-cs\.v1\.", r"[0-9a-f]{64}"),
            Form(r"Atz[ar]\|", r"[\w-]{60,}"),
        ),
    ),
    Token(
        "AZURE_KEY",
        "a key, signature or client secret of Azure: storage, service bus, functions, DevOps, Entra",
        "AccountKey=" + filler(86) + "==",
        "learn.microsoft.com/en-us/purview/sit-defn-all-creds",
        (
            Form(r"Account[Kk]ey ?= ?", r"([A-Za-z0-9+/]{40,88}={0,2})", apart=False),
            Form(r"Shared(?:Access|Secret)(?:Key|Value|Signature) ?= ?", r"([^\s;&,\"'<>\\]{20,})", apart=False),
            Form(r"[?&;]sig=", r"((?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}){40,100})", apart=False),
            Form(r"[?&]code=", r"([\w-]{40,100}(?:={0,2}|(?:%3[Dd]){0,2}))", apart=False),
            Form(r"[78]Q~", r"(?<=[\w.~-]{3}[78]Q~)[\w.~-]{31,34}", before=3),
            Form(r"AZDO[A-Za-z0-9]{4}", r"(?<=[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})", before=76),
            _signed(r"\+ASt", "A-Za-z0-9+/", 76, r"[A-Za-z0-9+/]{5}[AQgw]=="),
            _signed(r"\+ABa", "A-Za-z0-9+/", 76, r"[A-Za-z0-9+/]{5}[AQgw]=="),
            _signed(r"\+AMC", "A-Za-z0-9+/", 76, r"[A-Za-z0-9+/]{5}[AQgw]=="),
            _signed(r"ACDb", "A-Za-z0-9+/", 76, r"[A-Za-z0-9+/]{5}[AQgw]=="),
            _signed(r"APIM", "A-Za-z0-9+/", 76, r"[A-Za-z0-9+/]{5}[AQgw]=="),
            _signed(r"AIoT", "A-Za-z0-9+/", 33, r"[A-Za-z0-9+/]{5}[A-Za-z0-9+/]="),
            _signed(r"\+ASb", "A-Za-z0-9+/", 33, r"[A-Za-z0-9+/]{5}[A-Za-z0-9+/]="),
            _signed(r"\+AEh", "A-Za-z0-9+/", 33, r"[A-Za-z0-9+/]{5}[A-Za-z0-9+/]="),
            _signed(r"\+ARm", "A-Za-z0-9+/", 33, r"[A-Za-z0-9+/]{5}[A-Za-z0-9+/]="),
            _signed(r"AzFu", r"\w-", 44, r"[\w-]{5}[AQgw]=="),
            _signed(r"AzSe", "A-Za-z0-9", 42, r"[A-D][A-Za-z0-9]{5}"),
            _signed(r"AzCa", "A-Za-z0-9", 33, r"[A-P][A-Za-z0-9]{5}="),
            _signed(r"\+ACR", "A-Za-z0-9+/", 42, r"[A-D][A-Za-z0-9]{5}"),
        ),
    ),
    Token(
        "CLOUDFLARE_TOKEN",
        "a token or key of Cloudflare",
        "cfut_" + filler(48),
        "developers.cloudflare.com/fundamentals/api/get-started/token-formats",
        (
            Form(r"cf(?:k|ut|at)_[A-Za-z0-9]{16}", r"[\w-]{24,}"),
            Form(r"v1\.0-[0-9a-f]{8}", r"[0-9a-f]{16}-[0-9a-f]{146}"),
        ),
    ),
    Token(
        "CONFLUENT_KEY",
        "a secret of Confluent Cloud",
        "cflt" + filler(60),
        "docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys",
        (Form(r"cflt[A-Za-z0-9+/]{16}", r"[A-Za-z0-9+/]{40,44}", check=is_mixed),),
    ),
    Token(
        "DENO_TOKEN",
        "a token of Deno Deploy",
        "ddp_" + filler(36),
        "docs.deno.com/deploy",
        (Form(r"dd[opw]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{20}"),),
    ),
    Token(
        "DIGITALOCEAN_TOKEN",
        "a token of DigitalOcean",
        "dop_v1_" + filler(64, HEX),
        "docs.digitalocean.com/reference/api/create-personal-access-token",
        (Form(r"do[opr]_v1_", r"[0-9a-f]{64}"), Form(r"sk-do-", r"[\w-]{40,}")),
    ),
    Token(
        "FLY_TOKEN",
        "a token of Fly.io",
        "fm2_" + filler(120),
        "fly.io/docs/security/tokens",
        (
            Form(r"fo1_[\w-]{16}", r"[\w-]{24,}"),
            Form(r"fm2_[A-Za-z0-9+/]{16}", r"[A-Za-z0-9+/=_-]{30,}(?>(?:,fm2_[A-Za-z0-9+/=_-]+)*)"),
            Form(r"fm1[ar]_[A-Za-z0-9+/]{16}", r"[A-Za-z0-9+/=_-]{30,}(?>(?:,fm1[ar]_[A-Za-z0-9+/=_-]+)*)"),
        ),
    ),
    Token(
        "HEROKU_KEY",
        "a key of Heroku",
        "HRKU-AA" + filler(58),
        "devcenter.heroku.com/articles/authentication",
        (Form(r"HRKU-", r"[\w-]{36,}"),),
    ),
    Token(
        "NETLIFY_TOKEN",
        "a token of Netlify",
        "nfp_" + filler(36),
        "docs.netlify.com/api/get-started",
        (Form(r"nf[pcoub]_[A-Za-z0-9_]{16}", r"[A-Za-z0-9_]{16,}", check=has_digit),),
    ),
    Token(
        "RAILWAY_TOKEN",
        "a token of Railway with a prefix",
        "rw_Fe26.2**" + filler(60),
        "docs.railway.com/guides/public-api",
        (Form(r"rw_Fe26\.2\*\*", r"[\w.*-]{40,}"),),
    ),
    Token(
        "RENDER_KEY",
        "a key of Render",
        "rnd_" + filler(32),
        "render.com/docs/api",
        (Form(r"rnd_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{8,}", check=has_digit),),
    ),
    Token(
        "SCALEWAY_KEY",
        "an access key of Scaleway",
        "SCW" + filler(17, "A1B2C3D4"),
        "www.scaleway.com/en/docs/iam",
        (Form(r"SCW[A-Z0-9]{16}", r"[A-Z0-9]", check=has_digit),),
    ),
    Token(
        "TAILSCALE_KEY",
        "a key or token of Tailscale",
        "tskey-auth-" + filler(12) + "CNTRL-" + filler(32),
        "tailscale.com/kb/1215/oauth-clients",
        (Form(r"tskey-", r"[a-z]{2,10}-[A-Za-z0-9]{6,40}(?:-[A-Za-z0-9]{4,60})?"),),
    ),
    Token(
        "TENCENT_SECRET_ID",
        "a secret id of Tencent Cloud",
        "AKID" + filler(32),
        "www.tencentcloud.com/document/product/598",
        (Form(r"AKID[A-Za-z0-9]{16}", r"[A-Za-z0-9]{14,20}", check=has_digit),),
    ),
    Token(
        "VERCEL_TOKEN",
        "a token of Vercel",
        "vcp_" + filler(56),
        "vercel.com/docs/rest-api",
        (
            Form(r"vc[pciark]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{8,}", check=has_digit),
            Form(r"vercel_blob_rw_", r"[A-Za-z0-9_]{30,}"),
        ),
    ),
    Token(
        "YANDEX_TOKEN",
        "a key or token of Yandex",
        "y0_" + filler(58),
        "yandex.cloud/en/docs/iam/concepts/authorization",
        (
            Form(r"y[0-6]_[\w-]{40}", r"[\w-]{12,}", check=has_digit),
            Form(r"AQVN[\w-]{32}", r"[\w-]{3,8}", check=is_mixed),
            Form(r"t1\.[\w-]{40}", r"[\w-]{0,2000}={0,2}\.[\w-]{86}={0,2}"),
            Form(r"YCAJ[\w-]{16}", r"[\w-]{5}", check=is_mixed),
        ),
    ),
    Token(
        "DEFINED_NETWORKING_KEY",
        "a key of Defined Networking",
        "dnkey-" + filler(26, "A1B2C3D4") + "-" + filler(52, "A1B2C3D4"),
        "docs.defined.net",
        (Form(r"dnkey-", r"[A-Za-z0-9_=-]{26}-[A-Za-z0-9_=-]{52}"),),
    ),
    Token(
        "OPENSHIFT_TOKEN",
        "a token of OpenShift",
        "sha256~" + filler(43),
        "docs.redhat.com/en/documentation/openshift_container_platform",
        (Form(r"sha256~", r"[\w-]{43}"),),
    ),
    Token(
        "SCALINGO_TOKEN",
        "a token of Scalingo",
        "tk-us-" + filler(48),
        "developers.scalingo.com",
        (Form(r"tk-us-", r"[\w-]{48}"),),
    ),
)
