"""The admin: what operators without rights of their own see, and that not even a superuser deletes anything."""

from __future__ import annotations

from functools import partial

import pytest
from django.apps import apps

from accounts.services import create_person
from tests.routes.routes import Route, all_routes
from tests.routes.stored import changed_by
from tests.routes.world import PASSWORD, World, send

# What is registered under "halt" is for whoever runs the platform, whatever else they were given.
SWITCH = "admin:trading_safetyswitch_"
FRAME = {f"admin:{name}" for name in ("index", "search", "login", "logout", "password_change", "password_change_done")}

# Every page of the admin, asked in several ways.
pytestmark = pytest.mark.timeout(300)


def _pages() -> list[Route]:
    return [route for route in all_routes() if route.is_admin]


def test_an_operator_without_rights_may_only_halt_trading(world: World) -> None:
    hired = create_person(email="oscar@example.org", password=PASSWORD, is_staff=True)
    browser = world.browser("nobody")
    browser.force_login(hired)
    opened = {route.name for route in _pages() if send(browser, "GET", world.path(route)).status_code == 200}
    switch = {f"{SWITCH}{page}" for page in ("changelist", "change", "history", "halt", "resume", "queues")}
    assert opened == switch | (FRAME - {"admin:login", "admin:logout"}) | {"admin:jsi18n", "admin:app_list"}


def test_not_even_a_superuser_deletes_what_is_ticked(world: World) -> None:
    def tick(route: Route) -> None:
        app, model = route.name.removeprefix("admin:").rsplit("_", 2)[:2]
        ticked = [str(key) for key in apps.get_model(app, model)._default_manager.values_list("pk", flat=True)]
        form = {"action": "delete_selected", "_selected_action": ticked, "post": "yes"}
        assert send(world.browser("operator"), "POST", world.path(route), form).status_code in {200, 302, 403}

    lists = [route for route in _pages() if route.name.endswith("_changelist")]
    assert len(lists) > 20
    assert changed_by({route.name: partial(tick, route) for route in lists}) == {}
