"""Costs of a tool's call over MCP, as JSON and as an event stream, beside the same call over http-json.

One guard and one Envoy serve all three in one run, and a do-nothing guard behind an Envoy of its own serves them
once more. Arguments and result are the same kilobyte each. Read the ratios. Run with ``python -m benchmarks.mcp``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.guard import EMBEDDED, NOTHING, Arm, Load, guard_arm, port_of, slice_of
from benchmarks.stage import FILLER, Stage, free_port, guarded_bootstrap, staged, wait_for
from benchmarks.upstream import serve

POLICY_DATA = {"guard": {"roles": {"callers": {"functions": ["crm.*", "json.*", "events.*"]}}}}
ARGUMENTS = {"id": "c-1009", "name": "Ada Example", "balance": 1250.5, "note": FILLER}
RESULT = {"id": "c-1009", "name": "Ada Example", "ssn": "219-09-9999", "balance": 1250.5, "notes": FILLER}
HTTP_JSON, MCP_JSON, MCP_EVENTS = "http-json", "MCP, JSON", "MCP, event stream"
FORMS = {HTTP_JSON: "crm", MCP_JSON: "json", MCP_EVENTS: "events"}


def answer(form: str) -> bytes:
    """The backend's answer."""
    content = [{"type": "text", "text": "done"}]
    result = {"content": content, "structuredContent": RESULT, "isError": False}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})
    body = json.dumps(RESULT) if form == HTTP_JSON else message
    kind = "application/json"
    if form == MCP_EVENTS:
        body, kind = f"event: message\r\ndata: {message}\r\n\r\n", "text/event-stream"
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def request(form: str, token: str) -> str:
    """The caller's request."""
    path, host = ("/customers" if form == HTTP_JSON else "/mcp"), f"{FORMS[form]}.bench"
    params = {"name": "update_customer", "arguments": ARGUMENTS}
    called = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(ARGUMENTS if form == HTTP_JSON else called)
    return (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        "accept: application/json, text/event-stream\r\n"
        f"authorization: Bearer {token}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    )


def connections(stage: Stage) -> dict[str, object]:
    """A connection and a backend for each form."""
    made: dict[str, object] = {}
    for form, name in FORMS.items():
        port = free_port()
        stage.start(f"backend-{name}", sys.executable, "-m", "benchmarks.mcp", "--serve", str(port), form)
        wait_for(f"127.0.0.1:{port}")
        own: dict[str, object] = {"protocol": "mcp", "tools": ["update_customer"]}
        if form == HTTP_JSON:
            functions = {"update_customer": {"method": "POST", "path": "/customers"}}
            own = {"protocol": "http-json", "functions": functions}
        made[name] = {
            **own,
            "hosts": [f"{name}.bench"],
            "upstream": {"address": f"127.0.0.1:{port}"},
            "masking": {"response": [{"path": "$.ssn"}, {"entity": "*"}]},
        }
    return made


def make_arms(stage: Stage) -> list[Arm]:
    """This guard, and the do-nothing guard."""
    registered = {"connections": connections(stage)}
    arm = guard_arm(stage, EMBEDDED, "full", **registered)
    _, settings = stage.settings("idle", **registered)
    endpoint = f"unix:{settings.state}/g.sock"
    guard = stage.start("idle-guard", sys.executable, "-m", "benchmarks.do_nothing", endpoint)
    wait_for(endpoint)
    envoy = stage.envoy("envoy-idle", guarded_bootstrap(settings, endpoint))
    idle = Arm(NOTHING, port_of(settings.envoy.listen), envoy, {"guard": guard})
    for each in (arm, idle):
        wait_for(f"127.0.0.1:{each.port}")
    return [arm, idle]


def measure(arms: list[Arm], load: Load, token: str, args: argparse.Namespace) -> list[tuple[str, Arm]]:
    """Rounds in which every form takes its turn, over each guard."""
    runs = [(form, replace(arm, full_cpu_us={}, throughput=[])) for form in FORMS for arm in arms]
    for form, arm in runs:  # warm up
        load.run(host="127.0.0.1", port=arm.port, request=request(form, token), mode="open", rate=50, seconds=2)
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=args.rounds * len(runs))
        for _ in range(args.rounds):
            for form, arm in runs:
                job = {
                    "request": request(form, token),
                    "mode": "closed",
                    "connections": 16,
                    "seconds": args.seconds,
                }
                seen = slice_of(arm, load, job, arm.full_cpu_us)
                arm.throughput.append(seen["ok"] / seen["seconds"])
                progress.advance(task)
    return runs


def show(runs: list[tuple[str, Arm]], console: Console) -> None:
    """As a table of ratios to http-json, each by pairs of slices."""
    known = {(form, arm.name): arm for form, arm in runs}

    def ratio(form: str, of: Arm, base: Arm) -> str:
        pairs = zip(of.full_cpu_us["guard"], base.full_cpu_us["guard"], strict=True)
        return f"{statistics.median(a / b for a, b in pairs):.2f}" if form else ""

    table = Table("", *FORMS, title="1 KB each way at full load, 16 connections, one masked field, recorded")
    for guard in (EMBEDDED, NOTHING):
        base = known[HTTP_JSON, guard]
        table.add_row(f"CPU of {guard} per call", *(ratio(form, known[form, guard], base) for form in FORMS))
    table.add_row(
        f"CPU of {EMBEDDED} ÷ {NOTHING}",
        *(ratio(form, known[form, EMBEDDED], known[form, NOTHING]) for form in FORMS),
    )
    table.add_row("errors", *(str(known[form, EMBEDDED].errors + known[form, NOTHING].errors) for form in FORMS))
    console.print(table)
    for form in FORMS:
        spent = statistics.median(known[form, EMBEDDED].full_cpu_us["guard"])
        console.print(f"  {form}: {spent:.0f} µs of the guard's CPU per call")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="length of a slice")
    parser.add_argument("--rounds", type=int, default=5, help="slices for each form and guard")
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "FORM"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        uvloop.run(serve(int(args.serve[0]), answer(args.serve[1])))
        return
    with tempfile.TemporaryDirectory(prefix="xb-") as folder, staged(Path(folder), POLICY_DATA) as stage:
        load = Load()
        runs = measure(make_arms(stage), load, stage.token, args)
        load.close()
        show(runs, Console(width=110))


if __name__ == "__main__":
    main()
