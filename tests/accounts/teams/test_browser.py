"""A team of three in the browser: the owner invites, the trader trades, the viewer cannot, and the audit tells who did what."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from accounts.teams.models import Membership, Role, Workspace
from accounts.teams.services import change_role, create_workspace, remove_member
from portfolios.models import Portfolio
from tests.fixtures_trading import Pit
from trading.models import Order, OrderState

JOIN = re.compile(r"/settings/workspaces/join/[^/\s]+/")


def enter(page: Page, served: str, user: User) -> Page:
    """Give somebody a window in which they are signed in."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": served}])
    return page


# What requests that a page broke off leave open is closed here, not as a failure of whatever test comes later.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    # Built files come in pieces that ASGI reads at once. As an error the warning would leave the pages without their scripts.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning"),
]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    gc.collect()


def invite(page: Page, email: str, role: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Role", exact=True).select_option(label=role)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()


def join(page: Page, served: str, mailoutbox: list[Any], email: str) -> None:
    """Open the link in the mail, as soon as the worker has sent it, and take it."""
    found: list[str] = []
    for _ in range(100):
        if found := [path[0] for mail in mailoutbox if mail.to == [email] and (path := JOIN.search(mail.body))]:
            break
        page.wait_for_timeout(50)
    page.goto(f"{served}{found[0]}")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("You belong to “Desk” now.")).to_be_visible()


def acts(page: Page) -> list[tuple[str, str, str]]:
    """Return who did what, and as what, in the order of the page: newest first."""
    rows = page.locator("tbody tr")
    cells = [
        [rows.nth(n).locator(f'td[data-label="{one}"]') for one in ("Who", "As", "Act")] for n in range(rows.count())
    ]
    return [(who.inner_text(), role.inner_text(), act.inner_text()) for who, role, act in cells]


def test_three_trade_a_paper_portfolio_and_the_audit_tells_who_did_what(
    pit: Pit,
    alice: User,
    bob: User,
    charlie: User,
    served: str,
    mailoutbox: list[Any],
    new_context: Callable[..., BrowserContext],
) -> None:
    owner, trader, viewer = (enter(new_context().new_page(), served, one) for one in (alice, bob, charlie))
    owner.goto(f"{served}/settings/workspaces/")
    owner.get_by_label("Name").fill("Desk")
    owner.get_by_role("button", name="Make workspace").click()
    invite(owner, bob.email, "Trader")
    invite(owner, charlie.email, "Viewer")
    join(trader, served, mailoutbox, bob.email)
    join(viewer, served, mailoutbox, charlie.email)
    home, workspace = f"{served}/portfolios/{pit.lead.pk}/", Workspace.objects.get()
    owner.goto(f"{home}sharing/")
    owner.get_by_label("Workspace").select_option(label="Desk")
    owner.get_by_role("button", name="Give it to the workspace").click()
    expect(owner.get_by_text("whose roles say who may do what")).to_be_visible()

    trader.goto(home)
    trader.get_by_label("Amount", exact=True).fill("2")
    trader.locator("main").get_by_role("button", name="Place order", exact=True).click()
    expect(trader.locator('tr[id^="fill-"]').first).to_contain_text("Buy BTC")
    viewer.goto(home)
    expect(viewer.locator('tr[id^="fill-"]').first).to_contain_text("Buy BTC")
    expect(viewer.get_by_role("button", name="Place order")).to_have_count(0)
    refused = viewer.evaluate(
        """async (path) => {
          const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
          const sent = new URLSearchParams({ csrfmiddlewaretoken: token, side: "BUY", quantity: "1" });
          return (await fetch(path, { method: "POST", body: sent })).status;
        }""",
        f"{home}orders/place/",
    )
    assert refused == 403
    assert [(one.state, pit.held(pit.lead)) for one in Order.objects.all()] == [(OrderState.FILLED, "2")]

    owner.goto(f"{served}/settings/workspaces/{workspace.pk}/audit/")
    assert acts(owner) == [
        ("@bob", "trader", "order.placed"),
        ("@alice", "owner", "portfolio.given_to_workspace"),
        ("@charlie", "viewer", "workspace.joined"),
        ("@bob", "trader", "workspace.joined"),
        ("@alice", "owner", "workspace.invited"),
        ("@alice", "owner", "workspace.invited"),
        ("@alice", "owner", "workspace.created"),
    ]
    viewer.goto(f"{served}/settings/workspaces/{workspace.pk}/audit/")
    expect(viewer.get_by_text("order.placed")).to_have_count(0)


def test_a_role_that_is_taken_away_while_a_page_is_open_does_nothing_any_more(
    pit: Pit, alice: User, bob: User, served: str, new_context: Callable[..., BrowserContext]
) -> None:
    desk = create_workspace(actor=alice, name="Desk")
    theirs = Membership.objects.create(workspace=desk, user=bob, role=Role.TRADER)
    Portfolio.objects.filter(pk=pit.lead.pk).update(workspace=desk)
    page, home = enter(new_context().new_page(), served, bob), f"{served}/portfolios/{pit.lead.pk}/"
    page.goto(home)
    expect(page.locator("[data-live-status]").first).to_have_attribute("data-state", "live")
    page.get_by_label("Amount", exact=True).fill("2")
    change_role(actor=alice, membership=theirs, role=Role.VIEWER)
    button = page.locator("main").get_by_role("button", name="Place order", exact=True)
    button.click()
    expect(page.get_by_text("Your role does not let you trade; ask an owner of the workspace.")).to_be_visible()
    remove_member(actor=alice, membership=theirs)
    expect(page.get_by_text("There is no such portfolio. What you see here is as it was")).to_be_visible()
    button.click()
    expect(page.get_by_text("There is no such portfolio.", exact=True)).to_be_visible()
    assert not Order.objects.exists()
    page.goto(home)
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
