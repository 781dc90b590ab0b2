"""Names and values in commands of shells, in Dockerfiles and in configurations of servers."""

import pytest

from extproc.detectors.analyzer import Analyzer

ANALYZER = Analyzer()
FOUND = [
    "ENV DB_PASSWORD «hunter2»",
    "FROM x\n  ENV DB_PASSWORD «two words» \\\nRUN y",
    "setx DB_PASSWORD «hunter2»",
    'setx /M DB_PASSWORD "«two words»"',
    "set -x DB_PASSWORD «hunter2»",
    "set --global --export DB_PASSWORD '«two words»'; x",
    "setenv DB_PASSWORD «letmein»",
    "SetEnv DB_PASSWORD «letmein»",
    "proxy_set_header X-Api-Key «letmein»;",
    "${env:DB_PASSWORD} = '«two words»'",
    '$env:DB_PASSWORD = "«two words»"',
    "x --password '«two words»' y",
    'x --api-key "«letmein»" y',
    "export DB_PASSWORD=${X:-«hunter2»}",
    "url=${DB_PASSWORD:-«hunter2»}/x",
    "docker run -e 'DB_PASSWORD=«two words»' x",
    'Environment="DB_PASSWORD=«two words»" "A=b"',
    'set "DB_PASSWORD=«hunter2»"',
    'os.environ["DB_PASSWORD"] = "«two words»"',
    "put --name /db/password --kind x --value «hunter2»",
    "create --secret-name db-password --secret-value '«two words»'",
]
NOT_FOUND = [
    "set -x\npassword checks",
    "use --password to give it",
    "x --password-stdin x1",
    "ENV PASSWORD_POLICY strict1",
    "set -e PASSWORD_MIN 12",
    "setenv DB_PASSWORD $X",
    "x --password '${X}' --api-key \"$KEY\"",
    "DB_PASSWORD=${X:-} PASSWORD=${Y:?is not set}",
    "put --name region --value hunter2",
]


@pytest.mark.parametrize("marked", FOUND)
def test_a_value_behind_its_name_is_found(marked):
    before, _, rest = marked.partition("«")
    value, _, behind = rest.partition("»")
    found = ANALYZER.scan(before + value + behind)
    assert {(each.start, each.end) for each in found if each.entity == "NAMED_SECRET"} == {
        (len(before), len(before) + len(value))
    }


@pytest.mark.parametrize("text", NOT_FOUND)
def test_other_values_stay(text):
    assert ANALYZER.scan(text) == []
