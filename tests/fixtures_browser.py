"""A real Chromium, shut off from every host but this one. Playwright's page, context and new_context build on it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.sync_api import expect
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

from tests import environment

_FIXTURES = {"browser", "context", "new_context", "page"}
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def drives_browser(item: pytest.Item) -> bool:
    """Tell whether a test opens a browser, through whatever fixtures."""
    return not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run browser tests last, the long stories of them first, or leave them out without a browser.

    Playwright leaves an event loop running in its thread, in which no asynchronous test could start any more. A story that
    began as the very last test would be waited for by every other worker.
    """
    for item in filter(drives_browser, items):
        if not environment.CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))
    items.sort(key=lambda item: (drives_browser(item), not item.nodeid.startswith("tests/story/")))


class _OneStoryAtATime(LoadGroupScheduling):  # type: ignore[misc]  # without types
    """Hands out the browser's stories to one worker: two whole sites at once would wait for each other on two cores."""

    def _split_scope(self, nodeid: str) -> str:
        is_story = nodeid.startswith("tests/story/") and nodeid.endswith("chromium]")
        return "stories" if is_story else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadGroupScheduling:
    """Hand out every other test by itself, in the order made above."""
    return _OneStoryAtATime(config, log)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch Debian's Chromium; from here on this process runs browser tests only.

    Their thread holds Playwright's running loop, and Django would take every query for one made inside it.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    # How soon a page must show something is said where it is promised; elsewhere two busy cores may take their time.
    expect.set_options(timeout=20_000)
    return {**browser_type_launch_args, "executable_path": environment.CHROMIUM, "args": _ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Make every context the same on every machine."""
    fixed = {"locale": "en-GB", "timezone_id": "UTC", "viewport": {"width": 1440, "height": 900}}
    return {**browser_context_args, **fixed, "reduced_motion": "reduce"}
