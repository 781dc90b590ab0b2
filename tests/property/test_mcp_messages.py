"""However a message of MCP is made and cut, values pass at the protocol's own places alone, and blobs stay Base64."""

import base64
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from extproc.model.call import Call
from extproc.model.masking import MASK_EVERYTHING
from extproc.protocols.mcp.own_values import shape
from tests.support.maskers import make_masker

MASKER = make_masker(event_limit=1 << 20)
SHAPES = {
    method: shape(Call("c", "docs", method, "mcp", {}, "", method, 1), response=True)
    for method in ("tools/call", "tools/list", "prompts/get")
}
CARD = "4111111111111111"
TEXTS = st.sampled_from(
    [
        f"it is {CARD}",
        f"crm://{CARD}/x?y={CARD}#z",
        base64.b64encode(b"\xff\xfe" + f"Ä {CARD}".encode("utf-16-le")).decode(),
        f"data:text/plain;base64,{base64.b64encode(f'Ä {CARD}'.encode()).decode()}",
        json.dumps({"id": int(CARD), "data": base64.b64encode(f"Ä {CARD}".encode()).decode()}),
        "text/plain; charset=utf-8",
        "image/png",
        "user",
        "2.0",
        "",
    ]
)
KEYS = st.sampled_from(
    [
        *("id", "jsonrpc", "method", "params", "result", "error", "content", "structuredContent", "tools"),
        *("blob", "data", "mimeType", "uri", "resource", "_meta", "progressToken", "nextCursor", "requestState"),
        *("inputSchema", "properties", "default", "type", "description", "role", "taskId", "task", CARD),
    ]
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.just(int(CARD)), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=12,
)
RESULTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {}, optional={"content": st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=2)}
    ),
    st.fixed_dictionaries({"tools": st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=2)}),
    st.dictionaries(KEYS, VALUES, max_size=4),
)
MESSAGES = st.one_of(
    VALUES,
    st.fixed_dictionaries({"jsonrpc": st.just("2.0"), "id": VALUES, "result": RESULTS}),
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "method": st.sampled_from(["notifications/message", "x"]), "params": VALUES}
    ),
    st.fixed_dictionaries({"jsonrpc": st.just("2.0"), "id": VALUES, "error": VALUES}),
)
OWN = re.compile(
    r"\$\.id|\$\.(?:params|result)\._meta\.progressToken"
    r"|\$\.result\.(?:nextCursor|requestState|taskId|task\.taskId)"
    r"|\$\.result\.tools\[\]\.inputSchema(?:\.properties\.\w+)*\.(?:default|properties\.\w+#).*"
)


def leaves(value, path="$"):
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}.{key}#", key
            yield from leaves(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, f"{path}[]")
    elif value is not None:
        yield path, str(value)


def seen(text):
    """A text with what its Base64 spells."""
    spelled = [
        base64.b64decode(run + "=" * (-len(run) % 4))
        for run in re.findall(r"[A-Za-z0-9+/]{12,}", text)
        if len(run) % 4 != 1
    ]
    return text + "".join(each.decode("utf-8", "replace") + each.decode("utf-16", "replace") for each in spelled)


@given(MESSAGES, st.sampled_from(sorted(SHAPES)))
def test_values_pass_at_own_places_alone(message, method):
    masked = MASKER.mask(
        json.dumps(message).encode(), "application/json", MASK_EVERYTHING, shape=SHAPES[method]
    ).body
    left = [path for path, text in leaves(json.loads(masked)) if CARD in seen(text) and not OWN.fullmatch(path)]
    assert left == []
    again = MASKER.mask(masked, "application/json", MASK_EVERYTHING, shape=SHAPES[method]).body
    assert again == masked
    kept = MASKER.mask(masked, "application/json", MASK_EVERYTHING, shape=SHAPES[method].for_records()).body
    assert CARD not in seen(kept.decode())


@given(MESSAGES, st.sampled_from(sorted(SHAPES)), st.integers(1, 40))
def test_cuts_change_nothing(message, method, size):
    lines = json.dumps(message, indent=1).split("\n")
    raw = b"id: 1\n" + b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n"
    whole = MASKER.mask(raw, "text/event-stream", MASK_EVERYTHING, shape=SHAPES[method])
    stream = MASKER.stream("text/event-stream", MASK_EVERYTHING, SHAPES[method])
    pieces = [stream.feed(raw[at : at + size]) for at in range(0, len(raw), size)]
    assert b"".join(pieces) + stream.finish() == whole.body
    assert stream.findings == whole.findings
