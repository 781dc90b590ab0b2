"""People decide in a real Chromium, on calls that a real Envoy holds."""

import asyncio

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.integration.console.console_stack import ConsoleStack

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]


def call(
    console: ConsoleStack, env: str = "live", subject: str = "omar", **claims
) -> asyncio.Task[httpx.Response]:
    """A call that is held."""
    headers = console.stack.issuer.headers(subject, act={"sub": "release-agent"}, **claims)
    body = f'{{"service":  "billing", "version": 2.10, "env": "{env}"}}'.encode()
    return asyncio.create_task(console.stack.call("POST", "/deploys", content=body, headers=headers))


async def open_first(page: Page) -> None:
    await page.get_by_role("link", name="crm.deploy").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("crm.deploy")


async def decide(page: Page, name: str, reason: str = "change 4711") -> None:
    await page.get_by_label("Reason", exact=True).fill(reason)
    await page.get_by_role("button", name=name, exact=True).click()


async def test_a_held_call_appears_by_itself_and_an_approval_releases_it(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    task = call(console)
    row = page.get_by_role("listitem").filter(has_text="crm.deploy")
    await expect(row).to_be_visible()
    await expect(row).to_contain_text("release-agent for omar")
    await expect(row).to_contain_text("version 2.1")
    await expect(page).to_have_title("(1) Queue · extproc")
    await expect(page.get_by_role("status").filter(has_text="New request: crm.deploy")).to_be_attached()
    await open_first(page)
    await expect(page.get_by_role("row", name="version")).to_contain_text("2.1")
    await decide(page, "Approve this call")
    await expect(page.get_by_role("heading", name="Approved by noor")).to_be_visible()
    answer = await task
    assert answer.status_code == 200
    assert [seen.body for seen in console.stack.reached] == [
        b'{"service":  "billing", "version": 2.10, "env": "live"}'
    ]
    vote = console.stack.approvals.recent(pending_only=False, limit=1)[0].votes[0]
    assert (vote.note, vote.source) == ("change 4711", "console 127.0.0.1")


async def test_a_denial_reaches_the_caller(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    task = call(console)
    await open_first(page)
    await decide(page, "Deny", "no change window")
    await expect(page.get_by_role("heading", name="Denied by noor")).to_be_visible()
    answer = await task
    assert (answer.status_code, answer.json()["reason"]) == (403, "approval-denied")
    assert console.stack.reached == []


async def test_a_reason_is_required(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    request = console.open()
    await page.goto(console.request_url(request))
    await page.get_by_role("button", name="Approve this call").click()
    assert await page.evaluate("document.activeElement.id") == "note"
    await page.evaluate("document.querySelector('form.vote').noValidate = true")
    await page.get_by_role("button", name="Approve this call").click()
    await expect(page.get_by_role("alert")).to_contain_text("Give a reason")
    assert console.now(request).votes == ()


async def test_one_of_two_approvals_can_be_withdrawn(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    task = call(console, "two")
    await open_first(page)
    await decide(page, "Approve this call")
    await expect(page.get_by_text("Your approval counts.")).to_be_visible()
    await expect(page.locator("#head-facts")).to_contain_text("1 of 2 approvals")
    await page.get_by_role("button", name="Withdraw my vote").click()
    await expect(page.locator("#head-facts")).to_contain_text("0 of 2 approvals")
    await expect(page.get_by_text("Taken back at")).to_be_visible()
    first, second = [await console.visit(name, "sre") for name in ("emil", "ida")]
    for other in (first, second):
        await open_first(other)
        await decide(other, "Approve this call")
    await expect(second.get_by_role("heading", name="Approved by emil, ida")).to_be_visible()
    await expect(page.get_by_role("heading", name="Approved by emil, ida")).to_be_visible()
    assert (await task).status_code == 200


async def test_nobody_approves_the_own_call_and_its_caller_can_cancel_it(console: ConsoleStack) -> None:
    page = await console.visit("omar", "sre")
    task = call(console)
    await page.get_by_role("link", name="All", exact=True).click()
    await expect(page.get_by_role("listitem").filter(has_text="crm.deploy")).to_contain_text("your own call")
    await open_first(page)
    await expect(page.get_by_role("heading", name="You cannot decide this")).to_be_visible()
    await expect(page.get_by_text("Somebody else must decide")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve this call")).to_have_count(0)
    await page.get_by_role("button", name="Cancel my request").click()
    await expect(page.get_by_text("Your request was cancelled")).to_be_visible()
    assert (await task).status_code != 200
    assert console.stack.reached == []


async def test_a_request_expires_in_the_open_page(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    task = call(console, "quick")
    await open_first(page)
    await expect(page.get_by_role("button", name="Approve this call")).to_be_visible()
    await expect(page.get_by_role("heading", name="Expired: nobody decided in time")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve this call")).to_have_count(0)
    assert (await task).json()["reason"] == "approval-expired"


async def test_the_slower_of_two_approvers_is_told_who_was_faster(console: ConsoleStack) -> None:
    fast, slow = [await console.visit(name, "sre") for name in ("noor", "emil")]
    request = console.open()
    await slow.route("**/events*", lambda route: route.abort())  # a page that learns nothing by itself
    console.told.clear()
    for page in (fast, slow):
        await page.goto(console.request_url(request))
        await page.get_by_label("Reason", exact=True).fill("my reason")
    await fast.get_by_role("button", name="Deny").click()
    await expect(fast.get_by_role("heading", name="Denied by noor")).to_be_visible()
    await slow.get_by_role("button", name="Approve this call").click()
    await expect(slow.get_by_role("alert").first).to_contain_text("This request was denied by noor meanwhile")
    assert [vote.voter.rpartition("|")[2] for vote in console.now(request).votes] == ["noor"]


async def test_two_tabs_of_one_person_vote_once(console: ConsoleStack) -> None:
    first = await console.visit("noor", "sre")
    second = await first.context.new_page()
    task = call(console, "two")
    await open_first(first)
    await second.goto(first.url)
    await second.get_by_label("Reason", exact=True).fill("from the second tab")
    await decide(first, "Approve this call", "from the first tab")
    await expect(first.get_by_text("Your approval counts.")).to_be_visible()
    # The second tab learns it by itself, and offers no second vote.
    await expect(second.get_by_role("heading", name="You have voted")).to_be_visible()
    await expect(second.get_by_text("others must vote, too")).to_be_visible()
    task.cancel()


async def test_a_stale_form_of_another_call_decides_nothing(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    request = console.open()
    await page.goto(console.request_url(request))
    await page.evaluate("document.querySelector('input[name=digest]').value = 'e'.repeat(64)")
    await decide(page, "Approve this call")
    await expect(page.get_by_role("alert")).to_contain_text("Your page showed another call")
    assert console.now(request).votes == ()


async def test_breaking_the_glass_asks_for_a_confirmation(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    task = call(console, "glass")
    await page.get_by_role("link", name="All", exact=True).click()
    await open_first(page)
    await expect(page.get_by_role("heading", name="You cannot decide this")).to_be_visible()
    await page.get_by_text("Emergency: release it alone").click()
    await page.get_by_label("Reason of the emergency").fill("production is down, dba asleep")
    await page.get_by_role("button", name="Break the glass").click()
    assert console.stack.approvals.recent(pending_only=True, limit=1)[0].votes == ()  # the box was not ticked
    await page.get_by_label("I release this call alone").check()
    await page.get_by_role("button", name="Break the glass").click()
    await expect(page.get_by_text("You released it alone")).to_be_visible()
    assert (await task).status_code == 200


async def test_a_long_call_is_approved_only_after_all_of_it_was_shown(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    request = console.open(preview='{"script": "' + "echo hello; " * 1_000 + 'rm -rf /"}')
    await page.goto(console.request_url(request))
    await expect(page.get_by_role("button", name="Approve this call")).to_have_count(0)
    await expect(page.get_by_text("You see a part of the call")).to_be_visible()
    assert "rm -rf /" not in await page.locator(".arguments").inner_text()
    await page.get_by_label("Reason", exact=True).fill("trying")
    # Not even a form that somebody made by hand.
    await page.evaluate(
        "const b = document.querySelector('button[value=deny]'); b.value = 'approve'; b.textContent = 'Forged'"
    )
    await page.get_by_role("button", name="Forged").click()
    await expect(page.get_by_role("alert")).to_contain_text("did not show all of this call")
    await page.goto(console.request_url(request))
    await page.get_by_role("link", name="Show all of it").first.click()
    assert "rm -rf /" in await page.locator(".arguments").inner_text()
    await decide(page, "Approve this call")
    await expect(page.get_by_role("heading", name="Approved by noor")).to_be_visible()


async def test_without_javascript_everything_works(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre", java_script_enabled=False)
    task = call(console)
    await asyncio.to_thread(console.stack.approvals.recent, pending_only=True, limit=1)
    for _ in range(100):
        await page.reload()
        if await page.get_by_role("link", name="crm.deploy").count():
            break
        await asyncio.sleep(0.1)
    await open_first(page)
    await decide(page, "Approve this call")
    await expect(page.get_by_role("heading", name="Approved by noor")).to_be_visible()
    assert (await task).status_code == 200
    await page.get_by_role("link", name="History").click()
    await expect(page.get_by_role("row").filter(has_text="crm.deploy").first).to_contain_text("approved by noor")


async def test_others_see_nothing_of_a_request(console: ConsoleStack) -> None:
    stranger = await console.visit("lin", "dba")
    request = console.open()
    await stranger.get_by_role("link", name="All", exact=True).click()
    await expect(stranger.get_by_role("heading", name="Nothing waits")).to_be_visible()
    answer = await stranger.goto(console.request_url(request))
    assert answer
    assert answer.status == 404
    await expect(stranger.get_by_role("heading", level=1)).to_have_text(
        "There is no such request, or none that you may see."
    )
