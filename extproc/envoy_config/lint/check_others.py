"""Check the filters that ask another service than the guard about calls, such as opa-envoy-plugin."""

from collections.abc import Iterator

from extproc.envoy_config.lint.chain import Chain
from extproc.envoy_config.lint.dangers import Problem
from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import called
from extproc.envoy_config.render.building_blocks import AUTHZ_METADATA, GUARD_METADATA

MARKERS = (GUARD_METADATA, AUTHZ_METADATA)
"""Namespaces of dynamic metadata that have the guard's markers."""


def check_others(chain: Chain) -> Iterator[Problem]:
    """Say what the guard does not see of them, and find those that could change what it has decided about.

    Args:
        chain: has at least one filter of the guard.
    """
    first = min(index for index, _ in chain.guards)
    for index, config in chain.others:
        path, what = chain.filters[index].path, f"another {describe(config)}"
        if index < first:
            yield Problem("other-authz", path, f"{what}, is before the guard")
        else:
            yield Problem("other-authz-after", path, f"{what}, is after the guard")
        yield from _markers(config)


def describe(config: Node) -> str:
    """Return what the filter is and whom it calls: ``ext_authz filter, of the cluster opa``.

    Args:
        config: the configuration of ext_proc or ext_authz.
    """
    kind = "ext_proc" if config.message.endswith(".ExternalProcessor") else "ext_authz"
    target = config.text("grpc_service", "google_grpc", "target_uri")
    names = ", ".join(dict.fromkeys(called(config)))
    return f"{kind} filter, of the cluster {names}" if names else f"{kind} filter, of {target or 'no cluster'}"


def _markers(config: Node) -> Iterator[Problem]:
    received = config.get("metadata_options", "receiving_namespaces")
    for each in (node for kind in ("untyped", "typed") for node in received.each(kind)):
        if each.value in MARKERS:
            yield Problem("forged-metadata", each.path, f"{describe(config)}, may write {each.value}")
