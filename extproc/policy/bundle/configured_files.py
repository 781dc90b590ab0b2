"""Find the policy's files in the configuration."""

from extproc.policy.bundle.policy_files import PolicyFiles
from extproc.policy.contract.input_settings import InputSettings
from extproc.settings.policy import PolicySettings


def configured_files(policy: PolicySettings, query: str = "") -> PolicyFiles:
    """The files of the configuration's policy.

    Args:
        policy: the configuration's section.
        query: in place of the configured one.
    """
    paths, data = tuple(policy.paths), tuple(policy.data)
    return PolicyFiles(paths, data, query or policy.query, input_settings(policy))


def input_settings(policy: PolicySettings) -> InputSettings:
    """The settings on which the keys of the input depend."""
    return InputSettings(tuple(policy.show_headers), policy.usage)
