"""Run a script in a page of a real Chromium, and get what it returns.

    async with run_pages() as pages:
        assert await pages.run(pages.origin("app"), "return 1 + 1") == 2

Names below ``localhost`` lead to this machine in every browser, and each is an origin of its own. The page sends what
the script returned back to the server that it came from.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.integration.guard.stack import dying_with_us
from tests.integration.support.upstream import ResponseFacts, RunningUpstream, Scripted, run_upstream

WITHIN_S = 60.0
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
    "--disable-features=LocalNetworkAccessChecks",
)
"""It runs as root in CI, where Chromium's sandbox does not start; it loads only pages of these tests."""
PAGE = """<!doctype html><title>running</title><script type="module">
let told
try { told = { returned: await (async () => { %s })() } } catch (error) { told = { failed: String(error) } }
await fetch("%s/told", { method: "POST", mode: "no-cors", body: JSON.stringify(told) })
</script>"""


def chromium_binary() -> str | None:
    """Debian's Chromium, or another that is on PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def machine_can_have_one() -> bool:
    """True where ``.ci/run`` installs Debian's package."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


@dataclass
class Pages:
    """A server of pages, and a browser for each of them."""

    server: RunningUpstream
    script: str = ""
    told: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    def origin(self, name: str) -> str:
        """The origin of this server's pages under that name."""
        return f"http://{name}.localhost:{self.server.port}"

    def page(self) -> str:
        """The page that runs the script, as HTML."""
        return PAGE % (self.script, self.origin("report"))

    def answer(self, seen: ResponseFacts) -> Scripted:
        """Serve the page, and take what it tells."""
        if seen.method == "POST":
            self.told.put_nowait(json.loads(seen.body))
            return Scripted(204)
        if seen.path == "/framed":
            frame = '<iframe sandbox="allow-scripts" src="/"></iframe>'
            return Scripted(200, [("content-type", "text/html")], [frame.encode()])
        if seen.path != "/":
            return Scripted(404)
        return Scripted(200, [("content-type", "text/html")], [self.page().encode()])

    async def run(self, url: str | None, script: str) -> Any:
        """Open this page, run the body of an asynchronous JavaScript function in it, and give what it returns."""
        self.script = script
        binary = chromium_binary()
        assert binary, "no chromium"
        with tempfile.TemporaryDirectory(prefix="xp-", ignore_cleanup_errors=True) as profile:
            process = await asyncio.create_subprocess_exec(
                *dying_with_us(),
                *(binary, *OPTIONS, f"--user-data-dir={profile}", url or "data:text/html," + quote(self.page())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                told = await asyncio.wait_for(self.told.get(), WITHIN_S)
            finally:
                process.kill()
                await process.wait()
        assert "returned" in told, told["failed"]
        return told["returned"]


@contextlib.asynccontextmanager
async def run_pages() -> AsyncIterator[Pages]:
    """Start the server of pages."""
    async with run_upstream() as server:
        pages = Pages(server)
        server.answer = pages.answer
        yield pages
