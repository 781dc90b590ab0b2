"""Check the names in ``notifications``: of functions, providers and groups. A misspelled one would tell nobody."""

import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from extproc.codecs.located_yaml import KeyPath, LocatedDocument
from extproc.config.schema import Settings
from extproc.config.setting_note import Note
from extproc.model.errors import ConfigError
from extproc.settings.notifications import SlackSettings, TargetSettings


def notification_problems(settings: Settings, document: LocatedDocument) -> Iterator[ConfigError]:
    """Yield an error for each name that is not in the configuration.

    Args:
        settings: with connections that are complete.
        document: the file, for the places.
    """
    for name, target in settings.notifications.targets.items():
        path: KeyPath = ("notifications", "targets", name)
        for index, function in enumerate(target.functions):
            yield from _function_problem(settings, document, (*path, "functions", index), function)
        if target.slack:
            yield from _user_problems(settings, document, (*path, "slack", "users"), target.slack)


def _function_problem(
    settings: Settings, document: LocatedDocument, path: KeyPath, function: str
) -> Iterator[ConfigError]:
    connection, _, name = function.partition(".")
    found = settings.connections.get(connection)
    if found is None:
        hint = _close(connection, settings.connections, "connections")
        yield ConfigError(f"there is no connection {connection!r}", document.place(path), hint)
    elif name != "*" and not found.has_function(name):
        hint = _close(name, found.function_names, "functions")
        yield ConfigError(f"connection {connection!r} has no function {name!r}", document.place(path), hint)


def _user_problems(
    settings: Settings, document: LocatedDocument, path: KeyPath, slack: SlackSettings
) -> Iterator[ConfigError]:
    providers = settings.identity.providers
    for member, user in slack.users.items():
        place = document.place((*path, member, "provider"))
        if user.provider not in providers:
            hint = _close(user.provider, providers, "providers")
            yield ConfigError(f"there is no provider {user.provider!r} in identity", place, hint)
        elif settings.control.approver_providers and user.provider not in settings.control.approver_providers:
            what = f"approvers may not come from the provider {user.provider!r}"
            yield ConfigError(what, place, "see control.approver_providers")
        elif providers[user.provider].claims.person and not user.person:
            what = f"{member} has no person, and the provider {user.provider!r} joins accounts by one"
            hint = "add person: the value of the claim, or this account could approve the person's own calls"
            yield ConfigError(what, document.place((*path, member)), hint)


def notification_notes(settings: Settings) -> Iterator[Note]:
    """Yield notes about settings of notifications that are allowed, but may be surprising."""
    targets = settings.notifications.targets
    known = {group for each in settings.connections.values() for group in each.approvals.group_names}
    for name, target in targets.items():
        path: KeyPath = ("notifications", "targets", name)
        for index, group in enumerate(target.groups):
            if group not in known:
                what = f"no connection names the group {group!r}: only policy could"
                yield Note((*path, "groups", index), what, _close(group, known, "groups"))
        if target.slack:
            yield from _slack_notes(settings, path, target.slack, known)
    if targets and not settings.control.public_url:
        what = "messages have no links to the console"
        yield Note(("control", "public_url"), what, "set control.public_url to the console's address")


def _slack_notes(settings: Settings, path: KeyPath, slack: SlackSettings, known: set[str]) -> Iterator[Note]:
    if slack.users and not settings.control.listen:
        what = "nobody can decide from Slack: its clicks come through control.listen, which is not set"
        yield Note(("control", "listen"), what, "set control.listen, behind a proxy that Slack can reach")
    for member, user in slack.users.items():
        for index, group in enumerate(user.groups):
            if group not in known:
                what = f"no connection names the group {group!r}: only policy could"
                key = (*path, "slack", "users", member, "groups", index)
                yield Note(key, what, _close(group, known, "groups"))


def secret_notes(settings: Settings) -> Iterator[Note]:
    """Yield a note for each secret that cannot be found now: it may be written later."""
    for path, source in secret_sources(settings):
        if isinstance(source, Path):
            if not source.is_file():
                yield Note(path, f"{source} does not exist; nothing is sent until it does", "write the file")
        elif not os.environ.get(source):
            yield Note(path, "the variable is not set here", "set it where the control process starts")


def secret_sources(settings: Settings) -> Iterator[tuple[KeyPath, Path | str]]:
    """Yield the file, or the name of the variable, of each secret of a target."""
    for name, target in settings.notifications.targets.items():
        for part, keys in SECRETS.items():
            section = getattr(target, part)
            for key in keys if section else ():
                if source := getattr(section, key):
                    yield ("notifications", "targets", name, part, key), source


SECRETS = {
    "apprise": ("file", "env"),
    "webhook": ("secret_file",),
    "slack": ("token_file", "signing_secret_file"),
}
"""Keys of secrets, by the service's key in a target."""


def shown_target(name: str, target: TargetSettings) -> str:
    """Return a line about a target, for people."""
    if target.webhook:
        what = f"webhook {target.webhook.url}"
    elif target.slack:
        what = f"Slack channel {target.slack.channel}, where {len(target.slack.users)} people may decide"
    else:
        what = "apprise"
    only = f", of {', '.join(target.functions)}" if target.functions else ""
    groups = f", for {', '.join(target.groups)}" if target.groups else ""
    return f"notification {name}: {what}; {', '.join(target.events)} and break-glass{only}{groups}"


def _close(name: str, known: Iterable[str], kind: str) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"{kind}: {', '.join(names[:20])}" if names else f"there are no {kind}"
