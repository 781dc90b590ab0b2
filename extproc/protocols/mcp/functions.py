"""The registered functions of an MCP server, and the one that a message calls.

A tool and a method are named as they are. Prompts and resources have names that no tool can have: ``prompt:NAME``
and ``resource:PATTERN``. The URI of a resource is an argument, not a name: it can hold data.

The keys of a call are closed: what policy, approvers and masks do not see must not reach the server. ``_meta`` and
``requestState`` are the protocol's own, and opaque.

Sources: MCP 2024-11-05 to 2025-11-25; MCP 2026-07-28, server features and multi round-trip requests.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from extproc.codecs.json_keys import fold
from extproc.codecs.unreadable import Unreadable
from extproc.model.call import Json
from extproc.model.reasons import Uninspectable
from extproc.protocols.mcp.message import Message
from extproc.protocols.mcp.methods import (
    CALLS,
    COMPLETE,
    LISTEN,
    MESSAGES,
    NOTIFICATIONS,
    OF_RESOURCES,
    PROMPTS_GET,
    PROMPTS_LIST,
    PROTOCOL_MESSAGES,
    RESERVED,
    RESOURCES_LIST,
    TEMPLATES_LIST,
    TOOLS_CALL,
    TOOLS_LIST,
)
from extproc.protocols.mcp.patterns import METHOD_NAME, PLAIN_NAME, PRINTABLE_NAME, NamePatterns, UriPatterns

PROMPT = "prompt:"
RESOURCE = "resource:"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}:")
INPUTS = "inputResponses"
STATE = "requestState"
META = "_meta"
TASK = "task"
TASK_TIMES = frozenset({"ttl", "pollInterval"})
"""The members of a call's ``task``. Servers define ``pollInterval``; clients send it all the same."""
WANTED = "notifications"
SUBSCRIPTIONS = "resourceSubscriptions"
SETTINGS = {
    TOOLS_CALL: ("tools",),
    TOOLS_LIST: ("tools",),
    PROMPTS_GET: ("prompts",),
    PROMPTS_LIST: ("prompts",),
    COMPLETE: ("prompts", "resources"),
    **dict.fromkeys((*OF_RESOURCES, RESOURCES_LIST, TEMPLATES_LIST), ("resources",)),
}
"""The settings that register functions for a method. Where all are empty, the server is taken not to have it."""
MULTI_ROUND = frozenset({META, INPUTS, STATE})
TOOL_KEYS = frozenset({"name", "arguments", TASK}) | MULTI_ROUND
PROMPT_KEYS = frozenset({"name", "arguments"}) | MULTI_ROUND
RESOURCE_KEYS = frozenset({"uri"}) | MULTI_ROUND
COMPLETE_KEYS = frozenset({"ref", "argument", "context", META})
REF_KEYS = {"ref/prompt": frozenset({"type", "name", "title"}), "ref/resource": frozenset({"type", "uri"})}


class Function(NamedTuple):
    """The function that a message calls, or the protocol message that it is."""

    name: str
    arguments: Json
    setting: str
    """The setting that registers such functions."""
    is_registered: bool


class Functions:
    """The functions that a connection registers."""

    def __init__(
        self, *, tools: Iterable[str], prompts: Iterable[str], resources: Iterable[str], methods: Iterable[str]
    ) -> None:
        """Read the names and patterns of each kind, as the settings have them."""
        self._tools = NamePatterns(tools, PLAIN_NAME)
        self._prompts = NamePatterns(prompts, PRINTABLE_NAME)
        self._resources = UriPatterns(resources)
        self._methods = NamePatterns(methods, METHOD_NAME)

    def has_method(self, method: str) -> bool:
        """Return whether ``methods`` registers the method."""
        return method not in RESERVED and self._methods.match(method)

    def is_open(self, name: str) -> bool:
        """Return whether the settings have only the beginning of a function's name: the caller chose the rest."""
        if name.startswith(PROMPT):
            return name.removeprefix(PROMPT) not in self._prompts
        is_known = name in PROTOCOL_MESSAGES or name.startswith(RESOURCE)
        return not (is_known or name in self._tools or name in self._methods)

    def supports(self, setting: str) -> bool:
        """Return whether something is registered by ``tools``, ``prompts`` or ``resources``."""
        return bool({"tools": self._tools, "prompts": self._prompts, "resources": self._resources}[setting])

    def tool(self, name: str) -> str | None:
        """Return the function of the tool with this name; None if it is not registered."""
        may_be = self._tools.match(name) and name not in RESERVED and not self._methods.match(name)
        return name if may_be else None

    def prompt(self, name: str) -> str | None:
        """Return the function of the prompt with this name; None if it is not registered."""
        return PROMPT + name if self._prompts.match(name) else None

    def resource(self, uri: str) -> str | None:
        """Return the function of the resource, or of the template, with this URI; None if it is not registered."""
        pattern = self._resources.match(uri)
        return None if pattern is None else RESOURCE + pattern

    def has(self, name: str, method: str) -> bool:
        """Return whether a call may have this name and method: whether its function is registered."""
        if method == TOOLS_CALL:
            return self.tool(name) is not None
        if name.startswith(PROMPT):
            return self.prompt(name.removeprefix(PROMPT)) is not None
        if name.startswith(RESOURCE):
            return name.removeprefix(RESOURCE) in self._resources
        return name in PROTOCOL_MESSAGES or self.has_method(name)

    def called_by(self, message: Message) -> Function:
        """Return the function that a message calls.

        Raises:
            Unreadable: its parameters are not those of its method.
        """
        kinds = SETTINGS.get(message.method, ())
        if kinds and not any(map(self.supports, kinds)):
            return Function(message.method, message.params, kinds[0], is_registered=False)
        if message.method in CALLS:
            return self._called(message.method, message.params)
        if message.is_answer or message.method in MESSAGES or message.method in NOTIFICATIONS:
            known = message.method != LISTEN or self._may_listen(message.params)
            return Function(message.method, message.params, "resources", is_registered=known)
        return Function(message.method, message.params, "methods", self.has_method(message.method))

    def _called(self, method: str, params: dict[str, Json]) -> Function:
        """Read a call of a tool, prompt or resource.

        Raises:
            Unreadable: its parameters are not those of its method.
        """
        if method == TOOLS_CALL:
            return self._tool_call(params)
        if method == PROMPTS_GET:
            name = _text(params, "name", PROMPT_KEYS)
            return _function("prompts", self.prompt(name), PROMPT + name, _with_inputs(params, _arguments(params)))
        if method in OF_RESOURCES:
            uri = _text(params, "uri", RESOURCE_KEYS)
            return _function(
                "resources", self.resource(uri), _unregistered(uri), _with_inputs(params, {"uri": uri})
            )
        return self._completion(params)

    def _tool_call(self, params: dict[str, Json]) -> Function:
        name = _text(params, "name", TOOL_KEYS)
        if TASK in params and not _is_task(params[TASK]):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        return _function("tools", self.tool(name), name, _with_inputs(params, _arguments(params)))

    def _completion(self, params: dict[str, Json]) -> Function:
        """Read a completion: it reads what the prompt or the resource that it refers to would."""
        ref = params.get("ref")
        kind = ref.get("type") if isinstance(ref, dict) else None
        if not isinstance(ref, dict) or not isinstance(kind, str) or kind not in REF_KEYS:
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        if not params.keys() <= COMPLETE_KEYS or not _is_completed(
            params.get("argument"), params.get("context", {})
        ):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        arguments = {key: value for key, value in params.items() if key != META}
        if kind == "ref/prompt":
            name = _text(ref, "name", REF_KEYS[kind])
            return _function("prompts", self.prompt(name), PROMPT + name, arguments)
        uri = _text(ref, "uri", REF_KEYS[kind])
        return _function("resources", self.resource(uri), _unregistered(uri), arguments)

    def _may_listen(self, params: dict[str, Json]) -> bool:
        """Return whether all resources are registered that a client wants to hear of.

        Raises:
            Unreadable: a server could read other resources than these.
        """
        wanted = _only(params, WANTED, {})
        uris = _only(wanted, SUBSCRIPTIONS, []) if isinstance(wanted, dict) else None
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            raise Unreadable(Uninspectable.NOT_JSONRPC)
        return all(isinstance(uri, str) and self.resource(uri) for uri in uris)


def _function(setting: str, registered: str | None, asked: str, arguments: Json) -> Function:
    return Function(asked if registered is None else registered, arguments, setting, registered is not None)


def _unregistered(uri: str) -> str:
    """Return the name of a resource that nothing registers: the URI's scheme alone, since the rest may be data."""
    scheme = SCHEME.match(uri)
    return RESOURCE + (scheme[0] if scheme else "")


def _text(owner: dict[str, Json], key: str, keys: frozenset[str]) -> str:
    """Return the text at a key of an object that has no other keys than these.

    Raises:
        Unreadable: it has, or there is no text.
    """
    value = owner.get(key)
    if not isinstance(value, str) or not owner.keys() <= keys:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return value


def _only(owner: dict[str, Json], key: str, default: Json) -> Json:
    """Return the value at a key of an object that has no other spelling of the key, such as Python's.

    Raises:
        Unreadable: it has.
    """
    if any(each != key and fold(each).replace("_", "") == key.lower() for each in owner):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return owner.get(key, default)


def _arguments(params: dict[str, Json]) -> dict[str, Json]:
    arguments = params.get("arguments")
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return arguments


def _with_inputs(params: dict[str, Json], arguments: dict[str, Json]) -> dict[str, Json]:
    """Return the arguments, and the client's answers to the server's questions beside them.

    Raises:
        Unreadable: the answers are not an object, or an argument has their name; the state is no text.
    """
    if not isinstance(params.get(STATE, ""), str):
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    if INPUTS not in params:
        return arguments
    inputs = params[INPUTS]
    if not isinstance(inputs, dict) or INPUTS in arguments:
        raise Unreadable(Uninspectable.NOT_JSONRPC)
    return {**arguments, INPUTS: inputs}


def _is_completed(argument: Json, context: Json) -> bool:
    """Return whether this is an argument with the beginning of its value, and others that are chosen already."""
    if not isinstance(argument, dict) or not isinstance(context, dict) or argument.keys() != {"name", "value"}:
        return False
    chosen = context.get("arguments", {})
    texts = (argument["name"], argument["value"])
    return context.keys() <= {"arguments"} and isinstance(chosen, dict) and all(isinstance(x, str) for x in texts)


def _is_task(task: Json) -> bool:
    """Return whether this asks for a task, and says nothing but times (MCP 2025-11-25, tasks)."""
    return isinstance(task, dict) and task.keys() <= TASK_TIMES and all(map(_is_time, task.values()))


def _is_time(value: Json) -> bool:
    """Return whether this is a time in milliseconds, or ``null``."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
