"""The real opa-envoy-plugin, as a process that answers over gRPC."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from envoy.service.auth.v3 import external_auth_pb2 as auth

from tests.integration.guard.stack import dying_with_us
from tests.integration.support.envoy_process import short_folder
from tests.opa_envoy.corpus import Asked, Policy, write_descriptors
from tests.opa_envoy.outcome import ERROR, Outcome, outcome_of_check

VARIABLE = "EXTPROC_OPA_ENVOY_PLUGIN"
CHECK = "/envoy.service.auth.v3.Authorization/Check"
READY_S, ANSWER_S = 30.0, 10.0


def find_plugin() -> Path | None:
    """The plugin's binary: named by EXTPROC_OPA_ENVOY_PLUGIN, or on PATH."""
    named = os.environ.get(VARIABLE) or shutil.which("opa-envoy-plugin") or ""
    return Path(named) if named and os.access(named, os.X_OK) else None


@dataclass
class Plugin:
    """A running plugin with one policy."""

    channel: grpc.aio.Channel
    address: str
    """Its unix socket, ``unix:/path``."""

    async def answer(self, asked: Asked) -> Outcome:
        """What its answer to this request does on Envoy."""
        call = self.channel.unary_unary(
            CHECK, lambda each: each.SerializeToString(), auth.CheckResponse.FromString
        )
        try:
            response = await call(asked.check, timeout=ANSWER_S)
        except grpc.aio.AioRpcError:
            return {"decision": ERROR}  # Envoy denies on it
        return outcome_of_check(asked, response)


@contextlib.asynccontextmanager
async def run_plugin(binary: Path, policy: Policy, *more: str) -> AsyncIterator[Plugin]:
    """Start the plugin with one policy on unix sockets, and end it.

    Args:
        binary: the plugin.
        policy: its only policy.
        more: further arguments.

    Raises:
        RuntimeError: it does not start; the message is its own.
    """
    with short_folder() as folder:
        (folder / "policy.rego").write_text(policy.text)
        address = f"unix:{folder}/p"
        settings = (
            f"addr=unix://{folder}/p",
            f"path={policy.path}",
            f"proto-descriptor={write_descriptors(folder)}",
        )
        given = [part for each in settings for part in ("--set", f"plugins.envoy_ext_authz_grpc.{each}")]
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *dying_with_us(),
                *(binary, "run", "--server", "--addr", f"unix://{folder}/o", "--disable-telemetry", *given, *more),
                folder / "policy.rego",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            async with grpc.aio.insecure_channel(
                address, options=[("grpc.default_authority", "plugin")]
            ) as channel:
                await _until_ready(process, channel, folder / "log")
                yield Plugin(channel, address)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _until_ready(process: asyncio.subprocess.Process, channel: grpc.aio.Channel, log: Path) -> None:
    ready = asyncio.create_task(channel.channel_ready())
    ended = asyncio.create_task(process.wait())
    done, waiting = await asyncio.wait({ready, ended}, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    if ready not in done:
        raise RuntimeError(f"opa-envoy-plugin does not start:\n{log.read_text(errors='replace')}")
