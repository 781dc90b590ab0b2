"""The keys of the input that depend on what Envoy's configuration asks for."""

from collections.abc import Iterable

from extproc.policy.contract.input_shape import Path

CONNECTION_FACTS = frozenset(
    {
        "attributes.request.http.protocol",
        "attributes.destination",
        "attributes.tlsSession",
        "attributes.source.principal",
        "attributes.source.certificate",
        "attributes.contextExtensions",
    }
)
"""Facts that Envoy sends only if its filter asks for them."""
SAME = {"source_principal": "attributes.source.principal"}
"""Keys that repeat such a fact."""


def connection_facts(paths: Iterable[Path]) -> frozenset[str]:
    """The facts among the keys that a policy reads.

    Args:
        paths: keys behind ``input``.
    """
    written = {".".join(key or "" for key in path) for path in paths}
    named = {SAME.get(path.partition(".")[0], path) for path in written}
    return frozenset(fact for fact in CONNECTION_FACTS if any(f"{path}.".startswith(f"{fact}.") for path in named))
