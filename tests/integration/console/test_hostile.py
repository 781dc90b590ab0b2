"""Nothing that a caller, a voter or another site sends becomes code, leaves its place, or decides."""

import time

import httpx
import pytest
from playwright.async_api import expect

from extproc.approvals.approval import Vote
from extproc.model.masking import Finding
from tests.integration.console.console_stack import ConsoleStack

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="session")]
EVIL = (
    "\"'><script>window.hit=1</script><img src=x onerror=window.hit=1><svg/onload=window.hit=1>{{7*7}}${7*7}\u202e"
)
IN_JSON = '"\\"\'><img src=x onerror=window.hit=1></td></table><form action=https://evil.example>"'
FIELDS = {
    "function": f"mesh.all (GET {EVIL})",
    "requester": f"https://idp/{EVIL}|{EVIL}",
    "actor": f"javascript:alert(1)|{EVIL}",
    "reason": EVIL,
    "rule": EVIL,
    "source": EVIL,
    "session": EVIL,
    "connection": EVIL,
    "policy_revision": EVIL,
    "requester_person": EVIL,
    "definition": EVIL,
    "preview": f'{{{IN_JSON}: {IN_JSON}, "list": [{IN_JSON}, {{{IN_JSON}: null}}]}}',
    "findings": (Finding(EVIL, f"$['{EVIL}']", f"exempt: {EVIL}"),),
}


async def test_no_field_of_a_caller_or_voter_becomes_code(console: ConsoleStack) -> None:
    """Each page is watched for errors, violations of the policy and dialogs; here also for what the code would do."""
    request = console.open(**FIELDS)
    console.open(**{**FIELDS, "preview": EVIL})
    for number in range(5):
        console.open(**{**FIELDS, "requester": f"{EVIL}|many", "session": str(number)})
    store = console.stack.approvals
    before = console.open(**FIELDS)
    vote = Vote(f"{EVIL}|voter", True, EVIL, time.time_ns(), ("sre",), f"{EVIL}voter", EVIL)
    store.vote(before.request.approval_id, vote, ("sre",))
    page = await console.visit("noor", "sre", java_script_enabled=True)
    for address in (
        *(console.url + each for each in ("/", "/?show=all", "/history", "/tickets", "/me")),
        console.request_url(request),
        console.request_url(before),
        f"{console.request_url(request)}?done={EVIL}",
        f"{console.url}/?caller={EVIL}&show={EVIL}",
        f"{console.url}/history?function={EVIL}&caller={EVIL}&state={EVIL}&before={EVIL}",
        f"{console.url}/{EVIL}",
    ):
        await page.goto(address)
        await page.wait_for_timeout(150)
        assert await page.evaluate("window.hit") is None, address
        assert await page.locator("main script, main img, main svg, form[action*=evil]").count() == 0, address
        text = await page.content()
        assert "\u202e" not in text, address
        assert "49" not in await page.locator("h1").first.inner_text(), address
    assert f"onerror={'x'}" not in console.log()


async def test_a_live_fragment_becomes_no_code_either(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    request = console.open(**FIELDS)
    row = page.locator(f'[data-id="{request.request.approval_id}"]')
    await expect(row).to_be_visible()
    assert await page.evaluate("window.hit") is None


async def test_a_refused_note_is_shown_as_text(console: ConsoleStack) -> None:
    request = console.open()
    page = await console.visit("noor", "sre")
    await page.goto(console.request_url(request))
    await page.get_by_label("Reason", exact=True).fill("</textarea><script>window.hit=1</script>")
    await page.evaluate("document.querySelector('input[name=digest]').value = 'e'.repeat(64)")
    await page.get_by_role("button", name="Approve this call").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Reason", exact=True)).to_have_value("</textarea><script>window.hit=1</script>")
    assert await page.evaluate("window.hit") is None


async def test_pages_cannot_be_framed_cached_or_fed_with_code(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    for address in (
        "/",
        console.request_url(console.open()).removeprefix(console.url),
        "/history",
        "/me",
        "/nowhere",
    ):
        answer = await page.goto(console.url + address)
        assert answer
        headers = await answer.all_headers()
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


async def test_the_policy_stops_code_that_got_in(console: ConsoleStack) -> None:
    """The watch of these tests sees a violation, so that its silence elsewhere means something."""
    page = await console.visit("noor", "sre")
    await page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.hit=1><p style=color:red>x</p>')"
    )
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.hit") is None
    assert await page.evaluate("window.violations.length") > 0
    assert console.told != []
    console.told.clear()
    await page.close()


async def test_a_form_without_the_sessions_token_or_of_another_site_decides_nothing(console: ConsoleStack) -> None:
    request = console.open()
    page = await console.visit("noor", "sre")
    await page.goto(console.request_url(request))
    await page.evaluate("document.querySelector('form.vote input[name=csrf]').value = 'x'.repeat(43)")
    await page.get_by_label("Reason", exact=True).fill("forged")
    await page.get_by_role("button", name="Approve this call").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing was done")
    cookies = {each["name"]: each["value"] for each in await page.context.cookies()}
    form = {"decision": "approve", "note": "forged", "digest": "d" * 64, "csrf": "x"}
    async with httpx.AsyncClient(cookies=cookies, trust_env=False) as client:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}):
            answer = await client.post(console.request_url(request) + "/vote", data=form, headers=headers)
            assert answer.status_code == 403
    assert console.now(request).votes == ()


async def test_the_back_button_shows_nothing_after_sign_out(console: ConsoleStack) -> None:
    request = console.open(preview='{"customer": "canary-7731"}')
    page = await console.visit("noor", "sre")
    await page.goto(console.request_url(request))
    assert "canary-7731" in await page.content()
    await page.goto(console.url + "/me")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    for _ in range(2):
        await page.go_back()
        await page.wait_for_timeout(300)
        assert "canary-7731" not in await page.content()


async def test_an_open_page_ends_with_its_session(console: ConsoleStack) -> None:
    page = await console.visit("noor", "sre")
    other = await page.context.new_page()
    await other.goto(console.url + "/me")
    await other.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("alert")).to_contain_text("You are not signed in any more")
    console.open(function="crm.secret")
    await page.wait_for_timeout(1_500)
    assert "crm.secret" not in await page.content()


async def test_strangers_are_led_to_the_sign_in_and_back(console: ConsoleStack) -> None:
    context = await console.context()
    page = await context.new_page()
    request = console.open()
    await page.goto(console.request_url(request))
    assert page.url.startswith(f"{console.url}/sign-in?next=")
    async with httpx.AsyncClient(trust_env=False) as client:
        for address in ("/", "/events", "/history", f"/approvals/{request.request.approval_id}"):
            answer = await client.get(console.url + address)
            assert answer.status_code in (303, 401), address
            assert "crm.deploy" not in answer.text
