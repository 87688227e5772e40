"""The scanners' page and API: live rows under filters, and in words why there are none. Everybody may look at the page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common import clock
from common.bus import bus
from markets.scanning.results import FOUND, Found, Opportunity, Scanner, leg, put_found, wanted_scanners
from tests.fixtures_desk import NOON
from tests.markets.scanning.venues import Venues

SPREADS = reverse("markets:scanner", args=["spreads"])
MOVERS = reverse("markets:scanner", args=["movers"])


def _text(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def _row(venues: Venues, key: str, bps: float, size: float | None, sell_on: str, kind: str = "") -> Opportunity:
    one, two = (venues.lists(venues.exchange(f"{code}-{key}", name=code), "BTC") for code in ("One", sell_on))
    return Opportunity(
        key=key,
        namespace=venues.namespace,
        kind=kind,
        legs=[leg("BUY", one), leg("SELL", two)],
        asset="USDT",
        size=size,
        quantity=size and size / 100,
        profit=size and size * bps / 1e4,
        profit_bps=bps,
        age_ms=None if size is None else 1_500,
        shrunk_ratio=None if size is None else 0.25,
        half_life_ms=4_000,
    )


def _found(rows: list[Any], nearest: Opportunity | None = None, looked_at: int = 4, fresh: int = 4) -> Found:
    return Found(at=NOON.isoformat(), rows=rows, nearest=nearest, looked_at=looked_at, fresh=fresh)


def _mover(name: str, change: float, multiple: float, turnover: float) -> dict[str, Any]:
    window = {"change_ratio": change, "score": 2.5, "volume_multiple": multiple}
    return {
        "key": name,
        "namespace": "real",
        "kind": "",
        "instrument": "00000000-0000-0000-0000-000000000001",
        "market": name,
        "exchange": "one",
        "exchange_name": "One",
        "quote": "USDT",
        "price": 1.5,
        "turnover": turnover,
        "windows": dict.fromkeys(("5", "15", "60"), window),
    }


def test_whoever_looks_has_the_scanner_run_and_hears_its_topic(client: Client, venues: Venues) -> None:
    page = _text(client, SPREADS)
    assert wanted_scanners() == {Scanner.SPREADS}
    assert '<div data-topic="scanner:spreads">' in page
    assert "The scanner starts to look" in page
    assert "not an offer: books change" in page
    assert f'href="{MOVERS}"' in page
    assert "Spreads" in _text(client, reverse("markets:scanners"))


def test_rows_say_what_pays_how_long_and_how_it_shrinks(client: Client, venues: Venues) -> None:
    row = _row(venues, "a", 12.34, 1_000.0, "Two", kind="SANDBOX")
    put_found(Scanner.SPREADS, _found([row], fresh=3))
    page = _text(client, SPREADS)
    assert '<tr id="row-a" data-key="a">' in page
    for cell in (
        '<span data-cell="bps" data-sign="pos">+12.3</span>',
        '<span data-cell="profit">+1.23</span>',
        '<span data-cell="size">1,000</span>',
        '<span data-cell="quantity">10</span>',
        '<span data-cell="age">for 1.5 s</span>',
        '<span data-cell="decay">lost 25%, halves in 4.0 s</span>',
    ):
        assert cell in page
    assert (
        f'<a class="link" href="{reverse("markets:instrument", args=[row["legs"][1]["instrument"]])}">Two</a>' in page
    )
    assert ">SANDBOX</span>" in page
    assert "3 of 4 books are live" in page


def test_filters_stand_in_the_address_and_the_part_alone_is_fetched(client: Client, venues: Venues) -> None:
    rows = [_row(venues, "a", 20.0, 50.0, "Two"), _row(venues, "b", 10.0, 500.0, "Three")]
    put_found(Scanner.SPREADS, _found(rows))

    def shown(query: str) -> list[str]:
        part = _text(client, f"{SPREADS}?{query}", **{"HX-Request": "true", "HX-Target": "scanner-rows"})
        assert "<html" not in part
        return re.findall(r'<tr id="row-(\w)"', part)

    assert shown("") == ["a", "b"]
    assert shown("bps=15") == ["a"]
    assert shown("size=100") == ["b"]
    assert shown("venue=Three-b") == ["b"]
    assert shown("bps=15&size=100") == []
    assert "2 would pay after fees" in _text(client, f"{SPREADS}?bps=15&size=100")
    wrong = _text(client, f"{SPREADS}?bps=-1&size=nan&venue=nowhere")
    assert wrong.count('role="alert"') == 3
    assert 'id="row-a"' in wrong


def test_without_anything_that_pays_the_nearest_is_named(client: Client, venues: Venues) -> None:
    put_found(Scanner.SPREADS, _found([], nearest=_row(venues, "a", -9.99, None, "Two")))
    page = _text(client, SPREADS)
    assert "Nothing pays after fees at this moment" in page
    assert 'The nearest: BTC-USDT bought on One and sold on Two, at <span class="num">−10.0</span> bps.' in page


@pytest.mark.parametrize(
    ("looked_at", "fresh", "words"),
    [
        (0, 0, "No market is traded on two connected exchanges"),
        (4, 0, "No live books"),
        (4, 1, "Too few books are live"),
    ],
)
def test_where_there_is_nothing_to_see_the_page_says_why(
    client: Client, venues: Venues, looked_at: int, fresh: int, words: str
) -> None:
    put_found(Scanner.SPREADS, _found([], looked_at=looked_at, fresh=fresh))
    assert words in _text(client, SPREADS)


def test_what_is_old_is_said_to_be(client: Client, venues: Venues) -> None:
    put_found(Scanner.SPREADS, _found([]))
    assert "This is what was seen at" not in _text(client, SPREADS)
    clock.use_wall_clock(lambda: NOON + timedelta(seconds=16))
    assert "This is what was seen at" in _text(client, SPREADS)


def test_movers_are_chosen_by_move_or_volume_and_by_size(client: Client, venues: Venues) -> None:
    rows = [_mover("UP", 0.02, 1.0, 5e6), _mover("DOWN", -0.05, 4.0, 2e4), _mover("CALM", 0.001, 9.0, 1e6)]
    put_found(Scanner.MOVERS, _found(rows))

    def shown(query: str = "") -> list[str]:
        return re.findall(r'<tr id="row-(\w+)" data-key="\w+\.15"', _text(client, f"{MOVERS}?{query}"))

    assert shown() == ["DOWN", "UP"]
    assert shown("by=momentum&change=3&minutes=15") == ["DOWN"]
    assert shown("by=volume&minutes=15") == ["CALM", "DOWN"]
    assert shown("by=volume&minutes=15&turnover_to=100000") == ["DOWN"]
    assert shown("turnover_from=100000") == ["UP"]
    page = _text(client, f"{MOVERS}?minutes=60")
    assert 'data-key="DOWN.60"' in page
    assert '<span data-cell="change" data-sign="neg">−5.00%</span>' in page


def test_no_other_scanner_is_there(client: Client, venues: Venues) -> None:
    assert client.get(reverse("markets:scanner", args=["nothing"])).status_code == 404
    assert client.post(SPREADS).status_code == 405
    assert wanted_scanners() == set()


def test_the_api_gives_the_same_rows(venues: Venues, charlie: User) -> None:
    api = APIClient()
    address = reverse("markets_api:scanner", args=["spreads"])
    assert api.get(address).status_code == 401
    assert wanted_scanners() == set()
    api.force_authenticate(charlie)
    first = api.get(address).json()
    assert first == {"at": None, "is_stale": True, "looked_at": 0, "fresh": 0, "nearest": None, "rows": []}
    assert wanted_scanners() == {Scanner.SPREADS}
    rows = [_row(venues, "a", 20.0, 50.0, "Two"), _row(venues, "b", 10.0, 500.0, "Three")]
    put_found(Scanner.SPREADS, _found(rows, nearest=rows[0]))
    answer = api.get(address, {"min_bps": "15"}).json()
    assert (answer["rows"], answer["nearest"], answer["is_stale"]) == ([rows[0]], rows[0], False)
    put_found(Scanner.MOVERS, _found([_mover("UP", 0.02, 1.0, 5e6), _mover("DOWN", -0.05, 4.0, 2e4)]))
    movers = reverse("markets_api:movers")
    found = api.get(movers, {"min_change_ratio": "0.03", "minutes": "5"}).json()
    assert found["rows"] == [_mover("DOWN", -0.05, 4.0, 2e4)]
    for query in ({"min_bps": "-1"}, {"min_size": "nan"}):
        assert api.get(address, query).json()["code"] == "INVALID_INPUT"
    assert api.get(reverse("markets_api:scanner", args=["nothing"])).json()["code"] == "NOT_FOUND"
    bus().board_drop(FOUND)
