"""How the demo's small servers are started."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


def arguments(description: str, argv: Sequence[str] | None, *files: str) -> argparse.Namespace:
    """Read ``--listen`` and one mandatory option per name in ``files``, each a path."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--listen", default="127.0.0.1:0", help="host:port")
    for name in files:
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args(argv)


def run(app: ASGIApp, listen: str) -> None:
    """Serve until SIGTERM. Access logs stay off: paths can carry values."""
    host, _, port = listen.rpartition(":")
    uvicorn.run(
        app, host=host.strip("[]"), port=int(port), log_level="warning", access_log=False, server_header=False
    )
