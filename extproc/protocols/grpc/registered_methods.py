"""The registered methods of a connection, read from its descriptor set."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Method, read_methods, read_types
from extproc.model.errors import ConfigError

MAKE_IT = "make it with protoc --include_imports --descriptor_set_out, or buf build"
SHOWN = 20
"""The number of methods that an error lists."""


def read_descriptors(path: Path) -> dict[str, Method]:
    """Return all methods of a descriptor set, by ``package.Service/Method``.

    Raises:
        ConfigError: it cannot be read, or is not a descriptor set.
    """
    with _explained(path):
        return {name[1:]: method for name, method in read_methods(path.read_bytes()).items()}


def read_message(path: Path, name: str) -> Descriptor:
    """Return a message type of a descriptor set by its full name.

    Raises:
        ConfigError: the file cannot be read, is not a descriptor set, or does not have the type.
    """
    with _explained(path):
        found = read_types(path.read_bytes())
    if name not in found:
        raise ConfigError(f"{path} has no message {name!r}", hint=_there_are(name, found))
    return found[name]


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say which file cannot be used, and what to do."""
    try:
        yield
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise ConfigError(message, hint="paths start at this file's folder") from None
    except ValueError as error:
        raise ConfigError(f"{path} is {error}", hint=MAKE_IT) from None


def registered_methods(descriptors: Path, names: Iterable[str]) -> dict[str, Method]:
    """Return the methods with these names.

    Raises:
        ConfigError: the descriptor set cannot be used, or does not have one of them.
    """
    found = read_descriptors(descriptors)
    for name in names:
        if name not in found:
            raise no_such_method(descriptors, name, found)
    return {name: found[name] for name in names}


def no_such_method(descriptors: Path, name: str, found: dict[str, Method]) -> ConfigError:
    """The error for a method that the descriptor set does not have: its hint lists those that it has."""
    return ConfigError(f"{descriptors} has no method {name!r}", hint=_there_are(name, found))


def _there_are(name: str, found: Mapping[str, Any]) -> str:
    """List the names of the set, the one that was probably meant first."""
    close = difflib.get_close_matches(name, found, n=1, cutoff=0.6)
    names = [*close, *(each for each in sorted(found) if each not in close)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"there are: {', '.join(names[:SHOWN])}{more}" if names else "it has none"
