"""A policy as one value: its modules, data and query, with a revision."""

import json
from dataclasses import asdict, dataclass

from extproc.model.call import Json
from extproc.policy.contract.input_settings import HIDE_SECRETS, InputSettings
from extproc.policy.contract.text_digest import digest

TEST_SUFFIX = "_test.rego"
LOADED = "extproc_loaded"
"""A key of ``data`` with facts that the loader gives to policies. Data files must not define it."""
ENTRY = "extproc_entry"
"""The package with the loader's own rule."""
RESERVED = frozenset({LOADED, ENTRY})


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file."""

    name: str
    """The path for people: the given one, and the path below it. For starter policies, the file name alone."""
    text: str
    below: str = ""
    """Its path below the given folder, if one was given. The revision has this path, wherever the folder is."""

    @property
    def is_test(self) -> bool:
        """True if the module holds tests. Such modules are not part of the policy in force."""
        return self.name.endswith(TEST_SUFFIX)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of data."""

    name: str
    """The path for people; in a bundle, below the bundle's own."""
    below: tuple[str, ...] = ()
    """The keys of the whole data under which the file's value is."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that determines decisions: modules, data and the query; and the policy's tests."""

    modules: tuple[Module, ...]
    data: Json
    """All data files merged; an object."""
    query: str
    tests: tuple[Module, ...] = ()
    settings: InputSettings = HIDE_SECRETS
    """The settings on which the input's keys depend. Not a part of the revision."""
    data_files: tuple[DataFile, ...] = ()
    """The files of the data, in the order in which they were merged: for the places of errors."""

    @property
    def revision(self) -> str:
        """SHA-256 over the sorted modules, the merged data and the query, lower-case hex."""
        modules = sorted((module.below or module.name, module.text) for module in self.modules)
        texts = (text for module in modules for text in module)
        return digest([*texts, json.dumps(self.data, sort_keys=True), self.query])

    def to_json(self) -> bytes:
        """The sources as JSON, for another process of this program: see ``sources_of``."""
        return json.dumps(asdict(self)).encode()


def sources_of(raw: bytes) -> Sources:
    """Read the output of ``Sources.to_json``. May raise any exception on other input."""
    found = json.loads(raw)
    modules, tests = (tuple(Module(**module) for module in found[key]) for key in ("modules", "tests"))
    settings = InputSettings(tuple(found["settings"]["show_headers"]), found["settings"]["usage"])
    files = [DataFile(each["name"], tuple(each["below"])) for each in found["data_files"]]
    return Sources(modules, found["data"], found["query"], tests, settings, tuple(files))
