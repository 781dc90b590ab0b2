"""What the demo prints when it keeps running: commands that work as they stand."""

import json
import shlex

import yaml

from extproc.config.load import load_settings
from extproc.demo.install import POLICY_DATA, install
from extproc.demo.story import what_next


def curl_of(commands, path):
    (line,) = [each for each in commands.splitlines() if each.startswith("curl ") and f"{path} " in f"{each} "]
    return shlex.split(line, comments=True)


def test_one_of_the_commands_makes_a_call_that_is_held(tmp_path):
    made = install(tmp_path / "demo")
    words = curl_of(what_next(made), "/refunds")
    assert words[-2:] == [f"{made.url('envoy')}/refunds", "&"]  # in the background: the queue is shown meanwhile
    assert "content-type: application/json" in words
    body = json.loads(words[words.index("-d") + 1])
    guard = yaml.safe_load((made.folder / POLICY_DATA).read_text())["guard"]
    (limit,) = [each for each in guard["arguments"] if each["rule"] == "refund-limit"]
    assert limit["at_least"] <= body["amount"] <= limit["at_most"]
    assert guard["risk"]["functions"]["crm.issue_refund"] >= guard["hold"][0]["at"]


def test_the_call_comes_before_the_queue_is_shown(tmp_path):
    lines = what_next(install(tmp_path / "demo")).splitlines()
    held = next(at for at, line in enumerate(lines) if "/refunds" in line)
    assert held < lines.index("extproc approvals list")


def test_tickets_can_link_to_this_runs_console(tmp_path):
    made = install(tmp_path / "demo")
    control = load_settings(made.config).control
    assert control.public_url == made.url("console") == f"http://{control.listen}"
