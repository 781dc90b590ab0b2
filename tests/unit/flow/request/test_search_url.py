"""Sensitive data is found in a call's URL, also where only an argument's name tells."""

import pytest

from extproc.flow.request.search_url import search_url
from extproc.model.call import Call, Headers, RequestHead
from tests.support.maskers import make_masker

MASKER = make_masker()


def look(url, arguments):
    head = RequestHead("POST", "http", "crm.example.com", url, Headers())
    call = Call("id", "crm", "crm.find", "http-json", arguments=arguments)
    findings, path = search_url(head, call, MASKER)
    return {finding.entity for finding in findings}, path


@pytest.mark.parametrize(
    ("url", "arguments", "entity", "path"),
    [
        ("/people/219099999", {"ssn": "219099999"}, "US_SSN", "/people/[US_SSN]"),
        ("/people/219099999/notes", {"x": "219099999", "ssn": "219099999"}, "US_SSN", "/people/[US_SSN]/notes"),
        ("/people/%32%3199099999", {"passport": "2199099999"}, None, "/people/2199099999"),
        ("/people/%32%31909%39999", {"ssn": "219099999"}, "US_SSN", "/people/[US_SSN]"),
        ("/people?ssn=219099999", {"ssn": "219099999"}, "US_SSN", "/people"),
        (
            "/people?password=Xk29fLq8%2F1mZtPw47",
            {"password": "Xk29fLq8/1mZtPw47"},
            "CONNECTION_STRING",
            "/people",
        ),
        ("/people?tel=0791234567%26x=y", {"tel": "0791234567&x=y"}, "PHONE_NUMBER", "/people"),
        ("/people?tel=079+123+45+67", {"tel": "079 123 45 67"}, "PHONE_NUMBER", "/people"),
        ("/people?tel=079%20123%2045%2067", {"tel": "079 123 45 67"}, "PHONE_NUMBER", "/people"),
        ("/people/219099999?a=b", {"a": "b"}, None, "/people/219099999"),
    ],
)
def test_the_name_of_an_argument_tells_what_its_value_in_the_url_is(url, arguments, entity, path):
    found, shown = look(url, arguments)
    assert (found - {"NAMED_SECRET"}, shown) == ({entity} - {None}, path)
