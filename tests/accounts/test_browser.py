"""The pages whose scripts are not ours, in a real browser: they work under their policy and load nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person, issue_token


@pytest.fixture
def root(transactional_db: None) -> User:
    return create_person(email="root@example.org", password="correct horse", is_staff=True, is_superuser=True)


@pytest.fixture
def complaints(page: Page, live_server: LiveServer) -> Iterator[list[str]]:
    """What the browser complains of and fetches elsewhere, until the test is over: nothing."""
    heard: list[str] = []

    def note_request(request: Any) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            heard.append(f"outside: {request.url}")

    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", note_request)
    yield heard
    assert heard == []


@pytest.fixture
def signed_in(page: Page, live_server: LiveServer, root: User) -> Page:
    client = Client()
    client.force_login(root)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return page


def test_the_admin_works_under_its_policy(
    signed_in: Page, live_server: LiveServer, complaints: list[str], root: User
) -> None:
    issue_token(user=root, name="bot")
    for path in ("", "accounts/user/", f"accounts/user/{root.pk}/change/", "accounts/apitoken/"):
        signed_in.goto(f"{live_server.url}/admin/{path}")
        signed_in.wait_for_load_state("networkidle")
    # Alpine is alive: the filters are drawn only when it opens them.
    signed_in.goto(f"{live_server.url}/admin/accounts/user/")
    signed_in.get_by_text("Filters").first.click()
    signed_in.get_by_role("heading", name="By operator").wait_for()


def test_the_api_documentation_works_under_the_sites_policy(
    page: Page, live_server: LiveServer, complaints: list[str]
) -> None:
    page.goto(f"{live_server.url}/api/v1/docs/")
    page.locator(".opblock").first.wait_for()
    wanted = page.get_by_text("Get a token, with e-mail and password or from a signed-in page")
    # A long page: what is out of sight is not drawn, and a large step would pass it by.
    while not wanted.count() and page.evaluate("scrollY + innerHeight + 1 < document.documentElement.scrollHeight"):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(100)
    wanted.click()
    page.get_by_text("The token is in the answer this once.").wait_for()
