"""Tokens of code hosts, registries, builds and infrastructure as code."""

from extproc.detectors.entities.tokens.token_form import Form, Token, filler, has_digit, is_mixed

HEX = "a1b2c3d4e5f6"

TOKENS: tuple[Token, ...] = (
    Token(
        "ARTIFACTORY_TOKEN",
        "a key or token of JFrog Artifactory",
        "AKCp" + filler(69),
        "jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens",
        (
            Form(r"AKCp[A-Za-z0-9]{16}", r"[A-Za-z0-9]{40,60}"),
            Form(r"cmVmdGtu", r"[A-Za-z0-9]{40,60}={0,2}", apart=False),
        ),
    ),
    Token(
        "ATLASSIAN_TOKEN",
        "a token of Atlassian or Bitbucket",
        "ATATT3xFfGF0" + filler(180),
        "support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account",
        (
            Form(r"AT[A-Z]TT3[\w-]{16}", r"[\w-]{30,}={0,2}(?:[A-F0-9]{8})?"),
            Form(r"ATBB[A-Za-z0-9]{16}", r"[A-Za-z0-9]{12,24}"),
        ),
    ),
    Token(
        "BUILDKITE_TOKEN",
        "a token of Buildkite",
        "bkua_" + filler(40, HEX),
        "buildkite.com/docs/apis/managing-api-tokens",
        (Form(r"bk(?:ua|ct|aj|cj|st|pt|at)_[A-Za-z0-9]{16}", r"[\w-]{16,}"),),
    ),
    Token(
        "CIRCLECI_TOKEN",
        "a token of CircleCI",
        "CCIPAT_" + filler(22) + "_" + filler(40, HEX),
        "circleci.com/docs/managing-api-tokens",
        (Form(r"CCI(?:PAT|PRJ)_", r"[A-Za-z0-9]{20,24}_[0-9a-f]{40}"),),
    ),
    Token(
        "CLOJARS_TOKEN",
        "a deploy token of Clojars",
        "CLOJARS_" + filler(60, HEX),
        "github.com/clojars/clojars-web/wiki/Deploy-Tokens",
        (Form(r"CLOJARS_[0-9a-f]{16}", r"[0-9a-f]{44}"), Form(r"CLOJARS_[a-z0-9]{16}", r"[a-z0-9]{44}")),
    ),
    Token(
        "CRATES_TOKEN",
        "a token of the registry of Rust packages",
        "cio" + filler(32),
        "doc.rust-lang.org/cargo/reference/publishing.html",
        (Form(r"cio[A-Za-z0-9]{24}", r"[A-Za-z0-9]{8}", check=is_mixed),),
    ),
    Token(
        "DOCKER_TOKEN",
        "a token of Docker Hub",
        "dckr_pat_" + filler(27),
        "docs.docker.com/security/access-tokens",
        (Form(r"dckr_(?:pat|oat)_", r"[\w-]{24,}"),),
    ),
    Token(
        "DOPPLER_TOKEN",
        "a token of Doppler",
        "dp.pt." + filler(43),
        "docs.doppler.com/docs/access-tokens",
        (Form(r"dp\.(?:pt|ct|sa|st|said|scim|audit)\.", r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),),
    ),
    Token(
        "GITEA_TOKEN",
        "a token of Gitea or Forgejo with a prefix",
        "gta_" + filler(40, HEX),
        "docs.gitea.com/development/oauth2-provider",
        (Form(r"gt[ao]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{24,}", check=has_digit),),
    ),
    Token(
        "GITHUB_TOKEN",
        "a token of GitHub, of any kind",
        "ghp_" + filler(36),
        "github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats",
        (
            Form(r"ghs_[A-Za-z0-9]{1,24}_eyJ", r"[\w.-]{4,}", apart=False),
            Form(r"gh[pousr]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{20,}", apart=False),
            Form(r"github_pat_", r"[A-Za-z0-9_]{22,}", apart=False),
        ),
    ),
    Token(
        "GITLAB_TOKEN",
        "a token of GitLab, of any kind",
        "glpat-" + filler(20),
        "docs.gitlab.com/security/tokens",
        (
            Form(r"gl(?:pat|dt|rt|rtr|ptt|ft|imt|agent|soat|ffct|cbt|oas|wt)-", r"[\w.-]{20,}", apart=False),
            Form(r"GR1348941[\w-]{8}", r"[\w-]{12,}"),
        ),
    ),
    Token(
        "HARNESS_TOKEN",
        "a token of Harness",
        "pat." + filler(22) + "." + filler(24, HEX) + "." + filler(20),
        "developer.harness.io/docs/platform/automation/api/api-quickstart",
        (Form(r"[ps]at\.[\w-]{22}\.", r"[0-9a-fA-F]{24}\.[A-Za-z0-9]{20}"),),
    ),
    Token(
        "INFRACOST_KEY",
        "a key of Infracost",
        "ico-" + filler(32),
        "www.infracost.io/docs",
        (Form(r"ico-[A-Za-z0-9]{32}"),),
    ),
    Token(
        "LINEAR_KEY",
        "a key or token of Linear",
        "lin_api_" + filler(40),
        "linear.app/developers/graphql",
        (Form(r"lin_(?:api|oauth|wh)_", r"[A-Za-z0-9]{32,}"),),
    ),
    Token(
        "NPM_TOKEN",
        "a token of npm, also in `.npmrc`",
        "npm_" + filler(36),
        "docs.npmjs.com/about-access-tokens",
        (
            Form(r"npm_[A-Za-z0-9]{24}", r"[A-Za-z0-9]{12,}"),
            Form(
                r":_auth(?:Token)? ?= ?", r"[\"']?([A-Za-z0-9+/_.=-]{8,})", check=lambda text: "." not in text[:1]
            ),
            Form(r":_password ?= ?", r"[\"']?([A-Za-z0-9+/=]{4,})"),
        ),
    ),
    Token(
        "NUGET_KEY",
        "a key of NuGet",
        "oy2" + filler(43, "a1b2c3d4"),
        "learn.microsoft.com/en-us/nuget/nuget-org/publish-a-package",
        (Form(r"oy2[a-z0-9]{24}", r"[a-z0-9]{19}", check=is_mixed),),
    ),
    Token(
        "PACKAGIST_TOKEN",
        "a token of Private Packagist",
        "packagist_ort_" + filler(68, HEX),
        "packagist.com/docs",
        (Form(r"packagist_[ou]?[ru]t_", r"[0-9a-f]{60,}"),),
    ),
    Token(
        "POSTMAN_KEY",
        "a key of Postman",
        "PMAK-" + filler(24, HEX) + "-" + filler(34, HEX),
        "learning.postman.com/docs/developer/postman-api/authentication",
        (Form(r"PMA[KT]-", r"[0-9a-zA-Z]{24,26}(?:-[0-9a-f]{34})?"),),
    ),
    Token(
        "PREFECT_KEY",
        "a key of Prefect",
        "pnu_" + filler(36),
        "docs.prefect.io",
        (Form(r"pn[ub]_[A-Za-z0-9]{16}", r"[A-Za-z0-9]{16,}", check=has_digit),),
    ),
    Token(
        "PULUMI_TOKEN",
        "a token of Pulumi",
        "pul-" + filler(40, HEX),
        "www.pulumi.com/docs/administration/access-identity/access-tokens",
        (Form(r"pul-[0-9a-f]{8}", r"[0-9a-f]{32}"),),
    ),
    Token(
        "PYPI_TOKEN",
        "a token of the Python Package Index",
        "pypi-AgEIcHlwaS5vcmc" + filler(120),
        "the Python Package Index: trusted publishers, internals",
        (Form(r"pypi-[\w-]{16}", r"[\w-]{34,}", check=has_digit),),
    ),
    Token(
        "RUBYGEMS_KEY",
        "a key of RubyGems",
        "rubygems_" + filler(48, HEX),
        "guides.rubygems.org/api-key-scopes",
        (Form(r"rubygems_[0-9a-f]{16}", r"[0-9a-f]{32}"),),
    ),
    Token(
        "SNYK_TOKEN",
        "a token of Snyk",
        "snyk_uat." + filler(8) + "." + filler(40),
        "docs.snyk.io/snyk-api/authentication-for-api",
        (Form(r"snyk_[us]at\.", r"[\w.-]{20,}"),),
    ),
    Token(
        "SONAR_TOKEN",
        "a token of SonarQube",
        "sqp_" + filler(40, HEX),
        "docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens",
        (Form(r"sq[upa]_[0-9a-f]{16}", r"[0-9a-f]{24}"),),
    ),
    Token(
        "SOURCEGRAPH_TOKEN",
        "a token of Sourcegraph",
        "sgp_" + filler(40, HEX),
        "sourcegraph.com/docs/cli/how-tos/creating_an_access_token",
        (
            Form(r"sg[pd]_", r"(?:local_|[0-9a-f]{16}_(?:local_)?)?[0-9a-f]{40}"),
            Form(r"sl[kg]_[0-9a-f]{16}", r"[0-9a-f]{48}"),
        ),
    ),
    Token(
        "TERRAFORM_TOKEN",
        "a token of HCP Terraform",
        filler(14) + ".atlasv1." + filler(67),
        "HashiCorp, HCP Terraform: API tokens",
        (Form(r"\.atlasv1\.", r"(?<=[A-Za-z0-9]{14}\.atlasv1\.)[\w=-]{40,}", before=14),),
    ),
    Token(
        "VAULT_TOKEN",
        "a token of HashiCorp Vault",
        "hvs." + filler(95),
        "developer.hashicorp.com/vault/docs/concepts/tokens",
        (
            Form(r"hv[sbr]\.[\w-]{16}", r"[\w-]{8,}"),
            Form(r"s\.[A-Za-z0-9]{22}", r"[A-Za-z0-9]{2}(?:\.[A-Za-z0-9]{5,8})?", check=is_mixed),
            Form(r"b\.AAAAA[\w-]{16}", r"[\w-]{40,}"),
        ),
    ),
    Token(
        "OCTOPUS_KEY",
        "a key of Octopus Deploy",
        "API-" + filler(26, "A1B2C3D4"),
        "octopus.com/docs/octopus-rest-api/how-to-create-an-api-key",
        (Form(r"API-[A-Z0-9]{16}", r"[A-Z0-9]{9,16}", check=has_digit),),
    ),
    Token(
        "SIDEKIQ_SECRET",
        "the user and password of Sidekiq's registry",
        filler(8, HEX) + ":" + filler(8, HEX) + "@" + "gems.contribsys.com",
        "github.com/sidekiq/sidekiq/wiki",
        (
            Form(
                r"([0-9a-f])@gems\.contribsys\.com",
                r"(?<=[0-9a-f]{8}:[0-9a-f]{8}@gems\.contribsys\.com)",
                before=16,
            ),
        ),
    ),
)
