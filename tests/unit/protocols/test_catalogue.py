"""Each protocol of the catalogue is defined completely, and the configuration knows it by its definition alone."""

from typing import get_args

import pytest

from extproc.config.schema import Settings
from extproc.protocols.catalogue import BY_NAME, PROTOCOLS
from extproc.settings.connection import ConnectionSettings

EACH = pytest.mark.parametrize("protocol", PROTOCOLS, ids=[each.name for each in PROTOCOLS])


def test_names_differ():
    assert len(BY_NAME) == len(PROTOCOLS)


@EACH
def test_the_name_is_the_one_that_selects_the_settings(protocol):
    assert get_args(protocol.settings.model_fields["protocol"].annotation) == (protocol.name,)


@EACH
def test_samples_are_calls_of_the_protocol_and_one_can_be_read(protocol):
    assert {each.call.protocol for each in protocol.samples} == {protocol.name}
    assert any(each.call.uninspectable is None for each in protocol.samples)


@EACH
def test_settings_say_their_functions_and_problems_themselves(protocol):
    for name in ("function_names", "problems"):
        assert getattr(protocol.settings, name) is not getattr(ConnectionSettings, name)


def test_the_schema_has_the_settings_of_each_protocol():
    schema = Settings.model_json_schema()
    choices = next(iter(schema["properties"]["connections"]["patternProperties"].values()))
    assert choices["discriminator"]["mapping"].keys() == BY_NAME.keys()
    assert schema["$defs"].keys() >= {each.settings.__name__ for each in PROTOCOLS}
