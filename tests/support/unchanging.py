"""A configuration that never changes, for tests of what serves calls."""

import contextlib


class Unchanging:
    """Serves every call with the same services."""

    def __init__(self, services):
        self.services = services

    @contextlib.contextmanager
    def call(self, head=None):
        yield self.services
