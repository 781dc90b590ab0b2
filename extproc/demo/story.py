"""Start everything on this machine, play the story, and stop everything. Read ``STEPS`` first."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from extproc.demo import http_steps, leak_step, mcp_step
from extproc.demo.canaries import Canary
from extproc.demo.console_visit import sign_in_link
from extproc.demo.install import PEOPLE, DemoInstallation, install
from extproc.demo.processes import Processes, ProcessFailed
from extproc.demo.sample_data import CUSTOMERS, SENSITIVE_FIELDS
from extproc.demo.stage import Stage, StepFailed, expect

PEOPLE_WANTED = ("maya", "omar", "omar-himself", "noor")
START_WITHIN_S = 30.0
GUARD_WITHIN_S = 90.0
KEEP_POLL_S = 0.5

STEPS: list[Callable[[Stage], list[str]]] = [
    http_steps.refused_without_token,
    http_steps.masked_read,
    http_steps.out_of_scope,
    http_steps.forbidden_argument,
    http_steps.approved_release,
    http_steps.refused_by_approver,
    mcp_step.mcp_client,
    http_steps.own_credentials,
    http_steps.recorded_session,
    leak_step.no_canary_stored,
]

WHO = """[bold]maya[/]  support; an agent acts for her; reads customers, documents
[bold]omar[/]  releases; an agent acts for him; of the group sre too
[bold]noor[/]  of the group sre, which approves
Every name, number, key and card in this story is made up."""


def run_story(folder: Path, *, keep: bool, console: Console) -> int:
    """Start everything, play the story, stop everything.

    Args:
        folder: the folder for configuration, secrets, logs and state; those of an earlier run are deleted.
        keep: keep everything running after the story, until interrupted.
        console: prints the narration.

    Returns:
        0 if every step did what it says, else 1.
    """
    began = time.monotonic()
    made = install(folder)
    console.print(Panel(WHO, title="extproc demo", expand=False))
    with Processes(made.logs) as processes:
        link = ""
        try:
            _start(made, processes, console)
            with httpx.Client(trust_env=False, timeout=10.0) as http:
                stage = set_the_stage(made, console, http)
                play(stage)
                link = sign_in_link(stage, "noor") if keep else ""
            processes.check()
        except (StepFailed, ProcessFailed, httpx.HTTPError) as error:
            _tell_failure(console, error, processes)
            return 1
        console.print(
            f"\n[bold green]All {len(STEPS)} steps did what they say[/], in {time.monotonic() - began:.0f} s."
        )
        console.print(f"Everything that was stored is in {escape(str(made.folder))}", soft_wrap=True)
        if keep:
            _keep_running(made, processes, console, link)
    return 0


def _start(made: DemoInstallation, processes: Processes, console: Console) -> None:
    """Start the issuer, the backends and ``extproc up``, each once the one before answers."""
    python = [sys.executable, "-m"]
    parts = [
        ("issuer", ["extproc.demo.issuer", "--people", str(made.folder / PEOPLE)], "/jwks.json"),
        ("crm", ["extproc.demo.backends.crm", *_credential(made, "crm")], "/_health"),
        ("docs", ["extproc.demo.backends.mcp_docs", *_credential(made, "docs")], "/_health"),
    ]
    for name, argv, path in parts:
        listen = ["--listen", f"127.0.0.1:{made.ports[name]}"]
        with _progress(console, WHAT[name]):
            processes.start(name, [*python, *argv, *listen], made.url(name) + path, within_s=START_WITHIN_S)
    with _progress(console, "guard: Envoy, two workers, the control process with the embedded ClickHouse"):
        processes.start(
            "guard",
            [*python, "extproc", "up", "--config", str(made.config)],
            made.url("health") + "/healthz",
            within_s=GUARD_WITHIN_S,
        )


WHAT = {
    "issuer": "token issuer",
    "crm": "backend: customers over HTTP with JSON",
    "docs": "backend: documents over MCP, with JSON and with SSE responses",
}


def _credential(made: DemoInstallation, backend: str) -> list[str]:
    return ["--credential", str(made.credential_file(backend))]


@contextmanager
def _progress(console: Console, what: str) -> Iterator[None]:
    """Show a spinner while a process starts, and then a line with the seconds that it took."""
    began = time.monotonic()
    if not console.is_terminal:
        console.print(f"   starting {what}", soft_wrap=True)
    with console.status(f"starting {what}"):
        yield
    console.print(f" [green]✓[/] {what} [dim]({time.monotonic() - began:.1f} s)[/]", soft_wrap=True)


def set_the_stage(made: DemoInstallation, console: Console, http: httpx.Client) -> Stage:
    """Get everybody's tokens, make the secrets of this run, and list the values that must not be stored."""
    tokens = {name: _token(made, http, name) for name in PEOPLE_WANTED}
    api_key = f"sk_test_{secrets.token_hex(16)}"
    canaries = [
        Canary("the key in an argument", api_key),
        *(Canary(f"{name}'s token", token) for name, token in tokens.items()),
        *(Canary(f"the signature of {name}'s token", token.rpartition(".")[2]) for name, token in tokens.items()),
        *(Canary(f"{backend}'s credential", made.credential(backend)) for backend in ("crm", "docs")),
        *(
            Canary(f"{customer['name']}'s {name}", str(value))
            for customer in CUSTOMERS.values()
            for name, value in customer.items()
            if name in SENSITIVE_FIELDS
        ),
    ]
    return Stage(made, console, tokens, http, f"story-{secrets.token_hex(6)}", api_key, canaries)


def _token(made: DemoInstallation, http: httpx.Client, name: str) -> str:
    answer = http.post(f"{made.url('issuer')}/token", json={"name": name})
    expect(answer.status_code == httpx.codes.OK, f"a token for {name}", answer.status_code)
    return str(answer.json()["access_token"])


def play(stage: Stage) -> None:
    """Play every step.

    Raises:
        StepFailed: a step did not do what it says.
    """
    for number, step in enumerate(STEPS, start=1):
        title = (step.__doc__ or "").partition("\n")[0].rstrip(".")
        stage.console.print(f"\n[bold]{number:2}. {escape(title)}[/]", highlight=False, soft_wrap=True)
        for line in step(stage):
            stage.console.print(f" [green]✓[/] {escape(line)}", highlight=False, soft_wrap=True)


def _tell_failure(console: Console, error: Exception, processes: Processes) -> None:
    console.print("\n[bold red]✗ The story stopped here.[/]")
    if isinstance(error, StepFailed):
        console.print(f"   expected: {escape(error.expected)}\n   seen:     {escape(error.seen)}", soft_wrap=True)
    else:
        console.print(f"   {escape(str(error) or type(error).__name__)}", soft_wrap=True)
    for running in processes.running:
        console.print(f"\n[bold]{running.name}[/], the end of {escape(str(running.log))}", soft_wrap=True)
        console.print(escape(running.tail()), highlight=False, soft_wrap=True)


def _keep_running(made: DemoInstallation, processes: Processes, console: Console, link: str) -> None:
    console.print("\n[bold]Still running. Try next:[/]\n", soft_wrap=True)
    console.print(escape(what_next(made)) + "\n", highlight=False, soft_wrap=True)  # no frame: people copy it
    console.print("The console, signed in as noor. The link works once, within five minutes:\n", soft_wrap=True)
    console.print(f"{escape(link)}\n", highlight=False, soft_wrap=True)
    console.print("Ctrl-C stops it.")
    try:
        while True:
            processes.check()
            time.sleep(KEEP_POLL_S)
    except KeyboardInterrupt:
        console.print("stopping")


def what_next(made: DemoInstallation) -> str:
    """Return commands to try, with the addresses of this run."""
    fetch = f'curl -s -d \'{{"name":"maya"}}\' {made.url("issuer")}/token'
    first = "python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])'"
    bearer = '-H "authorization: Bearer $TOKEN"'
    refund = '-H "content-type: application/json" -d \'{"customer":"1002","amount":900}\''
    held = f"curl -s -H 'host: crm.demo' {bearer} {refund} {made.url('envoy')}/refunds"
    return "\n".join(
        (
            f"export EXTPROC_CONFIG={made.config}",
            f"TOKEN=$({fetch} | {first})",
            f"curl -H 'host: crm.demo' {bearer} {made.url('envoy')}/customers/1002",
            f"{held} &    # held: see the queue",
            "extproc approvals list",
            f"export EXTPROC_TOKEN=$({fetch.replace('maya', 'noor')} | {first})",
            "extproc approvals open    # another link to the console",
            "extproc sessions list",
            'extproc query "SELECT started, function, subject, reason FROM calls ORDER BY started"',
            f"$EDITOR {made.folder}/policy-data.yaml    # workers use it once saved: extproc policy status",
        )
    )
