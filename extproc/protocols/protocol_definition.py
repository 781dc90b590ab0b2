"""The record that defines a protocol: its settings, how to make it, and calls with which policies are tried."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from extproc.model.call import Call
from extproc.protocols.function_protocol import FunctionProtocol
from extproc.settings.connection import ConnectionSettings
from extproc.settings.limits import LimitSettings

SettingsT = TypeVar("SettingsT", bound=ConnectionSettings)


@dataclass(frozen=True, slots=True)
class SampleCall:
    """A small call of a protocol. A policy is tried with it before the policy is used."""

    call: Call
    path: str = "/"
    """The request's path."""
    content_type: bytes = b"application/json"
    body: bytes = b'{"id":"1"}'
    """The decoded body."""


@dataclass(frozen=True, slots=True)
class ProtocolDefinition(Generic[SettingsT]):
    """One protocol, as ``extproc.protocols.catalogue`` lists it."""

    name: str
    """The value of ``protocol`` in the configuration, and in policy's input."""
    settings: type[SettingsT]
    """The settings of a connection that speaks it: its keys, and the checks of them."""
    make: Callable[[str, SettingsT, LimitSettings], FunctionProtocol]
    """Makes the protocol of one connection, from the connection's name, its settings, and the limits.

    Raises ``ConfigError`` for settings that cannot be used.
    """
    samples: tuple[SampleCall, ...]
    """At least one call that can be read; also one of each shape that policy's input can have."""
    has_methods: bool = False
    """True if a call names a method of the protocol; then records have that method, not HTTP's."""
