"""The address and the host of a backend."""

import pytest
from pydantic import ValidationError

from extproc.settings.connection import AnyGroups, Upstream


def upstream(host: str) -> Upstream:
    return Upstream(address="127.0.0.1:9000", host=host)


@pytest.mark.parametrize("host", ["crm", "crm.internal", "127.0.0.1:9000", "[::1]:9000", "localhost:65535"])
def test_a_host_for_the_backend_is_a_name_or_an_address_and_may_have_a_port(host: str) -> None:
    assert upstream(host).host == host


@pytest.mark.parametrize(
    "host",
    ["", "crm\r\nx: 1", "crm\n", "crm x", "crm,other", "crm/path", "u@crm", "https://crm", "*.crm", "crm:", "crm:x",
     "crm:65536", "[::1", "crm%0d", "CRM"],
)  # fmt: skip
def test_a_host_for_the_backend_is_nothing_else(host: str) -> None:
    with pytest.raises(ValidationError):
        upstream(host)


def test_a_group_twice_in_one_set_is_no_second_person() -> None:
    assert AnyGroups(any=[["sre"], ["dba", "sre"]]).any
    with pytest.raises(ValidationError, match="names a group twice"):
        AnyGroups(any=[["sre"], ["dba", "dba"]])
