"""Values in text that a list, a bracket or a tag parts from their names."""

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import make_masker

MASKER = make_masker()
S = "[NAMED_SECRET]"
FOUND = [
    "<ParameterKey>DbPassword</ParameterKey><ParameterValue>«hunter2»</ParameterValue>",
    "<OptionName>DB_PASSWORD</OptionName>\n  <OptionValue>«two words»</OptionValue>",
    '<entry key="password">«hunter5»</entry>',
    '<data name="Password"><value>«hunter8»</value></data>',
    'command: ["app", "--password", "«hunter2»"]',
    'CMD ["app", "--password", "«letmein»"]',
    "run(['app', '--password', '«hunter2»'])",
    "run(['app',\n  '--password',\n  '«hunter2»'\n])",
    "command: [app, --password, «hunter2», -x]",
    "command:\n- app\n- --password\n- «hunter2»\n- x",
    'args:\n  - "--password"\n  - "«two words»"\n  - x',
    "login password=[«hunter2»] ok",
    "X-Api-Key=[«x7Kq9mP2abc»], Accept=[*/*]",
    "&{User:bob Password:«hunter2» Port:80}",
    "{User:bob Password:«letmein» Port:80}",
    "{User:bob Password:«letmein»}",
    "user:bob password:«hunter2» port:80",
    "<dl><dt>Password</dt><dd>«hunter5»</dd></dl>",
    "<label>Password</label><span>«hunter6»</span>",
    '<label for="p">Password</label>\n<div class="v">«hunter6»</div>',
    "<table><tr><td>Username:</td><td>bob</td></tr><tr><td>Password:</td><td>«letmein»</td></tr></table>",
]
SAME = [
    "password=[NAMED_SECRET]",
    "password=[REDACTED] token=[FILTERED]",
    "PASSWORD=[A-Za-z0-9]{8,}",
    "secret=[0-9]+ token=[a-f0-9]",
    "passwords=[10:20] secret[:16]",
    'parser.add_argument("--password", "-p")',
    'click.option("--api-key", "api_key")',
    'option("--password", "the password to use")',
    "use --password, then start",
    "- --password\n- --user\n",
    "- --password\nthen hunter2",
    "<ParameterKey>DbPolicy</ParameterKey><ParameterValue>strict1</ParameterValue>",
    "<label>Password</label><span>is required</span>",
    "arn:aws:secretsmanager:eu-west-1:1:secret:prod",
]


@pytest.mark.parametrize("marked", FOUND)
def test_the_value_is_masked_and_nothing_else(marked):
    before, _, rest = marked.partition("«")
    value, _, behind = rest.partition("»")
    masked = MASKER.mask((before + value + behind).encode(), "text/plain", MASK_EVERYTHING).body.decode()
    assert masked == before + S + behind


@pytest.mark.parametrize("text", SAME)
def test_what_has_no_value_stays(text):
    assert MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode() == text


def test_a_password_of_mysql_in_a_list():
    text = 'CMD ["mysql", "-uroot", "-phunter2", "-h", "db"]'
    masked = MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode()
    assert masked == 'CMD ["mysql", "-uroot", "-p[COMMAND_PASSWORD]", "-h", "db"]'


def test_a_label_in_a_table_is_no_value():
    text = "<tr><td>Full name</td><td>Role</td></tr>\n<tr><td>Password:</td><td>hunter6</td></tr>"
    masked = MASKER.mask(text.encode(), "text/plain", MASK_EVERYTHING).body.decode()
    assert masked == text.replace("hunter6", S)
