"""Where the recorder listens: found by shape or by name, because a refactoring moves and renames things."""

import asyncio
import contextvars
import copy
import functools
import importlib
import inspect
import itertools
import os
import pkgutil
import secrets
import sys
import uuid
from dataclasses import astuple, fields, is_dataclass

from envoy.service.auth.v3.external_auth_pb2 import CheckResponse
from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingResponse
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from tests.recording.normal import digest
from tests.recording.tape import Tape

NAMES = {
    "exchange": ("exchange",),
    "check": ("check", "check_request"),
    "Refused": ("Refused",),
    "mask": ("mask",),
    "mask_text": ("mask_text",),
    "find": ("find",),
    "trial": ("trial", "preview"),
    "field": ("field", "mask_field"),
    "hidden": ("hidden", "mask_hidden"),
    "stream": ("stream",),
    "frames": ("frames", "grpc_stream"),
    "words_unreadable": ("words_unreadable", "crash_file_unreadable"),
}
"""Every name that a thing has, or has had. The first one is written into recordings."""

PACKAGES = tuple(f"extproc.{name}." for name in ("flow", "masking", "evidence", "model", "policy"))
RECORDS = ("record", "record_end", "record_relaxed")
OBSERVED = ("call_held", "call_ended", "evidence_lost")
STREAMS = ("stream", "frames")
MASKS = ("mask", "mask_text", "find", "trial", "field", "hidden")

MADE = itertools.count()

tape: Tape | None = None
"""Of the test that runs now."""
inside = contextvars.ContextVar("inside", default=False)
"""True within something that is recorded as a whole."""


def install() -> None:
    """Listen everywhere. All modules of tests must have been imported."""
    _import_all()
    _hook_flow()
    for each in (*_classes("extproc"), *_classes("tests")):
        if getattr(each, "_is_protocol", False):
            continue
        if _has(each, *RECORDS):
            _hook_recorder(each)
        if _has(each, "mask", "mask_text", "find"):
            _hook_masker(each)
        if _has(each, *OBSERVED):
            _hook_observer(each)
        if inspect.iscoroutinefunction(each.__dict__.get("evaluate")):
            each.evaluate = _asking(each.__dict__["evaluate"])
        if each.__module__.startswith("tests.") and _is_peer(each):
            each.send = _sending(each.__dict__["send"])
    _hook_readers()
    uuid.uuid4 = _uuid4
    fsync = os.fsync
    os.fsync = lambda handle: None if tape else fsync(handle)  # `extproc doctor` tells of a slow disk
    CliRunner.invoke = _running(CliRunner.invoke)


def _hook_flow() -> None:
    for name in ("exchange", "check"):
        for original in _found(name, "extproc.flow", inspect.iscoroutinefunction):
            _replace(original, _ending(original, name))
    for each in _found("Refused", "extproc.model", inspect.isclass):
        _hook_refusals(each)


def _import_all() -> None:
    """Import what is listened to, wherever in its package it is."""
    for found in pkgutil.walk_packages(importlib.import_module("extproc").__path__, "extproc."):
        if found.name.startswith(PACKAGES) or "metrics" in found.name.rpartition(".")[2]:
            importlib.import_module(found.name)


def _modules(*packages: str):
    return [
        module
        for name, module in list(sys.modules.items())
        if module is not None and name.partition(".")[0] in packages and not name.startswith("tests.recording")
    ]


def _classes(package: str):
    """Classes that are defined in a package."""
    found = {
        each: None
        for module in _modules(package.partition(".")[0])
        for each in list(vars(module).values())
        if inspect.isclass(each) and f"{each.__module__}.".startswith(f"{package}.")
    }
    return list(found)


def _found(name: str, package: str, is_kind):
    """Things of any of the names, where they are defined."""
    found = {
        each: None
        for module in _modules("extproc")
        for each in (getattr(module, known, None) for known in NAMES[name])
        if each is not None and is_kind(each) and f"{each.__module__}.".startswith(f"{package}.")
    }
    if not found:
        raise LookupError(f"{package} has none of {NAMES[name]}: add the new name to tests/recording/hooks.py")
    return list(found)


def _has(each: type, *names: str) -> bool:
    return all(callable(getattr(each, name, None)) for name in names)


def _is_peer(each: type) -> bool:
    own = each.__dict__.get("send")
    return inspect.iscoroutinefunction(own) and inspect.iscoroutinefunction(getattr(each, "receive", None))


def _replace(original, wrapped) -> None:
    """Wherever a module has it by name."""
    for module in _modules("extproc", "tests"):
        for name, value in list(vars(module).items()):
            if value is original:
                setattr(module, name, wrapped)


def _ending(original, name: str):
    """Record how it ended, and the bytes that it gave."""

    @functools.wraps(original)
    async def wrapped(*args, **named):
        try:
            given = await original(*args, **named)
        except asyncio.CancelledError:
            _end(name, "was cancelled")
            raise
        except BaseException as error:
            _end(name, f"raised {type(error).__name__}", error)
            raise
        if tape and isinstance(given, bytes):
            tape.message("check", given, CheckResponse)
        else:
            _end(name, "returned")
        return given

    return wrapped


def _end(*words) -> None:
    if tape:
        tape.end(*words)


def _hook_refusals(each: type) -> None:
    original = each.__init__

    @functools.wraps(original)
    def made(self, *args, **named):
        original(self, *args, **named)
        if tape and type(self).__init__ is made:
            tape.refused(self)

    each.__init__ = made
    for below in each.__subclasses__():
        if "__init__" in vars(below):
            _hook_refusals(below)


def _sending(original):
    """Record a message to Envoy."""

    @functools.wraps(original)
    async def send(self, message, *args, **named):
        if tape and not inside.get():
            data = message if isinstance(message, bytes) else bytes(message)
            tape.message("to Envoy", data, ProcessingResponse)
        with _as_a_whole():
            return await original(self, message, *args, **named)

    return send


class _as_a_whole:  # noqa: N801 - used as a function
    def __enter__(self):
        self.token = inside.set(True)

    def __exit__(self, *_):
        inside.reset(self.token)


def _hook_readers() -> None:
    """Tests read messages with a second implementation: record those that no peer was given."""
    from envoy_data_plane.envoy.service.auth import v3 as auth
    from envoy_data_plane.envoy.service.ext_proc import v3 as ext_proc

    for reader, kind in ((ext_proc.ProcessingResponse, ProcessingResponse), (auth.CheckResponse, CheckResponse)):
        reader.parse = _reading(reader.parse, kind)


def _reading(original, kind):
    def parse(data, *args, **named):
        if tape and not inside.get():
            tape.message("read by a test", bytes(data), kind)
        return original(data, *args, **named)

    return parse


def _uuid4() -> uuid.UUID:
    """A random UUID that sorts after those made before: files are read in the order of their random names."""
    return uuid.UUID(int=next(MADE) << 88 | secrets.randbits(88), version=4)


def _hook_recorder(each: type) -> None:
    for name in RECORDS:
        own = each.__dict__.get(name)
        if own is not None:
            setattr(each, name, (_recording_later if inspect.iscoroutinefunction(own) else _recording)(own, name))


def _recording(original, name: str):
    @functools.wraps(original)
    def record(self, entry, *args, **named):
        event = tape.entry(name, entry) if tape and not inside.get() else {}
        try:
            with _as_a_whole():
                return original(self, entry, *args, **named)
        except Exception as error:
            event |= {"raised": type(error).__name__, "detail": str(error)}
            raise

    return record


def _recording_later(original, name: str):
    @functools.wraps(original)
    async def record(self, entry, *args, **named):
        event = tape.entry(name, entry) if tape and not inside.get() else {}
        try:
            with _as_a_whole():
                return await original(self, entry, *args, **named)
        except Exception as error:
            event |= {"raised": type(error).__name__, "detail": str(error)}
            raise

    return record


def _asking(original):
    """Record policy's input, and its answer."""

    @functools.wraps(original)
    async def evaluate(self, document, *args, **named):
        event = tape.asked(document) if tape and not inside.get() else {}
        try:
            with _as_a_whole():
                answer = await original(self, document, *args, **named)
        except Exception as error:
            event |= {"raised": type(error).__name__, "detail": str(error)}
            raise
        event["answer"] = copy.deepcopy(answer) if isinstance(answer, dict | list | str | bytes) else None
        return answer

    return evaluate


def _hook_observer(each: type) -> None:
    for name, own in list(vars(each).items()):
        if inspect.isfunction(own) and not name.startswith("_"):
            known = next((first for first, names in NAMES.items() if name in names), name)
            setattr(each, name, _observing(own, known))


def _observing(original, name: str):
    @functools.wraps(original)
    def told(self, *args, **named):
        if tape and not inside.get():
            entry = args[0] if args else None
            labels = [str(getattr(entry, label, "")) for label in ("connection", "kind", "reason")]
            tape.observed[f"observer {name} {' '.join(labels).strip()}".rstrip()] += 1
        with _as_a_whole():
            return original(self, *args, **named)

    return told


def _running(original):
    """Record a command."""

    @functools.wraps(original)
    def invoke(self, app, args=None, *more, **named):
        result = original(self, app, args, *more, **named)
        if tape:
            tape.command(
                args=[str(each) for each in ([args] if isinstance(args, str) else args or [])],
                exit_code=result.exit_code,
                stdout=result.stdout,
                stderr=result.stderr,
                raised=type(result.exception).__name__ if result.exception else "",
            )
        return result

    return invoke


def _hook_masker(each: type) -> None:
    for name in (*MASKS, *STREAMS):
        for known in NAMES[name]:
            own = each.__dict__.get(known)
            if own is not None:
                setattr(each, known, (_streaming if name in STREAMS else _masking)(own, name))


def _masking(original, name: str):
    @functools.wraps(original)
    def masked(self, *args, **named):
        if tape is None:
            return original(self, *args, **named)
        direct, key = _is_direct(), {"method": name, **_key(args, named)}
        try:
            result = original(self, *args, **named)
        except Exception as error:
            tape.mask(key, _failure(error), direct=direct)
            raise
        tape.mask(key, _output(result), direct=direct)
        return result

    return masked


def _streaming(original, name: str):
    """Record a stream's input and output once the test is over, however it was cut."""

    @functools.wraps(original)
    def begun(self, *args, **named):
        stream = original(self, *args, **named)
        if tape is not None:
            _hook_stream(type(stream))
            seen = {"in": b"", "out": [], "raised": {}, "direct": _is_direct()}
            seen["key"] = {"method": name, **_key(args, named)}
            tape.streams[id(stream)] = (stream, seen)
        return stream

    return begun


def _hook_stream(kind: type) -> None:
    if getattr(kind.feed, "is_recorded", False):
        return
    feed, finish = kind.feed, kind.finish

    def recorded_feed(self, piece):
        return _step(self, bytes(piece), lambda: feed(self, piece))

    def recorded_finish(self):
        return _step(self, None, lambda: finish(self))

    recorded_feed.is_recorded = True
    kind.feed, kind.finish = recorded_feed, recorded_finish


def _step(stream, piece: bytes | None, work):
    _, seen = tape.streams.get(id(stream), (None, None)) if tape else (None, None)
    if seen is None:
        return work()
    seen["in"] += piece or b""
    try:
        out = work()
    except Exception as error:
        seen["raised"] = _failure(error)
        _tell_stream(stream, seen)
        raise
    seen["out"].append(out)
    if piece is None:
        _tell_stream(stream, seen)
    return out


def _tell_stream(stream, seen: dict) -> None:
    key = {**seen["key"], "input": digest(seen["in"])}
    output = {"output": digest(b"".join(seen["out"])), "findings": _findings(stream.findings), **seen["raised"]}
    if key["method"] != "stream":  # a map in a message has no order: bytes are counted, and findings sorted
        key["input"] = digest(bytes(sorted(seen["in"])))
        output["output"] = digest(bytes(sorted(b"".join(seen["out"]))))
        output["findings"].sort()
    if seen["direct"]:
        output["pieces"] = [len(each) for each in seen["out"]][:50]
    tape.mask(key, output, direct=seen["direct"])


def _is_direct() -> bool:
    """Whether a test called, and not the guard."""
    return "/tests/" in sys._getframe(2).f_code.co_filename


def _key(args, named) -> dict:
    """What was given, without any name of the project's."""
    values = [*args, *(named[name] for name in sorted(named))]
    key: dict = {"input": "", "given": []}
    for number, value in enumerate(values):
        if number == 0 and isinstance(value, bytes | str):
            key["input"] = digest(value)
        elif isinstance(value, bytes | str):
            key["given"].append(value if isinstance(value, str) else digest(value))
        elif isinstance(value, tuple):
            key["rules"] = [_rule(one) for one in value]
        elif isinstance(value, bool):
            key["given"].append(value)
        elif hasattr(value, "full_name"):
            key["given"].append(value.full_name)
    return key


def _rule(rule) -> list:
    """A rule's values that are not empty, whatever its fields are called."""
    return sorted(str(one) for one in (astuple(rule) if is_dataclass(rule) else rule) if one)


def _output(result) -> dict:
    match result:
        case bytes() | str():
            return {"output": digest(result)}
        case tuple() if result and isinstance(result[0], str):
            return {"output": digest(result[0]), "findings": _findings(result[1])}
        case tuple():
            return {"findings": _findings(result)}
    if hasattr(result, "masked"):
        return {"output": digest(result.masked), "findings": _findings(result.findings)}
    body = next(
        value for value in (getattr(result, one.name) for one in fields(result)) if isinstance(value, bytes)
    )
    return {"output": digest(body), "findings": _findings(result.findings)}


def _findings(found) -> list:
    return [[str(value) for value in (astuple(one) if is_dataclass(one) else one)] for one in found]


def _failure(error: Exception) -> dict:
    kind = getattr(error, "kind", None)
    return {"raised": type(error).__name__, "kind": str(kind) if kind else "", "detail": str(error)}


def _own_metrics():
    return [one for one in REGISTRY.collect() if one.name.startswith("extproc")]


def metrics() -> dict[str, float]:
    """The project's metrics now. Times are left out: of a histogram only its count is here."""
    return {
        sample.name
        + "{"
        + ",".join(f'{name}="{sample.labels[name]}"' for name in sorted(sample.labels))
        + "}": sample.value
        for one in _own_metrics()
        for sample in one.samples
        if not sample.name.endswith(("_created", "_sum", "_bucket"))
    }


def changed(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how much each metric that changed did."""
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def described() -> dict[str, dict]:
    """Names, types, labels and help of the project's metrics."""
    own = [one for one in REGISTRY._collector_to_names if str(getattr(one, "_name", "")).startswith("extproc")]
    return {
        one._name: {"type": one._type, "labels": list(one._labelnames), "help": one._documentation} for one in own
    }
