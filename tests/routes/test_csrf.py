"""A page of another site may send what it likes with somebody's cookies: without our token nothing comes of it."""

from __future__ import annotations

from functools import partial

from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import changed_by
from tests.routes.tables import Row, rows_of
from tests.routes.tables_identity import OPEN_BY_PROTOCOL
from tests.routes.world import ASKERS, World, send

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
DONE = {"done", "200", "201", "204"}


def test_no_page_acts_without_the_token(world: World) -> None:
    sent = bodies(world)
    acted: list[str] = []
    opened = [route for route in all_routes() if not route.is_api and route.name not in OPEN_BY_PROTOCOL]
    pages = [(route, row) for route in opened for row in rows_of(route)]
    unsafe = [(route, row) for route, row in pages if row.method in UNSAFE]
    assert len(unsafe) > 100

    def ask(route: Route, row: Row, asker: str) -> None:
        browser = world.browser(asker, checks_csrf=True)
        answer = send(browser, "POST", world.path(route), sent.get((route.name, row.method)))
        if answer.status_code != 403 or b"csrf" not in answer.content.lower():
            acted.append(f"{asker}: {route.name} {answer.status_code}")

    tries = {
        f"{asker}: {route.name}": partial(ask, route, row, asker)
        for route, row in unsafe
        for asker in ASKERS
        if row.answers[asker] in DONE
    }
    assert changed_by(tries) == {}
    assert acted == []


def test_no_api_route_acts_on_a_cookie_without_the_token(world: World) -> None:
    sent = bodies(world)
    acted: list[str] = []
    # A signal is proven by its source's secret, and no cookie is looked at.
    opened = [route for route in all_routes() if route.is_api and route.name != "trading_api:signal"]
    routes = [(route, row) for route in opened for row in rows_of(route) if row.method in UNSAFE]
    assert len(routes) > 20

    def ask(route: Route, row: Row, asker: str) -> None:
        browser = world.browser(asker, checks_csrf=True)
        answer = send(browser, row.method, world.path(route), sent.get((route.name, row.method)), as_json=True)
        if (answer.status_code, answer.json()["code"]) != (403, "PERMISSION_DENIED"):
            acted.append(f"{asker}: {row.method} {route.name} {answer.status_code}")

    tries = {
        f"{asker}: {row.method} {route.name}": partial(ask, route, row, asker)
        for route, row in routes
        for asker in ("alice", "bob", "operator")
    }
    assert changed_by(tries) == {}
    assert acted == []


def test_the_token_is_all_that_was_missing(world: World) -> None:
    browser = world.browser("alice", checks_csrf=True)
    browser.get("/portfolios/open/")
    token = browser.cookies["csrftoken"].value
    form = bodies(world)["portfolios:open", "POST"]
    assert browser.post("/portfolios/open/", {**form, "csrfmiddlewaretoken": token}).status_code == 302
