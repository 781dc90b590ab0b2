"""The ``notifications`` section: who is told of approvals, through which services, and who decides from Slack."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from extproc.model.notification_events import CHOSEN, NotificationEvent
from extproc.settings.base import Example, Name, PathSetting, Seconds, Strict, WithoutPassword

WEBHOOK = r"^https?://[^\s]+$"
SLACK_USER = r"^[UW][A-Z0-9]{2,20}$"
SLACK_TEAM = r"^T[A-Z0-9]{2,20}$"
SLACK_CHANNEL = r"^[CGD][A-Z0-9]{2,20}$"
"""Ids of Slack: a member, a workspace, a channel. Names are not accepted: they can be given to others."""
FUNCTION = r"^[a-z][a-z0-9_-]{0,62}\.([^\s*]{1,256}|\*)$"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PEOPLE_PER_MINUTE, SYSTEM_PER_MINUTE = 20, 600
"""The default of ``per_minute`` for people, and for webhooks."""

ChosenEvent = Literal["created", "decided", "expiring", "expired"]


def _encrypted(url: str) -> str:
    """Refuse plain HTTP, but for a receiver on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("must begin with https://: what is sent would be read on the network")
    return url


class AppriseSettings(Strict):
    """A service that apprise knows, by its URL. The URL holds secrets, so it is never in this file."""

    file: PathSetting | None = Field(
        None, description="file with one apprise URL, such as mailtos://…; read again for each message"
    )
    env: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable of the control process with one apprise URL",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "AppriseSettings":
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file and env")
        return self


class WebhookSettings(Strict):
    """A receiver of signed JSON, as Standard Webhooks specifies it."""

    url: Annotated[
        WithoutPassword, AfterValidator(_encrypted), Example("url: https://hooks.example.com/approvals")
    ] = Field(pattern=WEBHOOK)
    """Address of the receiver: https; http for a receiver on this machine only. Redirects are not followed."""
    secret_file: Annotated[PathSetting, Example("secret_file: webhook.secret")]
    """File with the signing secret: whsec_ and at least 24 bytes in Base64. Read again for each message."""


class SlackUser(Strict):
    """The person behind a member of the Slack workspace, and the groups that count when this person votes."""

    provider: Name
    """Provider of ``identity`` whose subject this person is."""
    subject: Annotated[str, Field(min_length=1, max_length=255), Example("subject: alice")]
    """The person's ``sub`` at that provider, so that nobody approves their own call through Slack."""
    groups: Annotated[list[Annotated[str, Field(min_length=1)]], Example("groups: [sre]")]
    """Groups of this person for votes from Slack. Slack is not asked: this list is the only source."""
    person: str = Field("", max_length=255)
    """Value of the claim that joins the accounts of one person; required where the provider has claims.person."""


class SlackSettings(Strict):
    """A channel of a Slack workspace, in which people decide by buttons."""

    channel: Annotated[str, Example("channel: C0123456789")] = Field(pattern=SLACK_CHANNEL)
    """Id of the channel. Its members see the masked preview of what is posted there."""
    team: Annotated[str, Example("team: T0123456789")] = Field(pattern=SLACK_TEAM)
    """Id of the workspace. Clicks from every other workspace are refused."""
    token_file: Annotated[PathSetting, Example("token_file: slack.token")]
    """File with the app's bot token (xoxb-…), with the scope chat:write. Read again for each message."""
    signing_secret_file: Annotated[PathSetting, Example("signing_secret_file: slack.signing")]
    """File with the app's signing secret, by which clicks are verified."""
    users: dict[Annotated[str, Field(pattern=SLACK_USER)], SlackUser] = Field({})
    """People who may decide from Slack, by their member id. Everybody else is refused."""
    api_url: Annotated[WithoutPassword, AfterValidator(_encrypted)] = Field(
        "https://slack.com/api/", pattern=WEBHOOK
    )
    """Address of Slack's Web API."""


class TargetSettings(Strict):
    """One receiver of notifications. Give exactly one of apprise, webhook and slack."""

    apprise: AppriseSettings | None = None
    """E-mail, Teams, PagerDuty and other services, through apprise."""
    webhook: WebhookSettings | None = None
    """A system of your own, by signed JSON."""
    slack: SlackSettings | None = None
    """A Slack channel in which people decide."""
    events: list[ChosenEvent] = Field(list(CHOSEN), min_length=1)  # type: ignore[arg-type]
    """Events that are sent. Break-glass is always sent, to every target, whatever this list and the filters."""
    functions: list[Annotated[str, Field(pattern=FUNCTION)]] = Field([])
    """Functions whose approvals are sent: connection.function, or connection.* for all of it. Empty: all."""
    groups: list[Annotated[str, Field(min_length=1)]] = Field([])
    """Groups whose approvals are sent: those that one of these groups may decide. Empty: all."""
    expiring_before: Seconds = 120.0
    """Seconds before its expiry at which a waiting approval is announced again."""
    per_minute: int | None = Field(None, ge=1, le=6_000)
    """Most messages in a minute; further events are grouped into one message. Default: 20, for webhooks 600."""

    @field_validator("events")
    @classmethod
    def _no_event_twice(cls, events: list[str]) -> list[str]:
        if len(set(events)) != len(events):
            raise ValueError("an event is listed twice")
        return events

    @model_validator(mode="after")
    def _one_service(self) -> "TargetSettings":
        if sum(each is not None for each in (self.apprise, self.webhook, self.slack)) != 1:
            raise ValueError("give exactly one of apprise, webhook and slack")
        return self

    @property
    def most_per_minute(self) -> int:
        """The most messages in a minute."""
        return self.per_minute or (SYSTEM_PER_MINUTE if self.webhook else PEOPLE_PER_MINUTE)

    def wants(self, event: NotificationEvent) -> bool:
        """Return whether the event is sent, where no filter keeps it back."""
        return event is NotificationEvent.BREAK_GLASS or event.value in self.events

    def covers(self, function: str, groups: tuple[str, ...]) -> bool:
        """Return whether the filters let an approval of this function and of these groups pass."""
        return (not self.functions or any(_matches(each, function) for each in self.functions)) and (
            not self.groups or bool(set(self.groups) & set(groups))
        )


def _matches(pattern: str, function: str) -> bool:
    return function.startswith(pattern.removesuffix("*")) if pattern.endswith(".*") else function == pattern


class NotificationSettings(Strict):
    """Who is told of approvals."""

    targets: dict[Name, TargetSettings] = Field({})
    """Receivers, each under a name of your choice. None: approvers have to look for themselves."""
    retry_for: Seconds = 3_600.0
    """Seconds for which a message is tried again. Afterwards it is failed, and listed as such."""
    timeout: float = Field(10.0, gt=0, le=60)
    """Seconds for one attempt."""
