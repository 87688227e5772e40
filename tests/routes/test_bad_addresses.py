"""Addresses that somebody typed: whatever stands in a path or behind the question mark, no page and no route fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.urls import reverse

from tests.routes.routes import Route, all_routes
from tests.routes.stored import unchanged
from tests.routes.tables import rows_of
from tests.routes.tables_identity import ALLAUTHS
from tests.routes.test_queries import asker_of
from tests.routes.world import World

ROUTES = {route.name: route for route in all_routes()}
# What each page and route reads behind the question mark.
READS = """
account_login                next
account_signup               invitation next
accounts:notifications       page
accounts:activity            page
markets:list                 q venue kind sort page
markets:instrument           timeframe indicators
portfolios:detail            market
portfolios:ledger            account page
portfolios:orders            page
portfolios:fills             page
portfolios:estimate          instrument side quantity key
strategies:list              page
strategies:detail            page
marketplace:list             q kind market timeframe risk age drawdown price room rating sort page
marketplace:compare          listing
marketplace:compare_curves   listing
marketplace:searches         query
marketplace:reviews          page
marketplace:publish          portfolio
marketplace:what_if          amount multiplier since
marketplace:fit              amount sizing multiplier fixed_amount fixed_multiple
marketplace:follow           step source amount sizing multiplier fixed_amount fixed_multiple start stop kind daily_loss
community:leaderboard        kind
community:competitions       page
community:new_competition    exchange
accounts_api:notifications   unread cursor page_size
accounts_api:invitations     cursor
markets_api:backfills        instrument state cursor
markets_api:instruments      search exchange namespace kind base quote state cursor page_size
markets_api:candles          timeframe limit start end format
markets_api:book             depth
markets_api:trades           limit
markets_api:tickers          namespace exchange kind
portfolios_api:portfolios    cursor
portfolios_api:ledger        account cursor
portfolios_api:positions     cursor
trading_api:orders           portfolio state cursor
trading_api:fills            portfolio cursor
trading_api:follows          state cursor
strategies_api:strategies    cursor
strategies_api:runs          cursor
marketplace_api:listings     q kind market age drawdown sort page page_size
marketplace_api:compare      listing
marketplace_api:reviews      cursor
marketplace_api:fit          amount sizing multiplier fixed_amount fixed_multiple
marketplace_api:backtest     amount multiplier since
community_api:competitions   cursor
"""
# As they stand in an address: percent-encoded bytes that are no characters, too.
VALUES = (
    "", "-1", "0", "1e30", "9" * 30, "NaN", "%00", "a%00b", "%ED%A0%80", "%FF", "%27%20OR%201%3D1%20--", "%F0%9F%92%A9",
    "..%2F..%2Fetc%2Fpasswd", "cD0%3D", "x" * 3_000, "2026-13-45", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00%2B23:59", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "true", "null", "1m",
)  # fmt: skip
ROWS = [line.split() for line in READS.strip().splitlines()]


def _queries(name: str, parameters: list[str]) -> Iterator[list[str]]:
    """Yield each value of each parameter once: a list of queries, the first of which has all that the others have."""
    needed = "&timeframe=5m" if name == "markets_api:candles" else ""
    for turn in range(len(VALUES)):
        each = [f"{one}={VALUES[(turn + place) % len(VALUES)]}" for place, one in enumerate(parameters)]
        alone = [query if query.startswith("timeframe=") else query + needed for query in each]
        yield ["&".join(each), *alone] if len(each) > 1 else alone


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_no_query_string_makes_anything_fail(world: World, row: list[str]) -> None:
    name, *parameters = row
    route, failed = ROUTES[name], []
    asker = "nobody" if name.startswith(("account_", "mfa_")) else asker_of(route)
    with unchanged() as tables:
        for queries in _queries(name, parameters):
            for query in queries:
                answer = world.client(route, asker).get(f"{world.path(route)}?{query}")
                shape = "application/problem+json" if route.is_api else "text/html; charset=utf-8"
                if answer.status_code not in {200, 302, 400, 404, 406}:
                    failed.append(f"?{query[:40]}: {answer.status_code}")
                elif answer.status_code >= 400 and answer["Content-Type"] != shape:
                    failed.append(f"?{query[:40]}: {answer['Content-Type']}")
                assert route.is_api or b"<script>alert(1)" not in answer.content
                if answer.status_code == 200:
                    # It has read all that it was given: to ask for each by itself would be to ask twice.
                    break
    assert failed == []
    assert tables == []


NO_IDS = ("0", "None", "x", "%00", "..", "01a1f956-d294-7000-8dcc-b3740afe32b", "01A1F956-D294-7000-8DCC-B3740AFE32B1x")
NO_WORDS = ("%00", "%ED%A0%80", "..%2F..%2Fetc", "%27%3B--", "%F0%9F%92%A9", "x" * 500, "1%0d%0aSet-Cookie:%20a=b")


def test_no_path_makes_anything_fail(world: World) -> None:
    failed = []
    for route in (
        route for route in all_routes() if route.keys and not route.is_admin and not route.name.startswith(ALLAUTHS)
    ):
        for key in route.keys:
            good = world.path(route)
            held = quote(str(_filled(world, route)[key]))
            for word in NO_IDS if key.endswith("_id") else NO_WORDS:
                path = good.replace(held, word, 1)
                assert path != good, route.name
                for row in rows_of(route):
                    answer = world.client(route, "alice").generic(row.method, path)
                    if answer.status_code >= 500 or (key.endswith("_id") and answer.status_code not in {404, 405}):
                        failed.append(f"{row.method} {path}: {answer.status_code}")
                    assert "Set-Cookie" not in answer.get("Location", "")
    assert failed == []


def _filled(world: World, route: Route) -> dict[str, Any]:
    return {**world.values, **world.special(route)}


def test_nothing_outside_the_built_files_is_served(world: World) -> None:
    browser = world.browser("nobody")
    tries = (
        "/static/../manage.py",
        "/static/..%2fmanage.py",
        "/static/%2e%2e/%2e%2e/config/settings.py",
        "/static/....//....//var/secret_key",
        "/static//etc/passwd",
        "/static/\\..\\..\\secret_key",
        "/static/secret_key",
        "/secret_key",
        "/var/secret_key",
        "/.git/config",
        "/.env",
        "/manage.py",
        "/%2e%2e/manage.py",
    )
    found = {path: browser.get(path).status_code for path in tries}
    assert {path: status for path, status in found.items() if status != 404} == {}
    # While what was built is.
    page = browser.get(reverse("account_login")).content.decode()
    built = browser.get(page.split('<script src="')[1].split('"')[0])
    assert (built.status_code, built["Content-Type"]) == (200, 'text/javascript; charset="utf-8"')
    assert built.getvalue()  # read to its end it is closed, and the database left alone
