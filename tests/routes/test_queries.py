"""No list asks the database more often when it has more to show: as many queries for sixty rows as for ten."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import ApiToken
from accounts.programs import checking
from common.clock import wall_now
from tests.routes.crowd import Crowd
from tests.routes.routes import Route, all_routes
from tests.routes.tables import rows_of
from tests.routes.world import World

# Pages, and answers of the API that are no page of results; what is one is found by asking.
LISTS = (
    "overview markets:list markets:alerts markets:watch_lists markets:watch_list markets:instrument_alerts "
    "portfolios:list portfolios:positions portfolios:equity portfolios:ledger portfolios:detail "
    "portfolios:risk portfolios:plans portfolios:recent_plans trading:plan trading:plan_panel "
    "portfolios:orders portfolios:recent_orders portfolios:fills portfolios:recent_fills portfolios:copies portfolios:follow_log "
    "trading:follows strategies:list strategies:detail strategies:run marketplace:list community:leaderboard "
    "community:competitions community:competition community:profile accounts:tokens accounts:notifications "
    "accounts:activity exchange_accounts:list exchange_accounts:detail "
    "markets_api:tickers portfolios_api:equity strategies_api:strategy "
    "community_api:leaderboard community_api:ranking"
)
# Lists of the API that show no more when the crowd has come, and why.
AS_LONG_AS_EVER: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _sells(settings: Settings) -> None:
    """Set up payments: a lead is shown the lines of the mode in which money moves, and of none where none does."""
    settings.STRIPE_SECRET_KEY = "sk_test_1"


def asker_of(route: Route) -> str:
    """Return who sees most on a page."""
    answers = next((row.answers for row in rows_of(route) if row.method == "GET"), {})
    return next((asker for asker in ("alice", "bob", "operator") if answers.get(asker) == "200"), "")


def _sized(world: World, route: Route, size: int) -> str:
    """Return the address of a list of the API with pages of a size."""
    query = world.query(route)
    return f"{world.path(route)}{query}{'&' if query else '?'}page_size={size}"


def _rows_shown(world: World, routes: list[Route]) -> dict[str, int]:
    """Return how many rows each list of the API shows; routes that answer with no page of results are left out."""
    found = {}
    for route in routes:
        answer = world.program(asker_of(route)).get(_sized(world, route, 200))
        told = answer.json() if answer.get("Content-Type", "").startswith("application/json") else None
        if isinstance(told, dict) and "results" in told:
            found[route.name] = len(told["results"])
    return found


def _counted(world: World, routes: list[Route], sizes: dict[str, int]) -> dict[str, int]:
    """Return how many queries each page takes; lists of the API are asked for pages of these sizes."""
    found = {}
    for route in routes:
        client = world.client(route, asker_of(route))
        size = sizes.get(route.name)
        path = _sized(world, route, size) if size else world.path(route) + world.query(route)
        # Written down once a minute, and not again while this one lasts.
        ApiToken.objects.update(last_used_at=wall_now())
        # Each answer pays for its token: one that is known from the last would take a query less.
        checking.forget_programs()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        found[route.name] = len(queries)
    return found


@pytest.mark.timeout(300)
def test_sixty_rows_take_no_more_queries_than_ten(world: World) -> None:
    routes = [route for route in all_routes() if asker_of(route) and not route.name.endswith("_history")]
    assert len(routes) > 120
    # What Django asks once per process.
    ContentType.objects.get_for_models(*apps.get_models())
    lists = _rows_shown(world, [route for route in routes if route.is_api])
    crowd = Crowd(world)
    crowd.come(10)
    # A page that was full before the crowd came would show none of it: the audit's is.
    few = _counted(world, routes, dict.fromkeys(lists, 10))
    crowd.come(50)
    many = _counted(world, routes, dict.fromkeys(lists, 60))
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name]} == {}


def _lengths(world: World, routes: list[Route]) -> dict[str, int]:
    return {route.name: len(world.ask(route, "GET", asker_of(route)).content) for route in routes}


@pytest.mark.timeout(300)
def test_the_lists_that_were_asked_did_grow(world: World) -> None:
    """The proof above is worth what there is to show: with more rows, these answers become longer."""
    routes = {route.name: route for route in all_routes()}
    others = [routes[name] for name in LISTS.split()]
    of_api = [route for route in routes.values() if route.is_api and asker_of(route)]
    crowd = Crowd(world)
    crowd.come(2)
    few, short = _rows_shown(world, of_api), _lengths(world, others)
    crowd.come(4)
    many, long = _rows_shown(world, [routes[name] for name in few]), _lengths(world, others)
    assert len(few) > 45
    assert {name for name in few if many[name] < few[name] + 4} == set(AS_LONG_AS_EVER)
    assert [name for name in short if long[name] <= short[name] + 100] == []
