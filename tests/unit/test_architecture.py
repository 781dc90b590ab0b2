"""Imports between packages, and names of modules. ``make lint`` holds the order of the layers as well."""

from collections import defaultdict
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2] / "extproc"
NAMED_FOR_THEIR_SUBJECT = ("extproc.cli.", "extproc.settings.", "extproc.model.")
"""A file per command, per section of the configuration, and per subject: its folder says which of them it is."""
SHARED_NAMES = {
    "catalogue": "of detectors, and of protocols",
    "definition": "one in each protocol's folder",
    "protocol": "one in each protocol's folder",
    "settings": "one in each protocol's folder",
}
"""Names that several modules may have, and why."""
KNOW_A_PROTOCOL = {
    "extproc.protocols.catalogue": "lists them",
    "extproc.protocols.reply_forms": "Envoy answers callers that speak gRPC as gRPC does, whatever the connection",
    "extproc.cli.mask_messages": "masks protocol buffers by a descriptor set, without a connection",
}
"""Modules that may import a protocol's folder, and why."""


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("extproc", exclude_type_checking_imports=False, cache_dir=None)


def test_packages_do_not_import_each_other_in_a_circle(graph):
    """Held for each package and the modules and packages in it. The error names an import to remove."""
    packages = {module for module in graph.modules if graph.find_children(module)}
    assert len(packages) > 20
    circles = {package: graph.nominate_cycle_breakers(package) for package in packages}
    assert {package: found for package, found in circles.items() if found} == {}


def test_no_import_is_for_type_checkers_alone():
    """Such an import hides a circle."""
    assert [file for file in ROOT.rglob("*.py") if "TYPE_CHECKING" in file.read_text()] == []


def test_a_protocol_is_known_to_the_catalogue_alone(graph):
    """Each folder of a protocol; what it exports is used through its definition and its settings' base class."""
    folders = [each for each in graph.find_children("extproc.protocols") if graph.find_children(each)]
    assert len(folders) >= 3
    importers = {
        importer
        for folder in folders
        for module in graph.find_descendants(folder)
        for importer in graph.find_modules_that_directly_import(module)
        if not importer.startswith(f"{folder}.")
    }
    assert importers == set(KNOW_A_PROTOCOL)


def test_a_name_of_a_module_means_one_thing(graph):
    named = defaultdict(list)
    for module in graph.modules:
        if not graph.find_children(module) and not module.startswith(NAMED_FOR_THEIR_SUBJECT):
            named[module.rpartition(".")[2]].append(module)
    twice = {name: sorted(modules) for name, modules in named.items() if len(modules) > 1}
    assert {name: modules for name, modules in twice.items() if name not in SHARED_NAMES} == {}
    assert twice.keys() >= SHARED_NAMES.keys()


def test_a_protocol_imports_no_other_protocol(graph):
    """Held for each folder, so that a new one needs no line in a contract."""
    folders = [each for each in graph.find_children("extproc.protocols") if graph.find_children(each)]
    assert len(folders) > 2
    crossing = {
        (importer, imported)
        for importer in folders
        for imported in folders
        if importer != imported
        and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    }
    assert crossing == set()
