"""Turn pydantic's errors into errors for people: the place in the file, the cause, and a hint.

No message repeats a value of the file: a secret in the wrong place must not end up in a log.
"""

import difflib
import re
import types
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from extproc.codecs.located_yaml import KeyPath, LocatedDocument, shown
from extproc.config.expected_forms import form_hint
from extproc.config.one_of import OneOf
from extproc.model.errors import ConfigError
from extproc.settings.base import Example

KEY = "[key]"
"""Ends pydantic's location of a key that is wrong itself."""
EXPONENT = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+")
"""A number with an exponent. YAML 1.1 reads it as a number only with a point and a sign: ``1.0e+3``."""


@dataclass
class ConfigErrors(ConfigError):
    """Several errors, each with its own place."""

    problems: tuple[ConfigError, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join((self.message, *(str(problem) for problem in self.problems)))


def combined(problems: list[ConfigError]) -> ConfigError:
    """Make one error of several. At least one is needed."""
    flat = [one for each in problems for one in (each.problems if isinstance(each, ConfigErrors) else (each,))]
    if len(flat) == 1:
        return flat[0]
    return ConfigErrors(f"{len(flat)} things are wrong:", flat[0].place, problems=tuple(flat))


def explain(error: ValidationError, document: LocatedDocument, root: type[BaseModel]) -> ConfigError:
    """Describe pydantic's errors by the keys and places of the file."""
    return combined(
        [_problem(each, document, root) for each in error.errors(include_url=False, include_input=False)]
    )


def _problem(details: ErrorDetails, document: LocatedDocument, root: type[BaseModel]) -> ConfigError:
    path, annotation = _locate(details["loc"], document.data, root)
    of_key = details["loc"][-1:] == (KEY,)
    value = path[-1] if of_key and path else _value(document.data, path)
    message, hint = _words(details, path, annotation, value)
    return ConfigError(message, document.place(path), hint)


def _value(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data[part]
    return data


def _locate(loc: tuple[str | int, ...], data: Any, annotation: Any) -> tuple[KeyPath, Any]:
    """Return the key path in the file, and the annotation of the last model or field on it.

    pydantic's location also names union members (such as ``mcp``) and ``[key]``: neither is in the file.
    """
    path: list[str | int] = []
    for part in loc:
        narrowed = _narrow(annotation, part)
        if narrowed is not None:
            annotation = narrowed
            continue
        if not _has(data, part):
            break
        data = data[part]
        path.append(part)
        annotation = _step(annotation, part) or annotation
    return tuple(path), annotation


def _has(data: Any, part: str | int) -> bool:
    return (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int))


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation alone."""
    if get_origin(annotation) is Annotated:
        base, *metadata = get_args(annotation)
        unions = [each for each in metadata if isinstance(each, OneOf)]
        return list(unions[0].models) if unions else _members(base)
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for each in get_args(annotation) for member in _members(each)]
    return [annotation]


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [each for each in _members(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]


def _narrow(annotation: Any, tag: object) -> type[BaseModel] | None:
    """Return the member of a discriminated union that this tag names."""
    models = _models(annotation)
    named = [each for each in models if tag in _tags(each)] if len(models) > 1 else []
    return named[0] if named else None


def _tags(model: type[BaseModel]) -> tuple[object, ...]:
    protocol = model.model_fields.get("protocol")
    return get_args(protocol.annotation) if protocol else ()


def _step(annotation: Any, part: str | int) -> Any:
    """Return the annotation one key further down; None if there is none."""
    for member in _members(annotation):
        if get_origin(member) is dict:
            return get_args(member)[1]
        if get_origin(member) is list:
            return get_args(member)[0]
    for model in _models(annotation):
        if part in model.model_fields:
            return model.model_fields[str(part)].annotation
    return None


def _words(details: ErrorDetails, path: KeyPath, annotation: Any, value: Any) -> tuple[str, str]:
    """Return the cause, and a hint."""
    key = str(details["loc"][-1]) if details["loc"] else ""
    context = details.get("ctx", {})
    where = f"{'.'.join(str(part) for part in path)}: " if path else ""
    words = {
        "extra_forbidden": (f"unknown key {shown(key)}", _did_you_mean(key, annotation)),
        "missing": (f"{key!r} is missing", f"add {_example(key, annotation)}"),
        "union_tag_invalid": ("unknown protocol", f"protocol is one of {context.get('expected_tags')}"),
        "union_tag_not_found": ("'protocol' is missing", f"add protocol: {' or '.join(_choices(annotation))}"),
        "value_error": (f"{where}{context.get('error')}", ""),
        "string_pattern_mismatch": (
            f"{where}not of the expected form",
            form_hint(str(context.get("pattern")), value, path),
        ),
        "model_type": (f"{where}must be a mapping", _did_you_mean("", annotation)),
        "bool_type": (f"{where}must be true or false, without quotes", ""),
        "int_type": (f"{where}must be a whole number, without quotes", _digits(value)),
        "float_type": (f"{where}must be a number, without quotes", _digits(value)),
        "string_type": (f"{where}must be text", 'write it in quotes: "…"'),
        "list_type": (f"{where}must be a list", _list_example(annotation)),
        "enum": (f"{where}input should be {context.get('expected')}", _meant(value, context)),
        "literal_error": (f"{where}input should be {context.get('expected')}", _meant(value, context)),
        "path_type": (f"{where}must be a path", 'write it in quotes: "…"'),
    }
    message = details["msg"]
    return words.get(details["type"], (f"{where}{message[:1].lower()}{message[1:]}", ""))


def _list_example(annotation: Any) -> str:
    """Return how to write a list of one item."""
    items = [get_args(each)[0] for each in _members(annotation) if get_origin(each) is list]
    if not items:
        return ""
    models = _models(items[0])
    return f"write it so: [{{{next(iter(models[0].model_fields))}: …}}]" if models else 'write it so: ["…", "…"]'


def _meant(value: object, context: dict[str, Any]) -> str:
    """Return the one of some values that was probably meant. Repeats nothing of the value."""
    known = re.findall(r"'([^']*)'", str(context.get("expected")))
    if not isinstance(value, str) or not value:
        return ""
    begun = [each for each in known if each.startswith(value)]
    if begun:
        return f"did you mean {begun[0]!r}?" if len(begun) == 1 else ""
    return _suggestion(value, known)


def _digits(value: object) -> str:
    """Explain a number that YAML reads as text, ``1e3``; say nothing of other values."""
    exponent = isinstance(value, str) and EXPONENT.fullmatch(value)
    return "write all digits: YAML reads 1e3 as text" if exponent else ""


def _example(key: str, annotation: Any) -> str:
    """Return a line of YAML for a key that is missing."""
    fields = [model.model_fields[key] for model in _models(annotation) if key in model.model_fields]
    examples = [each.text for field in fields for each in field.metadata if isinstance(each, Example)]
    return examples[0] if examples else f"{key}: …"


def _choices(annotation: Any) -> list[str]:
    return [str(tag) for model in _models(annotation) for tag in _tags(model)]


def _did_you_mean(key: str, annotation: Any) -> str:
    known = list(dict.fromkeys(name for model in _models(annotation) for name in model.model_fields))
    return _suggestion(key, known) or f"known keys here: {', '.join(known)}"


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""
