"""Portfolios, their orders and teams, asked by those who share alice's: a viewer, a trader, one to whom she lent, one she removed.

The lead portfolio is the workspace's here. Groups of routes in place of more columns of the great table, whose askers
they would double.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from accounts.teams.models import Membership
from accounts.teams.services import remove_member
from portfolios.models import Portfolio
from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.tables import rows_of
from tests.routes.world import World, send

APPS = ("accounts", "portfolios", "trading")
ABOUT = {"portfolio_id", "order_id", "fill_id", "plan_id", "source_id", "approval_id", "workspace_id"}
# What a viewer sees; and what a trader does, of which a viewer is told that their role forbids it.
SEEN = [
    "portfolios:summary",
    "portfolios:positions",
    "portfolios:balances",
    "portfolios:equity",
    "portfolios:ledger",
    "portfolios:detail",
    "portfolios:chart",
    "portfolios:orders",
    "portfolios:recent_orders",
    "portfolios:estimate",
    "portfolios:open_orders",
    "portfolios:funding",
    "portfolios:fills",
    "portfolios:recent_fills",
    "portfolios:plans",
    "portfolios:recent_plans",
    "portfolios:risk",
    "portfolios:risk_panel",
    "portfolios:approvals",
    "trading:order",
    "trading:plan",
    "trading:plan_panel",
    "portfolios_api:portfolio",
    "portfolios_api:equity",
    "portfolios_api:ledger",
    "portfolios_api:positions",
    "portfolios_api:costs",
    "portfolios_api:sharing",
    "trading_api:order",
    "trading_api:fill",
    "trading_api:plan",
    "trading_api:risk",
    "trading_api:approval",
]
DONE = [
    "portfolios:place",
    "portfolios:cancel_orders",
    "portfolios:close",
    "portfolios:close_all",
    "portfolios:risk_safety",
    "trading:edit",
    "trading:cancel",
    "trading:pause_plan",
]
MANAGED = [
    "portfolios:deposit",
    "portfolios:withdraw",
    "portfolios:transfer",
    "portfolios:costs",
    "portfolios:risk_limits",
    "portfolios:risk_profile",
    "portfolios:lend",
    "portfolios:group",
]
# Leaving is everybody's own.
OWN = {("accounts_api:workspace_member", "DELETE")}


def _routes() -> list[tuple[Route, str]]:
    """Return the routes of one portfolio, of what is in it, and of one workspace, with their methods."""
    named = [route for route in all_routes() if route.name.partition(":")[0].removesuffix("_api") in APPS]
    # bob's follow is in the world, too, and the secret of a signal opens its address to whoever has it.
    kept = [
        one for one in named if set(one.keys) & ABOUT and "follow" not in one.name and not one.name.endswith(":signal")
    ]
    return [(route, row.method) for route in kept for row in rows_of(route) if not route.name.endswith(":copies")]


@pytest.fixture
def people(world: World) -> dict[str, User]:
    """Give the workspace alice's portfolios, and put one member out; return who asks."""
    portfolios = [world.pit.lead.pk, world.own["alice"].pk]
    Portfolio.objects.filter(pk__in=portfolios).update(workspace=world.values["workspace_id"])
    charlie = world.people["charlie"]
    gone = Membership.objects.create(workspace_id=world.values["workspace_id"], user=charlie, role="trader")
    remove_member(actor=world.people["alice"], membership=gone)
    return {"viewer": world.team["vera"], "trader": world.team["theo"], "lent": world.team["lena"], "removed": charlie}


def _answers(world: World, person: User, asked: list[tuple[Route, str]]) -> dict[tuple[str, str], int]:
    """Ask routes as somebody, undo what that did, and return the statuses."""
    secret, sent, found = issue_token(user=person, name="bot")[1], bodies(world), {}
    browser = Client(raise_request_exception=False)
    browser.force_login(person)
    program: Any = Client(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {secret}")
    for route, method in asked:
        with transaction.atomic():
            client, body = program if route.is_api else browser, sent.get((route.name, method))
            answer = send(client, method, world.path(route), body, as_json=route.is_api)
            transaction.set_rollback(True)
        found[route.name, method] = answer.status_code
    return found


def test_one_who_was_removed_finds_nothing_any_more(world: World, people: dict[str, User]) -> None:
    found = _answers(world, people["removed"], _routes())
    assert len(found) > 80
    assert {asked: status for asked, status in found.items() if status != 404} == {}


def test_a_viewer_sees_and_changes_nothing(world: World, people: dict[str, User]) -> None:
    found = _answers(world, people["viewer"], _routes())
    unsafe = {asked: status for asked, status in found.items() if asked[1] != "GET" and asked not in OWN}
    assert {asked: status for asked, status in unsafe.items() if status not in (403, 404)} == {}
    assert {name: found[name, "GET"] for name in SEEN} == dict.fromkeys(SEEN, 200)
    assert {name: found[name, "POST"] for name in (*DONE, *MANAGED)} == dict.fromkeys((*DONE, *MANAGED), 403)


@pytest.mark.parametrize("asker", ["trader", "lent"])
def test_who_may_trade_trades_and_manages_nothing(world: World, people: dict[str, User], asker: str) -> None:
    asked = [(route, method) for route, method in _routes() if route.name in {*DONE, *MANAGED} and method == "POST"]
    found = _answers(world, people[asker], asked)
    assert {name: found[name, "POST"] for name in DONE} == dict.fromkeys(DONE, 302)
    assert {name: found[name, "POST"] for name in MANAGED} == dict.fromkeys(MANAGED, 403)
