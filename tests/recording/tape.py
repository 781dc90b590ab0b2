"""What happened in one test, in its order."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict, is_dataclass
from weakref import WeakKeyDictionary

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from tests.recording.normal import UUID, Normal


class Tape:
    """Gathers events as they come; ``wound`` normalises them when the test is over."""

    def __init__(self) -> None:
        self._story: list[tuple[int, dict]] = []
        self._tasks: WeakKeyDictionary = WeakKeyDictionary()  # a test may wait until a task is collected
        self.observed: Counter[str] = Counter()
        """How often the observer was told of each event."""
        self._refused: list[dict] = []
        self._cli: list[dict] = []
        self._masks: dict[str, dict] = {}
        self.streams: dict[int, tuple] = {}
        """By ``id``: streams under way, each with the stream itself, so that its id is not used again."""

    def message(self, what: str, data: bytes, kind: type[Message]) -> None:
        """A message for Envoy."""
        message = kind.FromString(data)
        canonical = message.SerializeToString(deterministic=True)  # maps have no order of their own
        raw = canonical if len(canonical) == len(data) else data
        self._tell({"what": what, "message": plain(message), "raw": raw})

    def entry(self, method: str, entry: object) -> dict:
        """An entry given to a recorder. The caller adds how that failed."""
        fields = asdict(entry) if is_dataclass(entry) else {"entry": repr(entry)}
        event = {"what": f"entry by {method}", "entry": fields}
        self._tell(event)
        return event

    def asked(self, document: bytes | str) -> dict:
        """Policy is asked. The caller adds the answer."""
        try:
            event = {"what": "policy asked", "input": json.loads(document)}
        except (ValueError, RecursionError):
            event = {"what": "policy asked", "input": bytes(document)}
        self._tell(event)
        return event

    def end(self, what: str, how: str, error: BaseException | None = None) -> None:
        """An exchange, or a check, is over."""
        self._tell({"what": f"{what} {how}", "detail": str(error) if error else ""})

    def _tell(self, event: dict) -> None:
        task = _task()
        self._story.append((self._tasks.setdefault(task, len(self._story)) if task else -1, event))

    def _in_order(self) -> list[dict]:
        """Task by task: which of two tasks comes first is chance."""
        by_task: dict[int, list[dict]] = {}
        for task, event in self._story:
            by_task.setdefault(task, []).append(event)
        groups = list(by_task.values())
        if len(groups) > 1:
            groups.sort(key=lambda group: UUID.sub("<id>", json.dumps(Normal().value(group), sort_keys=True)))
        return [event for group in groups for event in group]

    def refused(self, error: BaseException) -> None:
        """A refusal was made."""
        fields = {name: str(getattr(error, name, "")) for name in ("reason", "rule", "detail")}
        self._refused.append({"type": type(error).__name__, **fields})

    def command(self, **event) -> None:
        """A command of the command line was run."""
        self._cli.append(event)

    def mask(self, key: dict, output: dict, *, direct: bool) -> None:
        """A call of the masker. ``direct``: by a test, not by the guard."""
        name = json.dumps(key, sort_keys=True)
        calls = self._masks.setdefault(name, {**key, "direct": False, "outputs": []})
        calls["direct"] |= direct
        if output not in calls["outputs"]:
            calls["outputs"].append(output)

    def wound(self) -> dict:
        """Everything, normalised."""
        normal, events = Normal(), self._in_order()
        for _ in range(2):  # the second time, each id and the hash of each body are known
            story = [
                {
                    name: normal.raw(value) if name == "raw" else normal.value(value, name)
                    for name, value in one.items()
                }
                for one in events
            ]
        return {
            "story": story,
            "refused": normal.value(self._refused),
            "cli": normal.value(self._cli),
            "masks": [self._masks[name] for name in sorted(self._masks)],
        }


def _task() -> asyncio.Task | None:
    """The task that runs; None where there is no loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def plain(message: Message) -> dict:
    """A message's fields by name. Their order on the wire is not seen."""
    fields = {field.name: _plain(value) for field, value in message.ListFields()}
    unknown = [[one.field_number, one.wire_type, repr(one.data)] for one in UnknownFieldSet(message)]
    return {**fields, "<unknown>": unknown} if unknown else fields


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return plain(value)
    if hasattr(value, "items"):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, str | bytes | int | float):
        return value
    return [_plain(each) for each in value]
