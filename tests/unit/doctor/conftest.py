"""A busy machine is no finding."""

import pytest

from extproc.doctor import stored


@pytest.fixture(autouse=True)
def patient_disk(monkeypatch):
    monkeypatch.setattr(stored, "SLOW_SYNC_S", 5.0)
