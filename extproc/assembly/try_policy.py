"""Try a policy on sample calls of every protocol, before a process decides by it."""

from extproc.assembly.sample_inputs import names_of_protocols, sample_inputs
from extproc.model.errors import PolicyInvalid
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.names.check_data import DataCheck, check_data
from extproc.policy.names.data_places import located
from extproc.policy.names.known_names import KnownNames
from extproc.policy.names.rego_literals import check_literals
from extproc.policy.regorus.policy_check import PolicyCheck, SettingsValidity
from extproc.policy.regorus.trial import check_candidate

NAMES_SHOWN = 5
"""Names that a note lists."""


def try_policy(sources: Sources, known: KnownNames | None = None) -> PolicyCheck:
    """Compile, lint, test and try a policy in a child process, and check its names: see ``check_candidate``.

    Args:
        sources: the policy, data and query.
        known: the configuration's names; None: the check of names that needs them is left out.

    Raises:
        PolicyInvalid: says where and why, with a hint. It names every wrong name.
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    try:
        checked = check_candidate(sources, sample_inputs())
    except PolicyInvalid as refused:
        raise with_wrong_names(refused, sources, known) from None
    refuse_wrong_names(sources, checked, known)
    return checked


def with_wrong_names(refused: PolicyInvalid, sources: Sources, known: KnownNames | None) -> PolicyInvalid:
    """The error about data of a wrong shape, with the wrong names in the data; any other error as it is.

    Raises:
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    if not any(each.key[:1] == ("guard",) for each in refused.problems):
        return refused
    told = {(each.key, each.message) for each in refused.problems}
    names = [each for each in check_data(sources.data, known).problems if (each.key, each.message) not in told]
    return PolicyInvalid.of(located((*refused.problems, *names), sources.data_files))


def refuse_wrong_names(sources: Sources, checked: PolicyCheck, known: KnownNames | None) -> None:
    """Refuse a policy with names, in its data or its Rego, that nothing in the configuration has.

    Raises:
        PolicyInvalid: names all of them, each with its place.
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    of_data = located(names_in_data(sources, checked, known).problems, sources.data_files)
    problems = (*check_literals(checked.literals, known, names_of_protocols()), *of_data)
    if problems:
        raise PolicyInvalid.of(problems)


def notes_on_names(sources: Sources, checked: PolicyCheck, known: KnownNames | None) -> list[str]:
    """Return what the check of names doubts, and what it could not check, for people.

    Raises:
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    found = names_in_data(sources, checked, known)
    notes = [str(each) for each in located(found.doubts, sources.data_files)]
    unchecked = [
        f"arguments and results of {_several(found.undescribed)}: no description of them"
        if found.undescribed
        else "",
        f"groups {_several(found.groups)}: identity providers define them" if found.groups else "",
        "names in data: the policy has no rule data.extproc.settings.valid, as the starter policies have"
        if sources.data and checked.settings is SettingsValidity.UNCHECKED
        else "",
        "names of functions, connections and entities: no configuration" if known is None else "",
    ]
    notes += checked.undefined_data
    return [*notes, *(f"not checked: {each}" for each in unchecked if each)]


def _several(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{', '.join(names[:NAMES_SHOWN])}{more}"


def names_in_data(sources: Sources, checked: PolicyCheck, known: KnownNames | None) -> DataCheck:
    """Check the names of data that has the shape of the starter policies' data. Other data is not checked.

    Raises:
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    if checked.settings is not SettingsValidity.VALID:
        return DataCheck()
    return check_data(sources.data, known)
