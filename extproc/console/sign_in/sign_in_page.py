"""The pages of sign-in and sign-out, and of their errors. They work without scripts."""

from dataclasses import dataclass

from fastapi.responses import HTMLResponse

from extproc.console.rendering import render as render_template
from extproc.console.sign_in.errors import WhyNot


@dataclass(frozen=True, slots=True)
class SignInPage:
    """A page with at most one thing to do."""

    title: str
    text: str
    link: str = ""
    """Where to go on to."""
    link_text: str = ""
    at_once: bool = False
    """True: the browser follows the link by itself."""
    forms: tuple["PageForm", ...] = ()


@dataclass(frozen=True, slots=True)
class PageForm:
    """A button."""

    action: str
    button: str
    hidden: tuple[tuple[str, str], ...]


REFUSALS: dict[WhyNot, tuple[int, str, str]] = {
    WhyNot.ATTEMPT_UNKNOWN: (
        400,
        "This sign-in is over",
        "It took too long, was used before, or was begun in another browser or another tab. Begin again.",
    ),
    WhyNot.DENIED: (403, "You are not signed in", "The identity provider did not sign you in."),
    WhyNot.CODE_REFUSED: (
        403,
        "You are not signed in",
        "The identity provider took back its answer. Begin again.",
    ),
    WhyNot.WRONG_ISSUER: (400, "You are not signed in", "The answer came from another identity provider."),
    WhyNot.TOKEN_REFUSED: (403, "You are not signed in", "The identity provider's answer is not valid here."),
    WhyNot.SIGNED_OUT: (403, "You are signed out", "The identity provider ended your session."),
    WhyNot.LINK_UNKNOWN: (
        403,
        "This link does not work any more",
        "A link can be used once, within five minutes. Ask for another: extproc approvals open.",
    ),
    WhyNot.NOT_LOCAL: (403, "Links do not work here", "They work on the machine of the console alone."),
    WhyNot.AGENT: (403, "You are not signed in", "An agent that acts for a person cannot sign in."),
    WhyNot.FORGED: (403, "Nothing was done", "This form is not of your session. Open the page again."),
    WhyNot.TOO_MANY: (429, "Too many requests", "Wait a moment, and try again."),
    WhyNot.NOT_SET_UP: (
        404,
        "There is no identity provider",
        "Nobody can sign in here with a password. On the machine of the console: extproc approvals open.",
    ),
}
"""Status, title and text of each refusal."""


def render(page: SignInPage, status: int = 200) -> HTMLResponse:
    """Return the page, in the look of all pages."""
    of_all_pages = {"visitor": None, "events": "", "now_ms": 0, "told": None}
    return HTMLResponse(render_template("sign_in.html", {"page": page, **of_all_pages}), status)


def refusal(why: WhyNot, retry_after_s: int = 0) -> HTMLResponse:
    """Return the page of a refusal."""
    status, title, text = REFUSALS[why]
    answer = render(SignInPage(title, text, "/sign-in", "To the sign-in"), status)
    if retry_after_s:
        answer.headers["Retry-After"] = str(retry_after_s)
    return answer


def unavailable(what: str, retry_after_s: int) -> HTMLResponse:
    """Return the page for what cannot be known now."""
    answer = render(SignInPage("The console cannot be used now", what), 503)
    answer.headers["Retry-After"] = str(retry_after_s)
    return answer
