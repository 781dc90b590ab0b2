"""Processes of the benchmarks: started, measured by the system's own accounting, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from extproc.config.load import load_settings
from extproc.config.schema import Settings
from extproc.demo.issuer import Person, SigningKey, mint
from extproc.envoy_config.render.bootstrap import render_bootstrap
from extproc.supervise.children import envoy_binary

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ISSUER = "https://issuer.bench"
FILLER = "n" * 850


@dataclass(frozen=True)
class Usage:
    """One process at one moment."""

    cpu_s: float
    rss_bytes: int


def usage(pid: int) -> Usage:
    """CPU of all its threads, and resident memory (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage((int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE)


def pss(pid: int) -> int:
    """Bytes of memory, pages shared with other processes counted in proportion."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, within_s: float = 30) -> None:
    """Until something accepts connections there."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        family = socket.AF_UNIX if address.startswith("unix:") else socket.AF_INET
        where = address[5:] if address.startswith("unix:") else ("127.0.0.1", int(address.rpartition(":")[2]))
        with socket.socket(family, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.connect(where)
            return
        time.sleep(0.05)
    raise TimeoutError(address)


@dataclass
class Stage:
    """A folder, a backend, a caller's token, and the processes started so far."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]]
    upstream: int
    token: str

    def start(self, name: str, *argv: str) -> int:
        """Start a process; its output goes to its own file."""
        log = (self.folder / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self.processes[name].pid

    def pid(self, name: str) -> int:
        """The id of a process started here."""
        return self.processes[name].pid

    def settings(self, name: str, **more: object) -> tuple[Path, Settings]:
        """A configuration of its own, and its file."""
        folder = self.folder / name
        folder.mkdir()
        document: dict[str, object] = {
            "version": 1,
            "state": "s",
            "envoy": {"listen": f"127.0.0.1:{free_port()}"},
            "identity": {
                "providers": {"bench": {"issuer": ISSUER, "audiences": ["bench"], "jwks_file": "../jwks.json"}}
            },
            "connections": {
                "crm": {
                    "protocol": "http-json",
                    "hosts": ["crm.bench"],
                    "upstream": {"address": f"127.0.0.1:{self.upstream}"},
                    "functions": {"update_customer": {"method": "POST", "path": "/customers"}},
                    "masking": {"response": [{"path": "$.ssn"}, {"entity": "*"}]},
                    "approvals": {"groups": ["sre"]},
                }
            },
            "policy": {"data": ["../data.yaml"]},
            **more,
        }
        path = folder / "extproc.yaml"
        path.write_text(yaml.safe_dump(document))
        settings = load_settings(path)
        settings.state.mkdir(exist_ok=True)
        return path, settings

    def envoy(self, name: str, bootstrap: dict[str, object]) -> int:
        """Start an Envoy with this configuration; one worker thread, as the others have."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(bootstrap))
        return self.start(
            name,
            envoy_binary(),
            "-c",
            str(path),
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--log-level",
            "error",
        )

    def request(self, customer: str = "c-1009") -> str:
        """One call about this customer: 1 KB of JSON, nothing sensitive in it."""
        body = json.dumps({"id": customer, "name": "Ada Example", "balance": 1250.5, "note": FILLER})
        return (
            "POST /customers HTTP/1.1\r\nhost: crm.bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self.token}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        )


def bare(bootstrap: dict[str, object]) -> dict[str, object]:
    """The same Envoy without any filter of ours."""
    copy = json.loads(json.dumps(bootstrap))
    for listener in copy["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            for network in chain["filters"]:
                manager = network["typed_config"]
                manager["http_filters"] = manager["http_filters"][-1:]
                manager["access_log"] = [
                    each for each in manager.get("access_log", []) if "grpc" not in each["name"]
                ]
                for host in manager["route_config"]["virtual_hosts"]:
                    host.pop("typed_per_filter_config", None)
    return copy


@contextlib.contextmanager
def staged(folder: Path, data: dict[str, object]) -> Iterator[Stage]:
    """A stage with a backend; ends every process it started."""
    key = SigningKey.make()
    (folder / "jwks.json").write_text(json.dumps(key.jwks()))
    (folder / "data.yaml").write_text(yaml.safe_dump(data))
    person = Person("bench", ("callers",))
    token = mint(key, person, issuer=ISSUER, audience="bench", now_s=int(time.time()), ttl_s=3600)
    stage = Stage(folder, {}, free_port(), token)
    try:
        stage.start("upstream", sys.executable, str(Path(__file__).with_name("upstream.py")), str(stage.upstream))
        wait_for(f"127.0.0.1:{stage.upstream}")
        yield stage
    finally:
        for process in stage.processes.values():
            process.terminate()
        for process in stage.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def guarded_bootstrap(settings: Settings, endpoint: str) -> dict[str, object]:
    """The full configuration, with one guard."""
    return render_bootstrap(settings, guard_endpoints=[endpoint])
