"""The demo on real Envoy: what it prints, and the evidence that it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.recording import write_recording
from tests.recording.normal import UUID, Normal

WITHIN_S = 240.0
KEPT = "Ctrl-C stops it."
"""What the demo prints last when it is kept running."""
SQL = "SELECT * FROM entries ORDER BY time"
LEFT_OUT = ("leaf_hash", "document", "shipped_at", "time", "seq", "writer", "worker")
"""Columns that differ from run to run; ``document`` holds the others once more."""
RULES = (
    (UUID, "<id>"),
    (re.compile(r"story-[0-9a-f]{12}"), "<session>"),
    (re.compile(r"\b[si]-[0-9a-f]{20}\b"), "<session>"),
    (re.compile(r"sk_test_[0-9a-f]{32}"), "<key>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha256>"),
    (re.compile(r"\d+ min \d+ s\b"), "<left>"),
    (re.compile(r"\b\d+(\.\d+)? ?m?s\b"), "<took>"),
    (re.compile(r"\d\d:\d\d:\d\d"), "<time>"),
    (re.compile(r"20\d\d-\d\d-\d\d"), "<day>"),
    (re.compile(r"(?<=in )\d+ files and tables, [\d.]+ MB"), "<size>"),
    (re.compile(r'(\.\.\.|"credential_ends_with":")[\w-]{4}'), r"\1<end>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d{5}\b"), "<port>"),
    (re.compile(r"\s*(─+|╭─.*|╰─.*)$"), ""),
    (re.compile(r" {2,}"), " "),
)
TRAFFIC = re.compile(r"^ +(\S+ )?(->|<-) ")


def record_demo(file: Path) -> int:
    """Run the demo, read its evidence, stop it, and write the recording.

    Returns:
        The demo's exit status.
    """
    with tempfile.TemporaryDirectory(prefix="xp-demo-") as folder:
        lines, rows, status = _play(Path(folder))
    hidden = [_hide(line, folder) for line in lines]
    traffic = [line for line in hidden if TRAFFIC.match(line)]
    printed = [line for line in hidden if line.strip() and not TRAFFIC.match(line)]
    command = {"args": ["demo"], "exit_code": status, "raised": "", "stdout": "\n".join(printed), "stderr": ""}
    story = [
        {"what": f"call of {one[0]['function']} by {one[0]['subject']}", "entries": one} for one in _calls(rows)
    ]
    demo = {"test": "demo", "file": "", "outcome": "passed" if status == 0 else "failed", "cli": [command]}
    traffic_test = {**demo, "test": "demo: traffic", "cli": [], "story": [_exchanged(line) for line in traffic]}
    evidence = {**demo, "test": "demo: evidence", "cli": [], "story": story}
    empty = {"story": [], "refused": [], "metrics": {}, "masks": []}
    write_recording(file, [{**empty, **one} for one in (demo, traffic_test, evidence)], {})
    print(f"exit status {status}, {len(lines)} lines, {len(rows)} entries of {len(story)} calls: {file}")
    return status


def _play(folder: Path) -> tuple[list[str], list[dict], int]:
    argv = [sys.executable, "-m", "extproc", "demo", "--keep", "--workdir", str(folder / "demo")]
    environment = {**os.environ, "COLUMNS": "300", "PYTHONUNBUFFERED": "1"}
    lines, rows = [], []
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    alarm = signal.signal(signal.SIGALRM, lambda *_: process.send_signal(signal.SIGINT))
    signal.alarm(int(WITHIN_S))
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if KEPT in line:
                rows = _query(folder / "demo" / "extproc.yaml")
                process.send_signal(signal.SIGINT)
        return lines, rows, process.wait()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, alarm)
        if process.poll() is None:
            process.terminate()
            process.wait()


def _query(config: Path) -> list[dict]:
    argv = [
        sys.executable,
        "-m",
        "extproc",
        "query",
        SQL,
        "-f",
        "json",
        "--limit",
        "10000",
        "--config",
        str(config),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def _hide(text: str, folder: str) -> str:
    text = text.replace(folder, "<folder>")
    for pattern, name in RULES:
        text = pattern.sub(name, text)
    return text.rstrip()


def _exchanged(line: str) -> dict:
    """A line of traffic; the JSON that ends it is compared as JSON."""
    head, brace, body = line.partition("{")
    return {"what": head.strip(), "body": brace + body}


def _calls(rows: list[dict]) -> list[list[dict]]:
    """Entries call by call. Calls run side by side: they are sorted by what they hold."""
    calls: dict[str, list[dict]] = {}
    for row in rows:
        calls.setdefault(row["call_id"], []).append(_entry(row))
    return sorted(calls.values(), key=lambda one: json.dumps(one, sort_keys=True))


def _entry(row: dict) -> dict:
    kept = Normal().value({name: value for name, value in row.items() if name not in LEFT_OUT})
    return {name: _hidden(name, value) for name, value in kept.items()}


def _hidden(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if name.endswith("_sha256"):  # some bodies hold a key or an id that the run chose
        return value and "<sha256>"
    return _hide(value, "\0")
