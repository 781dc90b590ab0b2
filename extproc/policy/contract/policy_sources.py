"""A policy as one value: its modules, data and query, with a revision."""

import json
from dataclasses import asdict, dataclass

from extproc.model.call import Json
from extproc.policy.contract.text_digest import digest

TEST_SUFFIX = "_test.rego"
LOADED = "extproc_loaded"
"""Below ``data``: what the loader tells policies. Data files must not give it."""
ENTRY = "extproc_entry"
"""The loader's own package."""
RESERVED = frozenset({LOADED, ENTRY})


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file."""

    name: str
    """As a person would find it: the path they gave, and what is below it. Of starter policies the file alone."""
    text: str
    below: str = ""
    """Its path below the folder they gave, if they gave one: what counts is there, wherever the folder is."""

    @property
    def is_test(self) -> bool:
        """Whether this holds tests: such modules are not part of the policy in force."""
        return self.name.endswith(TEST_SUFFIX)


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that decides: modules without tests, data and the query."""

    modules: tuple[Module, ...]
    data: Json
    """Merged; an object."""
    query: str
    tests: tuple[Module, ...] = ()

    @property
    def revision(self) -> str:
        """SHA-256 over the sorted modules, the merged data and the query, lower-case hex."""
        modules = sorted((module.below or module.name, module.text) for module in self.modules)
        texts = (text for module in modules for text in module)
        return digest([*texts, json.dumps(self.data, sort_keys=True), self.query])

    def to_json(self) -> bytes:
        """All of it, for another process of ours: see ``sources_of``."""
        return json.dumps(asdict(self)).encode()


def sources_of(raw: bytes) -> Sources:
    """What ``Sources.to_json`` made. Raises whatever it may on anything else."""
    found = json.loads(raw)
    modules, tests = (tuple(Module(**module) for module in found[key]) for key in ("modules", "tests"))
    return Sources(modules, found["data"], found["query"], tests)
