"""The event streams of open pages: how many there are, in all and of each session."""

import asyncio
import contextlib
from collections.abc import Iterator

STREAMS_MOST = 500
"""Streams in all. Further pages are not live."""
OF_SESSION = 8
"""Streams of one session. A further one ends the oldest: the newest page is the one that somebody looks at."""


class TooManyStreams(Exception):
    """No further stream can be opened."""


class OpenStreams:
    """Counts streams. Belongs to one event loop."""

    def __init__(self, *, most: int = STREAMS_MOST, of_session: int = OF_SESSION) -> None:
        self._most = most
        self._of_session = of_session
        self._open: dict[str, list[asyncio.Event]] = {}

    def opened(self, session: str) -> contextlib.AbstractContextManager[asyncio.Event]:
        """Count a stream while the block runs. The event is set when a newer stream takes its place.

        Raises:
            TooManyStreams: there are as many as there may be. It is raised at once, before the block.
        """
        if sum(map(len, self._open.values())) >= self._most:
            raise TooManyStreams
        return self._opened(session)

    @contextlib.contextmanager
    def _opened(self, session: str) -> Iterator[asyncio.Event]:
        theirs = self._open.setdefault(session, [])
        if len(theirs) >= self._of_session:
            theirs.pop(0).set()
        replaced = asyncio.Event()
        theirs.append(replaced)
        try:
            yield replaced
        finally:
            if replaced in theirs:
                theirs.remove(replaced)
            if not theirs:
                self._open.pop(session, None)
