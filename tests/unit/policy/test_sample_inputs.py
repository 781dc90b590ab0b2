"""The file of sample inputs is what the protocols' samples are now."""

from importlib import resources

from extproc.assembly.render_samples import make_samples, render_samples
from extproc.assembly.sample_inputs import FILE, names_of_protocols, sample_inputs
from extproc.protocols.catalogue import BY_NAME


def test_the_file_is_what_the_protocols_render_to():
    """After a change, run `make reference`."""
    assert resources.files("extproc.assembly").joinpath(FILE).read_text() == render_samples()


def test_the_samples_are_the_same_bytes_for_policy():
    made, read = make_samples(), sample_inputs()
    assert (len(made.requests), len(made.responses)) == (len(read.requests), len(read.responses))


def test_every_protocol_has_its_name_there():
    assert names_of_protocols() == frozenset(BY_NAME)
