"""Say in our words what the embedded engine's errors mean: the cause, with file and line, and what to do."""

import re
from collections.abc import Iterator

from extproc.model.errors import ConfigError, SourceLocation
from extproc.policy.contract.policy_sources import Module
from extproc.policy.regorus.lint.rego_module import LANGUAGE_IMPORTS

ENGINE_ERROR = re.compile(
    r"--> (?P<file>[^\n]*):(?P<line>\d+):(?P<column>\d+)\n.*?^error: (?P<message>[^\n]*)", re.MULTILINE | re.DOTALL
)
CONFLICT = re.compile(r"rule conflicts with rule at (\S+:\d+):\d+")
NO_IF = "`if` keyword is required before rule body"
V0 = 'this is Rego v0: run "opa fmt --v0-v1", or use engine: opa'
V0_HINT = "`opa fmt --v0-v1 --write FILE` rewrites it; an OPA server reads it with --v0-compatible"
EMBEDDED = "if `opa check` accepts it, write it in another way (Rego v1), or use engine: opa"
HINTS = (
    (NO_IF, "write `if` before the `{`"),
    ("rule must have a body or assignment", 'give it a value, `f("a") := true`, or a body, `… if { … }`'),
    ("expecting `package`", "begin the file with `package NAME`"),
    ("line exceeds maximum column width", "break the line"),
    ("cannot be shadowed", "use another name"),
    ("is unsafe", "give it a value first: `x := …`, `some x in …`"),
    (
        "used before definition",
        "declare a variable once, before its first use; rename an inner one of the same name",
    ),
    ("import shadows", "rename one of the imports with `as`"),
    ("was previously defined with", "give all definitions of a function as many arguments"),
    ("incompatible destructuring patterns", "give both sides the same shape"),
)
"""What to do about messages of the engine, by a part of them."""
NOT_CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')
"""Texts and comments of a module."""
TEMPLATE = re.compile(r"""\$(?=["`])""")
IMPORT = re.compile(r"^\s*import\s+((?:rego|future)(?:\.\w+)+)", re.MULTILINE)
IF = re.compile(r"\bif\b")
OPERATOR = re.compile(r"[\w\"`)\]}]\s+(and|or)\s+[\w\"`(\[{]")
KNOWN_IMPORTS = frozenset(".".join(path) for path in LANGUAGE_IMPORTS)
NEWER = "use engine: opa, or write it without"
SAYABLE = (
    (re.compile(r"divide by zero"), "divide by zero"),
    (re.compile(r"functions must not produce multiple outputs for same inputs"), r"\g<0>"),
    (CONFLICT, r"its value is not that of \1"),
    (re.compile(r"var (\w+) is unsafe\b.*"), r"variable \1 is unsafe: nothing gives it a value"),
    (re.compile(r"(`[\w.]+` expects \d+ arguments?)\b.*"), r"\1"),
    (re.compile(r"(`[\w.]+` expects [a-z ]+ argument)\..*"), r"\1 of another type than it has"),
    (re.compile(r"mismatch in number of arguments. supplied (\d+), expected (\d+)"), r"\1 arguments, \2 expected"),
    (re.compile(r"previous value is not (an?) (set|object)"), r"another rule of that name is not \1 \2"),
    (re.compile(r"not an i64"), "an integer beyond 64 bits is given to this function"),
    (re.compile(r"extension '([\w.]+)' raises Python error: BadArgument: (.*)"), r"\1: \2"),
)
"""Messages of evaluations that may be repeated, and how. Others quote values."""
UNHASHABLE = "unhashable type"
"""Python's word for an array or object in a set, which no function of ours can be given."""


def is_from_engine(error: BaseException) -> bool:
    """True for exceptions, and for the engine's panics, which derive from ``BaseException`` alone."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def config_error(error: BaseException, file: str) -> ConfigError:
    """The engine's error about a policy as ours, with file, line and column."""
    found = ENGINE_ERROR.search(str(error))
    if found is None:
        return ConfigError("cannot be compiled", SourceLocation(file), "check it with `opa check`")
    place = SourceLocation(found["file"], int(found["line"]), int(found["column"]))
    message = found["message"]
    hint = next((hint for part, hint in HINTS if part in message), EMBEDDED)
    return ConfigError(message.rstrip("."), place, hint)


def syntax_error(error: BaseException, module: Module) -> ConfigError:
    """The engine's error about a module that it cannot parse, with the cause where that is known.

    Args:
        error: the engine's.
        module: the module.
    """
    found = config_error(error, module.name)
    code = NOT_CODE.sub(_blank, module.text)
    line = found.place.line if found.place else 0
    newer = next(_newer_language(module, code, line), None)
    if newer:
        return newer
    if found.message == NO_IF and (not IF.search(code) or "future.keywords" in code):
        return ConfigError(V0, found.place, V0_HINT)
    return found


def _newer_language(module: Module, code: str, line: int) -> Iterator[ConfigError]:
    """Parts of the language that OPA knows and the engine does not; operators only on the line of the error."""
    for item in IMPORT.finditer(code):
        if item[1] not in KNOWN_IMPORTS:
            message = f"import {item[1]} is newer than the embedded engine"
            yield ConfigError(message, _place(module, code, item.start(1)), NEWER)
    for item in TEMPLATE.finditer(code):
        hint = 'write sprintf("…%v…", [x]) or concat, or use engine: opa'
        message = 'string interpolation, $"…{x}…", is not available in the embedded engine'
        yield ConfigError(message, _place(module, code, item.start()), hint)
    for item in OPERATOR.finditer(code):
        place = _place(module, code, item.start(1))
        if place.line == line:
            yield ConfigError(f"the operator `{item[1]}` is newer than the embedded engine", place, NEWER)


def _blank(found: re.Match[str]) -> str:
    """The same text without its content: as long, with the same lines and quotes."""
    text = found[0]
    inner = re.sub(r"[^\n]", " ", text[1:-1])
    return re.sub(r"[^\n]", " ", text) if text[0] == "#" else text[0] + inner + text[-1]


def _place(module: Module, code: str, at: int) -> SourceLocation:
    line = code.count("\n", 0, at) + 1
    return SourceLocation(module.name, line, at - code.rfind("\n", 0, at))


def evaluation_error(error: BaseException) -> str:
    """What went wrong in an evaluation, and where: the policy's names and places, and nothing of the input."""
    found = ENGINE_ERROR.search(str(error))
    if found is None:
        return f"evaluation failed ({type(error).__name__})"
    at, message = f"{found['file']}:{found['line']}", found["message"]
    if UNHASHABLE in message:
        return f"evaluation failed at {at}: a set that holds arrays, objects or sets is given to this function"
    for pattern, words in SAYABLE:
        said = pattern.fullmatch(message)
        if said:
            return f"evaluation failed at {at}: {said.expand(words)}"
    return f"evaluation failed at {at}"
