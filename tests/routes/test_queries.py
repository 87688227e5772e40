"""No list asks the database more often when it has more to show: as many queries for sixty rows as for ten."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiToken
from accounts.programs import checking
from common.clock import wall_now
from tests.routes.crowd import Crowd
from tests.routes.routes import Route, all_routes
from tests.routes.tables import rows_of
from tests.routes.world import World

LISTS = (
    "overview markets:list markets:alerts markets:watch_lists markets:watch_list markets:instrument_alerts "
    "markets_api:alerts markets_api:watch_lists portfolios:list portfolios:positions portfolios:equity portfolios:ledger portfolios:detail "
    "portfolios:risk trading_api:risk_decisions portfolios:plans portfolios:recent_plans trading:plan trading:plan_panel "
    "trading_api:plans "
    "portfolios:orders portfolios:recent_orders portfolios:fills portfolios:recent_fills portfolios:copies portfolios:follow_log "
    "trading:follows strategies:list strategies:detail strategies:run marketplace:list community:leaderboard "
    "community:competitions community:competition community:profile accounts:tokens accounts:notifications "
    "accounts:activity accounts_api:tokens accounts_api:notifications accounts_api:invitations "
    "markets_api:instruments markets_api:tickers portfolios_api:portfolios portfolios_api:equity "
    "portfolios_api:ledger portfolios_api:positions trading_api:orders trading_api:fills trading_api:follows "
    "strategies_api:strategies strategies_api:strategy strategies_api:runs strategies_api:backtests "
    "strategies_api:sweeps strategies_api:points marketplace_api:listings "
    "exchange_accounts:list exchange_accounts:detail portfolios_api:exchange_accounts "
    "portfolios_api:exchange_account_uses community_api:leaderboard community_api:competitions community_api:ranking"
)


def asker_of(route: Route) -> str:
    """Return who sees most on a page."""
    answers = next((row.answers for row in rows_of(route) if row.method == "GET"), {})
    return next((asker for asker in ("alice", "bob", "operator") if answers.get(asker) == "200"), "")


def _counted(world: World, routes: list[Route]) -> dict[str, int]:
    """Return how many queries each page takes."""
    found = {}
    for route in routes:
        client = world.client(route, asker_of(route))
        path = world.path(route) + world.query(route)
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
    crowd = Crowd(world)
    crowd.come(10)
    few = _counted(world, routes)
    crowd.come(50)
    many = _counted(world, routes)
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name]} == {}


def test_the_lists_that_were_asked_did_grow(world: World) -> None:
    """The proof above is worth what there is to show: with more rows, these answers become longer."""
    routes = {route.name: route for route in all_routes()}
    grows = [routes[name] for name in LISTS.split()]
    crowd = Crowd(world)
    crowd.come(2)
    short = {route.name: len(world.ask(route, "GET", asker_of(route)).content) for route in grows}
    crowd.come(4)
    long = {route.name: len(world.ask(route, "GET", asker_of(route)).content) for route in grows}
    assert [name for name in short if long[name] <= short[name] + 100] == []
