"""Load one YAML file into frozen settings. All errors are reported at once, each with its place and a hint.

Not checked here: that mask paths compile and policies load (``extproc.assembly`` checks both before it serves),
and that credentials can be read (their files may appear later; a call without its credential is denied).
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from extproc.codecs.located_yaml import KeyPath, LocatedDocument, load_located
from extproc.config.control_problems import control_problems
from extproc.config.expected_forms import VARIABLE_HINT, variables
from extproc.config.notification_names import notification_problems
from extproc.config.schema import Settings
from extproc.config.validation_errors import ConfigErrors, combined, explain
from extproc.model.errors import ConfigError, PolicyInvalid, SourceLocation
from extproc.settings.approvals import ApprovalsSettings
from extproc.settings.base import MAX_SOCKET_PATH
from extproc.settings.connection import ConnectionSettings
from extproc.settings.control import ControlSettings
from extproc.settings.evidence import EvidenceSettings

UNDER_STATE: dict[type[BaseModel], str] = {
    ApprovalsSettings: "store",
    EvidenceSettings: "spool",
    ControlSettings: "socket",
}
"""Settings whose relative paths start at ``state``. All others start at the file's folder."""
NAME_THE_FILE = "name the file (--config, or EXTPROC_CONFIG), or copy the demo's, extproc/demo/extproc.yaml"
LONGEST_SOCKET = "worker-63.sock"
"""The longest name of a socket in the state folder."""


@contextlib.contextmanager
def adding_places(file: Path) -> Iterator[None]:
    """Add the place in this file to errors that name a key of it."""
    try:
        yield
    except ConfigError as error:
        single = error.problems if isinstance(error, ConfigErrors) else (error,)
        if not any(_lacks_place(each) for each in single):
            raise
        document = load_located(file)
        raise combined([_placed(each, document) for each in single]) from error
    except PolicyInvalid as error:
        if not any(_lacks_place(each) for each in error.problems):
            raise
        document = load_located(file)
        raise PolicyInvalid.of(tuple(_placed(each, document) for each in error.problems)) from error


def _lacks_place(error: ConfigError) -> bool:
    return error.place is None and bool(error.key)


def _placed(error: ConfigError, document: LocatedDocument) -> ConfigError:
    if not _lacks_place(error):
        return error
    return ConfigError(error.message, document.place(error.key), error.hint, error.key)


def load_settings(path: Path, *, to_serve: bool = True) -> Settings:
    """Read, check and complete a configuration file.

    Args:
        path: the YAML file.
        to_serve: False for commands that only talk to running processes. The files that the settings name,
            such as policies, are then not checked: they may be missing or wrong by now.

    Returns:
        Settings with absolute paths. To serve: with connections that are complete, such as with the functions of
        their OpenAPI documents.

    Raises:
        ConfigError: the file cannot be used. One error holds all that were found.
    """
    settings, document = _read(path)
    if not to_serve:
        return settings
    settings, problems = _completed(settings, document)
    if problems:
        raise combined(problems)
    return settings


def read_settings(path: Path) -> tuple[Settings, list[ConfigError]]:
    """As ``load_settings``, but return the errors in the files that the settings name, and in connections.

    Returns:
        The settings without the connections that cannot be completed, and all errors, each with its place.

    Raises:
        ConfigError: the file does not have the form of settings.
    """
    return _completed(*_read(path))


def _read(path: Path) -> tuple[Settings, LocatedDocument]:
    if not path.exists():
        raise ConfigError("cannot be read: No such file or directory", SourceLocation(path), NAME_THE_FILE)
    document = load_located(path)
    _refuse_variables(document)
    try:
        settings = Settings.model_validate(document.data)
    except ValidationError as error:
        raise explain(error, document, Settings) from error
    base = _anchor(path.parent)
    settings = settings.model_copy(update=_absolute_fields(settings, base, state=_anchor(base, settings.state)))
    return settings, document


def _completed(settings: Settings, document: LocatedDocument) -> tuple[Settings, list[ConfigError]]:
    problems = [
        *_socket_problems(settings, document),
        *_file_problems(settings, document),
        *_name_problems(settings, document),
    ]
    connections: dict[str, ConnectionSettings] = {}
    for name, connection in settings.connections.items():
        try:
            connections[name] = _checked(connection, document, ("connections", name))
        except ConfigError as error:
            problems.append(error)
    complete = settings.model_copy(update={"connections": connections})
    if len(connections) == len(settings.connections):
        problems += notification_problems(complete, document)
    return complete, problems


def _refuse_variables(document: LocatedDocument) -> None:
    """Refuse text that looks like a variable: nothing replaces it, so it would count as it is written.

    Raises:
        ConfigError: each of them, with its place.
    """
    problems = [
        ConfigError("a variable is not replaced here", document.place(path), VARIABLE_HINT)
        for path in variables(document.data)
    ]
    if problems:
        raise combined(problems)


def _checked(connection: ConnectionSettings, document: LocatedDocument, path: KeyPath) -> ConnectionSettings:
    """Complete the connection.

    Raises:
        ConfigError: all errors in it, each with its place.
    """
    try:
        complete = connection.complete()
    except ConfigError as error:
        raise _located(error, document, path) from error
    problems = [_located(each, document, path) for each in complete.problems()]
    if problems:
        raise combined(problems)
    return complete


def _located(error: ConfigError, document: LocatedDocument, path: KeyPath) -> ConfigError:
    """Give the error of a connection its place in the file, unless its place is in another file."""
    if error.place:
        return error
    return ConfigError(error.message, document.place((*path, *error.key)), error.hint)


def _anchor(base: Path, path: Path = Path()) -> Path:
    """Make the path absolute and without ``..``. Symbolic links stay: secrets are rotated by changing them."""
    return Path(os.path.abspath(base / path))  # noqa: PTH100 - Path.resolve would follow links


def _absolute(value: Any, base: Path, *, state: Path) -> Any:
    """Return the settings with every relative path made absolute."""
    if isinstance(value, Path):
        return _anchor(base, value)
    if isinstance(value, list):
        return [_absolute(item, base, state=state) for item in value]
    if isinstance(value, dict):
        return {key: _absolute(item, base, state=state) for key, item in value.items()}
    if isinstance(value, BaseModel):
        return value.model_copy(update=_absolute_fields(value, base, state=state))
    return value


def _absolute_fields(value: BaseModel, base: Path, *, state: Path) -> dict[str, Any]:
    under = UNDER_STATE.get(type(value))
    return {
        name: _absolute(getattr(value, name), state if name == under else base, state=state)
        for name in type(value).model_fields
    }


def _socket_problems(settings: Settings, document: LocatedDocument) -> Iterator[ConfigError]:
    for path, socket in (
        (("control", "socket"), settings.control.socket),
        (("state",), settings.state / LONGEST_SOCKET),
    ):
        if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
            message = f"a unix socket's path would be longer than {MAX_SOCKET_PATH} bytes"
            yield ConfigError(message, document.place(path), "choose a shorter state folder")
            return


def _file_problems(settings: Settings, document: LocatedDocument) -> Iterator[ConfigError]:
    """Yield an error for each missing file that is needed at start."""
    for path, file in _required_files(settings):
        if not file.exists():
            yield ConfigError(f"{file} does not exist", document.place(path), "paths start at this file's folder")


def _name_problems(settings: Settings, document: LocatedDocument) -> Iterator[ConfigError]:
    """Yield an error for each name of the file that must, or must not, be registered in it."""
    for error in control_problems(settings):
        yield _placed(error, document)
    for index, name in enumerate(settings.policy.other_connections):
        if name in settings.connections:
            place = document.place(("policy", "other_connections", index))
            yield ConfigError(f"policy.other_connections: {name} is registered here", place, "remove it")


def _required_files(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    for name, provider in settings.identity.providers.items():
        if provider.jwks_file:
            yield ("identity", "providers", name, "jwks_file"), provider.jwks_file
    for name, connection in settings.connections.items():
        if connection.upstream.ca_file:
            yield ("connections", name, "upstream", "ca_file"), connection.upstream.ca_file
    for key in ("paths", "data"):
        for index, file in enumerate(getattr(settings.policy, key)):
            yield ("policy", key, index), file
    if settings.policy.opa.ca_file:
        yield ("policy", "opa", "ca_file"), settings.policy.opa.ca_file
    if settings.evidence.clickhouse_password_file:
        yield ("evidence", "clickhouse_password_file"), settings.evidence.clickhouse_password_file
    sign_in = settings.control.sign_in
    if sign_in and sign_in.client_secret_file:
        yield ("control", "sign_in", "client_secret_file"), sign_in.client_secret_file
