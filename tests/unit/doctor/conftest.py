"""Settings under which a busy machine causes no warnings."""

import pytest

from extproc.doctor import check_storage


@pytest.fixture(autouse=True)
def slow_disk_allowed(monkeypatch):
    monkeypatch.setattr(check_storage, "SLOW_SYNC_S", 5.0)
