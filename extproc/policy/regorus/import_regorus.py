"""Import the embedded engine, which is optional: a production guard asks OPA and needs no regorus."""

from collections.abc import Callable
from typing import Any, Protocol

from extproc.model.errors import ConfigError


class RegorusEngine(Protocol):
    """The methods of ``regorus.Engine`` that this package uses. The library has no type information.

    Each method may raise any exception. A panic derives from ``BaseException``. An engine that has raised must not
    be used again.
    """

    def add_policy(self, path: str, rego: str) -> object:
        """Parse and add a module; ``path`` is the file name in error messages."""

    def add_data_json(self, data: str) -> None:
        """Merge a JSON object into ``data``."""

    def add_extension(self, name: str, nargs: int, extension: Callable[..., Any]) -> None:
        """Call ``extension`` in place of the built-in function ``name``."""

    def set_input_json(self, input: str) -> None:  # noqa: A002 - the library's name
        """Set ``input`` to a JSON document."""

    def eval_query_as_json(self, query: str) -> str:
        """Evaluate a query. Returns JSON, as OPA's REST API gives it."""

    def eval_rule_as_json(self, rule: str) -> str:
        """Evaluate a rule by its full name. Returns its value as JSON; ``"<undefined>"`` if it has none."""

    def get_ast_as_json(self) -> str:
        """The syntax trees of all modules."""

    def clone(self) -> "RegorusEngine":
        """A copy that shares nothing mutable with this engine."""

    def set_enable_coverage(self, enable: bool) -> None:
        """Record which lines evaluations reach."""

    def get_coverage_report_as_json(self) -> str:
        """The lines that were reached, and those that were not, per file."""

    def set_gather_prints(self, b: bool) -> None:
        """Keep the output of ``print`` in the engine, off standard error."""


def new_engine() -> RegorusEngine:
    """Make an empty engine, which does not print to standard error.

    Raises:
        ConfigError: regorus is not installed.
    """
    try:
        import regorus  # noqa: PLC0415 - optional
    except ImportError:
        hint = "install extproc[embedded], or set policy.engine to opa"
        raise ConfigError("the embedded policy engine is not installed", None, hint) from None
    engine: RegorusEngine = regorus.Engine()
    engine.set_gather_prints(b=True)
    return engine
