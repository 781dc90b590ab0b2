"""Try a policy on sample calls of every protocol, before a process decides by it."""

from functools import cache

from extproc.model.call import Headers, RequestHead
from extproc.model.errors import PolicyInvalid
from extproc.model.identity import Identity
from extproc.model.reasons import Uninspectable
from extproc.policy.contract.input_document import build_document
from extproc.policy.contract.policy_sources import Sources
from extproc.policy.contract.response_input import ResponseFacts, response_part
from extproc.policy.names.check_data import DataCheck, check_data
from extproc.policy.names.data_places import located
from extproc.policy.names.known_names import KnownNames
from extproc.policy.names.rego_literals import check_literals
from extproc.policy.regorus.policy_check import PolicyCheck, SettingsValidity
from extproc.policy.regorus.trial import SampleInputs, check_candidate
from extproc.protocols.catalogue import PROTOCOLS
from extproc.protocols.protocol_definition import SampleCall

SAMPLE_DEPTH = 8
"""More levels than a sample has."""


NAMES_SHOWN = 5
"""Names that a note lists."""
NAMES_OF_PROTOCOLS = frozenset(each.name for each in PROTOCOLS)


def try_policy(sources: Sources, known: KnownNames | None = None) -> PolicyCheck:
    """Compile, lint, test and try a policy in a child process, and check its names: see ``check_candidate``.

    Args:
        sources: the policy, data and query.
        known: the configuration's names; None: the check of names that needs them is left out.

    Raises:
        PolicyInvalid: says where and why, with a hint. It names every wrong name.
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    checked = check_candidate(sources, sample_inputs())
    refuse_wrong_names(sources, checked, known)
    return checked


def refuse_wrong_names(sources: Sources, checked: PolicyCheck, known: KnownNames | None) -> None:
    """Refuse a policy with names, in its data or its Rego, that nothing in the configuration has.

    Raises:
        PolicyInvalid: names all of them, each with its place.
        ConfigError: a file that describes a connection's functions cannot be read.
    """
    of_data = located(names_in_data(sources, checked, known).problems, sources.data_files)
    problems = (*check_literals(checked.literals, known, NAMES_OF_PROTOCOLS), *of_data)
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


@cache
def sample_inputs() -> SampleInputs:
    """An input for each sample call of each protocol, and for two responses: one read whole, one streamed."""
    samples = [sample for protocol in PROTOCOLS for sample in protocol.samples]
    read = ResponseFacts(200, Headers((("content-type", b"application/json"),)), b'{"id":"1"}', ())
    streamed = ResponseFacts(200, Headers(), unseen=Uninspectable.STREAMED)
    return SampleInputs(
        tuple(_input(sample) for sample in samples),
        tuple(_input(samples[0], response) for response in (read, streamed)),
    )


def _input(sample: SampleCall, response: ResponseFacts | None = None) -> bytes:
    content_type = Headers((("content-type", sample.content_type),))
    return build_document(
        head=RequestHead("POST", "https", "sample", sample.path, content_type),
        call=sample.call,
        identity=Identity("https://issuer.example", "sample", ("sample",)),
        findings=(),
        body=sample.body,
        body_sha256="0" * 64,
        uninspectable=sample.call.uninspectable,
        now_ns=0,
        max_depth=SAMPLE_DEPTH,
        response=response_part(response, max_depth=SAMPLE_DEPTH) if response else None,
    )
