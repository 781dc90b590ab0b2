"""E-mail, Teams, PagerDuty and other services, through apprise. Its URL holds secrets, and stays in here."""

import logging
from collections.abc import Callable

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode

from extproc.concurrency.one_thread import OneThread, StillBusy
from extproc.model.errors import DeliveryFailed
from extproc.model.notification_events import NotificationEvent
from extproc.notifications.grouped import Group
from extproc.notifications.notice_text import group_lines, group_title, lines_of, title_of
from extproc.notifications.secret_files import read_secret, read_variable
from extproc.notifications.senders.sender import Message
from extproc.settings.notifications import AppriseSettings

KINDS = {
    NotificationEvent.CREATED: NotifyType.WARNING,
    NotificationEvent.EXPIRING: NotifyType.WARNING,
    NotificationEvent.BREAK_GLASS: NotifyType.FAILURE,
}
"""How a service marks an event; all others are information."""


class AppriseSender:
    """Sends to the service of one URL."""

    for_people = True

    def __init__(self, name: str, settings: AppriseSettings, timeout_s: float) -> None:
        """Make a sender.

        Args:
            name: of the target.
            settings: where the URL is; it is read for each message.
            timeout_s: seconds for one attempt.
        """
        silence()
        self._settings, self._timeout_s = settings, timeout_s
        self._thread = OneThread(f"notify-{name}")

    async def send(self, message: Message) -> None:
        """Send one event, or a group. See ``Sender``."""
        service = make_service(self._url(), self._timeout_s)
        content = message.content
        if isinstance(content, Group):
            title, body, kind = group_title(content), group_lines(content), NotifyType.WARNING
        else:
            title, body = title_of(content), lines_of(content, message.now_ns)
            kind = KINDS.get(content.event, NotifyType.INFO)

        def work() -> bool:
            return bool(service.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT))

        await self._run(work)

    def _url(self) -> str:
        return read_secret(self._settings.file) if self._settings.file else read_variable(str(self._settings.env))

    async def _run(self, work: Callable[[], bool]) -> None:
        try:
            taken = await self._thread.run(work, self._timeout_s)
        except TimeoutError:
            raise DeliveryFailed("no answer in time") from None
        except StillBusy:
            raise DeliveryFailed("the attempt before has not ended yet") from None
        except Exception as error:  # noqa: BLE001 - its text may quote the URL
            raise DeliveryFailed(f"apprise failed: {type(error).__name__}") from None
        if not taken:
            raise DeliveryFailed("the service did not take it")


def make_service(url: str, timeout_s: float) -> Apprise:
    """Return the one service of a URL: without redirects, retries of its own, files, or plug-ins of others.

    Raises:
        DeliveryFailed: apprise knows no such service, or needs a library that is not installed.
    """
    asset = AppriseAsset(
        app_id="extproc",
        app_desc="extproc",
        async_mode=False,
        http_redirects=False,
        interpret_emojis=False,
        interpret_escapes=False,
        default_service_retry=0,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode=PersistentStoreMode.MEMORY,
        service_timeout=timeout_s,
        language="en",
        image_url_mask="",
        image_path_mask=False,
        image_url_logo="",
    )
    one = Apprise.instantiate(url, asset=asset)
    if one is None:
        raise DeliveryFailed("the apprise URL is not of a service that can be used here")
    # The URL could allow them.
    one.redirects = False
    one.socket_connect_timeout = one.socket_read_timeout = timeout_s
    service = Apprise(asset=asset)
    service.add(one)
    return service


def silence() -> None:
    """Keep the lines of apprise and of the HTTP library below it out of the log: they quote URLs and messages."""
    for name in ("apprise", "urllib3.connectionpool", "requests_oauthlib"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)
