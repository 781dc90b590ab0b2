"""Everybody can use the pages: by contrast, names, headings, keyboard and a narrow screen."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from extproc.approvals.approval import State, Vote
from extproc.model.masking import Finding
from tests.integration.console.console_stack import ConsoleStack
from tests.integration.support.tokens import ISSUER

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
CHECKS = (Path(__file__).parent / "page_checks.js").read_text()
LONG = "word" * 200
RICH = {
    "preview": '{"environment": "production", "note": "rotate [STRIPE_KEY]\\nthen \\u202e", "force": true, "n": 2.5,'
    f' "deep": {{"a": [{{"b": "{LONG}"}}]}}, "{LONG}": "x"}}',
    "findings": (Finding("STRIPE_KEY", "$.note", "redact"),),
    "break_glass": ("sre",),
}


async def wrong(page: Page) -> dict[str, list[str]]:
    """What any check finds."""
    await page.evaluate(CHECKS)
    found = await page.evaluate(
        "Object.fromEntries(Object.entries(window.checks).map(([k, check]) => [k, check()]))"
    )
    return {name: told for name, told in found.items() if told}


def filled(console: ConsoleStack) -> str:
    """Requests of all kinds; returns the address of the one that shows most."""
    import time

    store = console.stack.approvals
    before = console.open(preview='{"environment": "staging", "gone": [1]}')
    for subject, approve in (("ida", True),):
        vote = Vote(f"{ISSUER}|{subject}", approve, "looked at it", time.time_ns(), ("sre",))
        store.vote(before.request.approval_id, vote, ("sre",))
    assert console.now(before).state is State.APPROVED
    for number in range(5):
        console.open(function="mail.send", requester=f"{ISSUER}|maya", preview=f'{{"to": {number}}}')
    ticket = console.open(requester=f"{ISSUER}|lin", actor="")
    store.issue_ticket(ticket.request.approval_id, time.time_ns())
    return console.request_url(console.open(**RICH))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_every_page_passes_the_checks(console: ConsoleStack, scheme: str, width: int) -> None:
    request = filled(console)
    page = await console.visit("noor", "sre", color_scheme=scheme, viewport={"width": width, "height": 740})
    addresses = ["/", "/?show=all", "/history", "/tickets", "/me", "/sign-out", "/nowhere"]
    for address in [*(console.url + each for each in addresses), request, f"{request}?done=approved"]:
        await page.goto(address)
        assert await wrong(page) == {}, address
    await page.goto(console.url + "/sign-in/link?secret=x")
    assert await wrong(page) == {}


async def test_a_bad_page_does_not_pass(console: ConsoleStack) -> None:
    """The checks can fail."""
    page = await console.visit("noor", "sre", viewport={"width": 360, "height": 740})
    await page.evaluate(
        """() => {
          const main = document.getElementById("main")
          for (const [tag, css, text] of [["h4", "", "deep"], ["a", "", ""], ["p", "color:#999;background:#fff", "pale"],
            ["p", "width:900px", "wide"], ["input", "border:1px solid #eee", ""], ["button", "width:9px;height:9px", "x"]]) {
            const made = document.createElement(tag)
            for (const part of css.split(";").filter(Boolean)) made.style.setProperty(...part.split(":"))
            made.textContent = text
            made.id = "twice"
            main.append(made)
          }
          document.querySelector("footer").remove()
        }"""
    )
    assert set(await wrong(page)) == {
        *("headings", "names", "contrast", "width", "fields", "targets", "ids", "landmarks"),
    }


async def test_a_call_is_decided_by_keyboard_alone(console: ConsoleStack) -> None:
    request = console.open()
    page = await console.visit("noor", "sre")
    await expect(page.get_by_role("link", name="crm.deploy")).to_be_visible()

    async def tab_to(wanted: str) -> None:
        for _ in range(40):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent.trim()") == wanted:
                outline = await page.evaluate(
                    "(e => [getComputedStyle(e).outlineStyle, getComputedStyle(e, '::after').outlineStyle])"
                    "(document.activeElement)"
                )
                assert "solid" in outline, f"the focus cannot be seen on {wanted}"
                return
        pytest.fail(f"{wanted} cannot be reached")

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to("crm.deploy")
    await page.keyboard.press("Enter")
    await page.wait_for_url(console.request_url(request))
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "note":
            break
    await page.keyboard.type("read it all")
    await tab_to("Approve this call")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Approved by noor")).to_be_visible()


async def test_a_screen_reader_hears_what_matters(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    await page.goto(filled(console))
    tree = await page.locator("body").aria_snapshot()
    for said in (
        'heading "crm.deploy" [level=1]',
        'region "Look at this first"',
        'region "Arguments"',
        'region "Your decision"',
        'textbox "Reason"',
        'button "Approve this call"',
        'button "Deny"',
        'navigation "Pages"',
        'rowheader "$.environment"',
        "hidden characters",
    ):
        assert said in tree, tree


async def test_focus_stays_where_it_was_when_the_queue_changes(console: ConsoleStack) -> None:
    first = console.open()
    page = await console.visit("noor", "sre")
    link = page.locator(f'a[href="/approvals/{first.request.approval_id}"]')
    await link.focus()
    second = console.open(function="crm.second", expires_ns=first.request.expires_ns - 10**9)
    await expect(page.locator(f'a[href="/approvals/{second.request.approval_id}"]')).to_be_visible()
    await expect(link).to_be_focused()


async def test_a_note_that_is_being_written_survives_the_vote_of_another(console: ConsoleStack) -> None:
    import time

    from extproc.model.quorum import Quorum

    request = console.open(quorum=Quorum.any_of("sre", minimum=3))
    page = await console.visit("noor", "sre")
    await page.goto(console.request_url(request))
    await page.get_by_label("Reason", exact=True).fill("half a sen")
    vote = Vote(f"{ISSUER}|ida", True, "fine with me", time.time_ns(), ("sre",))
    console.stack.approvals.vote(request.request.approval_id, vote, ("sre",))
    await expect(page.get_by_text("fine with me")).to_be_visible()
    await expect(page.get_by_label("Reason", exact=True)).to_have_value("half a sen")
    await expect(page.get_by_label("Reason", exact=True)).to_be_focused()
    await page.keyboard.type("tence")
    await expect(page.get_by_label("Reason", exact=True)).to_have_value("half a sentence")
