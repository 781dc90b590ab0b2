"""Sign-in at a provider: what a browser and the provider say decides whether a session begins."""

from tests.unit.console.sign_in.console import through_the_provider


def test_a_person_signs_in_and_comes_back_to_the_page(console, browser):
    """From a page to the provider and back, with roles from groups."""
    console.configure(roles={"auditor": ["sre"]})
    answer = browser.get("/")
    assert answer.headers["location"] == "/sign-in?next=%2F"
    page = browser.get("/sign-in?next=%2Fwatch")
    assert 'href="/sign-in/start?next=%2Fwatch"' in page.text
    answer = through_the_provider(browser, "/sign-in/start?next=%2Fwatch")
    assert (answer.status_code, answer.headers["location"]) == (303, "/watch")
    shown = browser.get("/").json()
    assert shown["subject"] == "maya"
    assert shown["groups"] == ["sre"]
    assert shown["roles"] == ["approver", "auditor"]
    assert shown["name"] == "maya@example.com"
    assert shown["source"] == "console 127.0.0.1"
