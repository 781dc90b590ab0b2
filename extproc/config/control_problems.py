"""The mistakes in the ``control`` section that only the whole configuration shows."""

import difflib
from collections.abc import Iterator
from urllib.parse import urlsplit

from extproc.codecs.located_yaml import KeyPath
from extproc.config.addresses import is_remote_without_tls
from extproc.config.schema import Settings
from extproc.model.errors import ConfigError

SIGN_IN: KeyPath = ("control", "sign_in")
PUBLIC_URL: KeyPath = ("control", "public_url")


def control_problems(settings: Settings) -> Iterator[ConfigError]:
    """Yield each mistake, with its key and a hint."""
    for index, name in enumerate(settings.control.approver_providers):
        yield from _unknown_provider(name, settings, ("control", "approver_providers", index))
    yield from _url_problems(settings)
    if settings.control.sign_in is not None:
        yield from _sign_in_problems(settings)


def _unknown_provider(name: str, settings: Settings, key: KeyPath) -> Iterator[ConfigError]:
    providers = settings.identity.providers
    if name in providers:
        return
    close = difflib.get_close_matches(name, providers, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(providers) or 'none'}"
    where = ".".join(str(part) for part in key if isinstance(part, str))
    yield ConfigError(f"{where} names no provider of identity: {name}", hint=hint, key=key)


def _url_problems(settings: Settings) -> Iterator[ConfigError]:
    url = settings.control.public_url
    if url is not None and is_remote_without_tls(url):
        what = "control.public_url is not https: cookies and pages could be read on the network"
        yield ConfigError(what, hint="https://…; http:// is accepted on loopback alone", key=PUBLIC_URL)


def _sign_in_problems(settings: Settings) -> Iterator[ConfigError]:
    control, sign_in = settings.control, settings.control.sign_in
    if sign_in is None:
        return
    if control.listen is None:
        what = "control.sign_in has no effect: nothing serves the console"
        yield ConfigError(what, hint="set control.listen, such as 127.0.0.1:9901", key=SIGN_IN)
    if control.public_url is None:
        what = "control.sign_in needs control.public_url: the provider sends browsers back there"
        yield ConfigError(what, hint="public_url: https://approvals.example.com", key=SIGN_IN)
    yield from _unknown_provider(sign_in.provider, settings, (*SIGN_IN, "provider"))
    provider = settings.identity.providers.get(sign_in.provider)
    if provider is None:
        return
    if urlsplit(provider.issuer).scheme not in {"http", "https"} or is_remote_without_tls(provider.issuer):
        what = f"nobody can sign in at the issuer of {sign_in.provider}: it is not a URL that begins with https://"
        hint = "name a provider of OpenID Connect; http:// is accepted on loopback alone"
        yield ConfigError(what, hint=hint, key=(*SIGN_IN, "provider"))
    wanted = control.approver_providers
    if wanted and sign_in.provider not in wanted:
        what = (
            f"control.sign_in.provider is not in control.approver_providers: nobody of {sign_in.provider} may vote"
        )
        yield ConfigError(what, hint="add it there, or sign in with one of them", key=(*SIGN_IN, "provider"))
    if sign_in.client_id in provider.audiences:
        what = (
            f"control.sign_in.client_id is an audience of {sign_in.provider}: ID tokens would be valid for calls"
        )
        hint = "register a client for the console alone"
        yield ConfigError(what, hint=hint, key=(*SIGN_IN, "client_id"))
