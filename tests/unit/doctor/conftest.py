"""A busy machine is no finding."""

import pytest

from extproc.doctor import check_storage


@pytest.fixture(autouse=True)
def patient_disk(monkeypatch):
    monkeypatch.setattr(check_storage, "SLOW_SYNC_S", 5.0)
