"""Engines belong to the thread that made them."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def collect_engines() -> Iterator[None]:
    """What an expected error's traceback still holds goes here, before a thread of a later test collects it."""
    yield
    gc.collect()
