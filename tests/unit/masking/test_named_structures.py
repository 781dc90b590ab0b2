"""Structures of text whose name tells what the values in them are: YAML, brackets, sections, markup, Secrets."""

import json

import pytest

from extproc.model.masking import MASK_EVERYTHING
from tests.support.maskers import WITH_LONG_EVENTS, mask, streamed

SECRETS = """\
apiVersion: v1
items:
- apiVersion: v1
  data:
    db: «aHVu»
    x.pem: "«Zm9v»"
  kind: Secret
  metadata:
    name: a
- apiVersion: v1
  data:
    db: aHVu
  kind: ConfigMap
- kind: Secret
  stringData:
    a: |
      «user=bob
      pin=1»
    b: '«two words»'
kind: List
---
kind: SecretList
items:
- metadata: {name: b}
  data: {db: «eA==», c: {{ .Values.x }}}
- data:
    e: {{ .Values.e | b64enc }}
"""
MASKED = [
    "passwords:\n  - «hunter2»\n  - «letmein»\nusers:\n  - bob\n",
    "passwords:\r\n- «hunter2»\r\n- '«two words»'\r\nusers: []\r\n",
    'passwords:\n  alice: «hunter2»\n\n  # a comment: x\n  bob: «two words» # old\n  app: "«q w»"\nother: x\n',
    "db:\n  passwords:\n    prod:\n      alice: «hunter2»\n    dev:\n    - a: «x9y»\n  x: y\n",
    "- secrets:\n    db: «x7Kq9»\n    db_version: v3\n  name: x1\n",
    "api_key:\n  live: «letmein»\n  test: !!str «abc»\n",
    "client_secret: |\n  «abc\n  def»\nnext: x1\n",
    "password: >-\n  «hunter2 and more»\nx: 1",
    "password:\n  «hunter2»\nx: 1",
    "passwords: [«hunter2», «letmein»] # x\n",
    "passwords: {alice: «hunter2», 'bob': \"«x»\"}\n",
    "pins:\n  alice: «4931»\n",
    "full_names:\n  u1: «Jo Doe»\n",
    '[passwords]\nalice = «hunter2» ; x\nbob = "«two words»"\n\n[other]\nx = y1\n',
    "[credentials.prod]\nmain: «x7Kq»\n",
    "const passwords = ['«hunter2»', \"«letmein»\"];",
    "passwords = {'alice': '«hunter2»', 'bob': getenv('BOB'), 'ann': x['y'], 'eve': '«z»'}",
    "$passwords = array('alice' => '«hunter2»', 'bob' => env('X'));",
    'secrets = {\n  db = "«x7K»"\n  mail = "«abc»"\n}\nx = "y"\n',
    'saved {"secrets": {"db": "«x7K»", "db_url": "https://x.example/y"}, "x": "y"} now',
    'saved {\\"passwords\\": {\\"db\\": \\"«x7K»\\"}} now',
    "<passwords><alice>«hunter2»</alice><bob>«x»</bob></passwords><name>bob</name>",
    '<secrets>\n <secret name="db">«x7Kq»</secret>\n</secrets>',
    SECRETS,
]
STAY = [
    "secrets:\n  - db_password\n  - regcred\n  - source: x\n    target: y\n",
    "secrets:\n  db_password:\n    file: ./db.txt\n  tls:\n    external: true\n",
    "jobs:\n  a:\n    secrets: inherit\n  b:\n    secrets:\n      token: ${{ secrets.TOKEN }}\n",
    "on:\n  workflow_call:\n    secrets:\n      token:\n        required: true\n        description: x1 y1\n",
    "Passwords:\n- must be long\n- must have 12 characters\n- rotation\n",
    "Passwords:\n  - Length: at least 12\n  - Storage: use vault9 for it\n",
    "passwords:\n  reset: Your password has been reset!\n  sent: We sent your link.\n",
    "password:\n  type: string\n  minLength: 8\n",
    "password:\n  required\n",
    "def f(passwords):\n  if passwords:\n    return x1\n  x: int = 3\n",
    "class Secrets:\n    db: str = env('DB1')\n    x: int = 3\n",
    "for p in passwords:\n  a1: b2\n",
    "passwords = [p.strip() for p in lines]; credentials = {username, password1}",
    "secrets = [os.environ['DB1'], get('x1')]; passwords: list[str] = []",
    "[secrets]\nenabled = true\nprovider = vault1\n",
    "See [passwords]\nfor more: x1\n",
    "imagePullSecrets:\n- name: regcred2\n",
    "secret:\n  secretName: my-tls1\n  defaultMode: 420\n",
    "credentials:\n  username: bob1\n  database: db1\n",
    "The passwords: (see 4.1)\n  x: y1\n",
    "tokens: [1, 2, 3]\nsecrets: []\n",
    "kind: SealedSecret\ndata:\n  a: xyz\n---\nkind: ConfigMap\ndata:\n  b: c\n",
    "<passwords><policy>strong1</policy><enabled>true</enabled></passwords>",
]


def label(marked):
    name = "PERSON" if "full_names" in marked else "NAMED_SECRET"
    parts = marked.split("«")
    return parts[0] + "".join(f"[{name}]{each.partition('»')[2]}" for each in parts[1:])


def plain(marked):
    return marked.replace("«", "").replace("»", "")


@pytest.mark.parametrize("marked", MASKED)
def test_values_in_a_structure_are_masked(marked):
    once = mask(plain(marked))
    assert once == label(marked)
    assert mask(once) == once


@pytest.mark.parametrize("marked", MASKED)
def test_values_in_a_structure_in_a_string_are_masked(marked):
    masked = json.loads(mask(json.dumps({"file": plain(marked)}), "application/json"))
    assert masked == {"file": label(marked)}


@pytest.mark.parametrize("size", [1, 7, 40])
@pytest.mark.parametrize("marked", [*MASKED, *STAY])
def test_a_stream_is_cut_in_no_structure(marked, size):
    text = f"begin: x\n{plain(marked)}\n" + "end of it\n" * 20
    assert streamed(text, size) == mask(text)


@pytest.mark.parametrize("text", STAY)
def test_other_structures_stay(text):
    assert mask(text) == text


def test_a_stream_goes_on_behind_a_structure():
    stream = WITH_LONG_EVENTS.stream("text/plain", MASK_EVERYTHING)
    stream.feed(b"passwords:\n  alice: hunter2\n  bob: x\nother:\n  a: b\n")
    assert stream.feed(b"  c: d\n")
