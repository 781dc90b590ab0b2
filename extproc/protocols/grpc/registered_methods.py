"""The methods of a connection, read from its descriptor set."""

import difflib
from collections.abc import Iterator
from pathlib import Path

from extproc.codecs.descriptors import Method, ambiguous, read_methods
from extproc.codecs.located_yaml import KeyPath, LocatedDocument
from extproc.model.errors import ConfigError
from extproc.protocols.grpc.settings import GrpcConnection

MAKE_IT = "make it with protoc --include_imports --descriptor_set_out, or buf build"
SHOWN = 20
"""Methods that a message lists."""


def read_descriptors(path: Path) -> dict[str, Method]:
    """All methods of a descriptor set, by ``package.Service/Method``.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        found = read_methods(path.read_bytes())
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ConfigError(message, hint="paths start at this file's folder") from None
    except ValueError as error:
        raise ConfigError(f"{path} is {error}", hint=MAKE_IT) from None
    return {name[1:]: method for name, method in found.items()}


def registered(connection: GrpcConnection) -> dict[str, Method]:
    """The methods that a connection lets be called.

    Raises:
        ConfigError: the descriptor set is wrong, or does not have one of them.
    """
    found = read_descriptors(connection.descriptors)
    for name in connection.methods:
        if name not in found:
            raise ConfigError(f"{connection.descriptors} has no method {name!r}", hint=_there_are(name, found))
    return {name: found[name] for name in connection.methods}


def grpc_problems(connection: GrpcConnection, document: LocatedDocument, path: KeyPath) -> Iterator[ConfigError]:
    """What is wrong with a connection's methods, each with its place."""
    try:
        found = read_descriptors(connection.descriptors)
    except ConfigError as error:
        yield ConfigError(error.message, document.place((*path, "descriptors")), error.hint)
        return
    for index, name in enumerate(connection.methods):
        place = document.place((*path, "methods", index))
        if name in connection.methods[:index]:
            yield ConfigError(f"method {name!r} is listed twice", place)
        elif name not in found:
            message = f"{connection.descriptors} has no method {name!r}"
            yield ConfigError(message, place, _there_are(name, found))
        elif two := ambiguous(found[name].request) or ambiguous(found[name].response):
            yield ConfigError(f"two fields of {two} have one name in JSON", place, "give one of them a json_name")


def _there_are(name: str, found: dict[str, Method]) -> str:
    """The methods that there are; the one that was probably meant first."""
    close = difflib.get_close_matches(name, found, n=1, cutoff=0.6)
    names = [*close, *(each for each in sorted(found) if each not in close)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"there are: {', '.join(names[:SHOWN])}{more}" if names else "it has no services"
