"""The command line and the start of the demo's small servers."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


def arguments(description: str, argv: Sequence[str] | None, *files: str) -> argparse.Namespace:
    """Read ``--listen``, and a mandatory option with a path for each name in ``files``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--listen", default="127.0.0.1:0", help="host:port")
    for name in files:
        parser.add_argument(f"--{name}", type=Path, required=True)
    return parser.parse_args(argv)


def run(app: ASGIApp, listen: str) -> None:
    """Serve until SIGTERM, without access logs: paths can contain values."""
    host, _, port = listen.rpartition(":")
    uvicorn.run(
        app, host=host.strip("[]"), port=int(port), log_level="warning", access_log=False, server_header=False
    )
