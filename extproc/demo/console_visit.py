"""A visit to the console's pages: with a headless browser where one is there."""

import importlib.util
import os
import shutil

from extproc.demo.stage import Stage, expect

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WITHIN_MS = 20_000
MASK = "[STRIPE_KEY]"


def browser_there() -> str:
    """Return the program of a browser that can be driven; empty without one, or without playwright."""
    if importlib.util.find_spec("playwright") is None:
        return ""
    return next((found for name in BROWSERS if (found := shutil.which(name))), "")


def sign_in_link(stage: Stage, who: str) -> str:
    """Return a link that signs a person in to the console, once, within five minutes."""
    done = stage.command("approvals", "open", who=who, show=False)
    expect(done.returncode == 0, "a link to the console", done.stderr or done.stdout)
    return next((line.strip() for line in done.stdout.splitlines() if line.strip().startswith("http")), "")


def approve_in_browser(stage: Stage, browser: str, approval_id: str, note: str) -> None:
    """Approve a request in the console as noor, with a headless browser.

    Raises:
        StepFailed: a page did not show what it must.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the demo runs without it, too

    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox does not start as root
        running = playwright.chromium.launch(executable_path=browser, args=sandbox)
        page = running.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.goto(sign_in_link(stage, "noor"))
        page.get_by_role("button", name="Sign in as noor").click()
        page.wait_for_url(f"{stage.installation.url('console')}/")
        stage.tell(f"noor opens {stage.installation.url('console')}/approvals/{approval_id}")
        page.goto(f"{stage.installation.url('console')}/approvals/{approval_id}")
        shown = page.content()
        expect(
            MASK in shown and stage.api_key not in shown, "the key's place in the page, never the key", "another"
        )
        for line in page.locator(".warned li").all_inner_texts():
            stage.tell(f"  {' '.join(line.split())}")
        page.get_by_label("Reason", exact=True).fill(note)
        page.get_by_role("button", name="Approve this call").click()
        page.get_by_role("heading", name="Approved by noor").wait_for()
        stage.tell("  Approved by noor")
        running.close()
