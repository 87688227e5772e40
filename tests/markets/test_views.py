"""The markets pages: a list with live cells, a page per instrument, a chart's data."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from common.ids import new_id
from markets.models import Exchange, Instrument, SourceKind
from markets.selectors import instruments, tradable_instruments
from markets.services import retire_instrument
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked
from tests.markets.series import NOON_MS


def _text(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def _page(instrument: Instrument) -> str:
    return reverse("markets:instrument", args=[instrument.id])


def _bitcoin(desk: Desk) -> Instrument:
    bitcoin = desk.instrument("BTC")
    desk.close_candles(bitcoin, [64000.0, 64640.0], "5m")
    return bitcoin


def test_the_list_shows_price_change_and_source_in_live_cells(client: Client, db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    bitcoin = _bitcoin(desk)
    page = _text(client, reverse("markets:list"))
    assert f'<tr data-topic="prices:{desk.namespace}" data-key="{bitcoin.id}" data-href="{_page(bitcoin)}">' in page
    assert '<span data-cell="price">64,640.00</span>' in page
    assert '<span data-cell="change" data-sign="pos">+1.00%</span>' in page
    assert ">SIMULATED</span>" in page
    assert "The desk" in page


def test_a_real_venue_carries_no_label_and_a_market_without_prices_shows_none(client: Client, desk: Desk) -> None:
    desk.instrument("BTC")
    page = _text(client, reverse("markets:list"))
    assert '<span data-cell="price">–</span>' in page
    assert '<span data-cell="change" data-sign="zero">–</span>' in page
    assert "SIMULATED" not in page


def test_rows_hear_their_namespace_and_those_of_real_venues_a_topic_of_their_own(client: Client, db: None) -> None:
    desks = [Desk(), Desk(), Desk()]
    for desk in desks:
        desk.instrument("BTC")
    real = networked(desks[2])
    [bitcoin] = instruments().filter(exchange=real)
    page = _text(client, reverse("markets:list"))
    topics = [f"prices:{desks[0].namespace}", f"prices:{desks[1].namespace}", f"ticker:{bitcoin.id}"]
    assert [page.count(f'<tr data-topic="{topic}"') for topic in topics] == [1, 1, 1]
    assert f"prices:{real.namespace}" not in page


def test_a_search_narrows_the_list_and_as_a_part_brings_the_table_alone(client: Client, desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    part = _text(client, reverse("markets:list") + "?q=eth", **{"HX-Request": "true", "HX-Target": "markets"})
    assert str(ether.id) in part
    assert str(bitcoin.id) not in part
    assert "<html" not in part
    whole = _text(client, reverse("markets:list") + "?q=eth")
    assert 'value="eth"' in whole
    assert "<html" in whole
    nothing = _text(client, reverse("markets:list") + "?q=%3Cscript%3E")
    assert "No market found" in nothing
    assert '<p id="markets-count" class="market-count" role="status" hx-swap-oob="true">1 market' in part
    assert "<script>" not in nothing.replace("<script type", "").split("<main")[1].split("</main")[0]


@pytest.mark.django_db
def test_without_markets_the_page_says_so(client: Client) -> None:
    assert "No markets yet" in _text(client, reverse("markets:list"))


def test_an_instruments_page_has_its_figures_rules_and_chart(client: Client, db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    bitcoin = _bitcoin(desk)
    desk.close_candles(bitcoin, [64000.0], "1h")
    page = _text(client, _page(bitcoin))
    assert "<h1>BTC-USDT</h1>" in page
    assert page.count("SIMULATED") >= 2  # the ribbon and the label beside the name
    assert f'data-topic="prices:{desk.namespace}" data-key="{bitcoin.id}"' in page
    assert '<span data-cell="price">64,000.00</span>' in page
    chart = reverse("markets:candles", args=[bitcoin.id, "5m"])
    assert f'data-url="{chart}"' in page
    assert f'data-topic="candles:{bitcoin.id}"' in page
    assert 'data-series="5m"' in page
    assert 'data-precision="2"' in page
    assert f'data-chart-url="{chart}" data-chart-series="5m" aria-pressed="true"' in page
    assert 'data-chart-series="1h" aria-pressed="false"' in page
    assert "<dt>Tick size</dt><dd>0.01 USDT</dd>" in page
    assert "<dt>Lot step</dt><dd>0.001 BTC</dd>" in page


def test_a_page_without_candles_says_so(client: Client, desk: Desk) -> None:
    page = _text(client, _page(desk.instrument()))
    assert "No candles yet" in page
    assert "data-chart=" not in page


def test_a_retired_instrument_still_has_its_page_marked_but_no_place_in_the_list(client: Client, desk: Desk) -> None:
    bitcoin = desk.instrument()
    retire_instrument(instrument=bitcoin)
    assert "Retired" in _text(client, _page(bitcoin))
    assert str(bitcoin.id) not in _text(client, reverse("markets:list"))


def test_replayed_prices_are_said_to_be_of_the_past(client: Client, db: None) -> None:
    page = _text(client, _page(Desk(SourceKind.REPLAY).instrument()))
    assert "Real candles of the past, played again" in page


@pytest.mark.django_db
def test_an_unknown_instrument_is_not_found(client: Client) -> None:
    unknown = str(new_id())
    for name, args in (("instrument", [unknown]), ("candles", [unknown, "5m"])):
        assert client.get(reverse(f"markets:{name}", args=args)).status_code == 404


def test_a_charts_data_are_closed_candles_and_the_one_that_forms(client: Client, desk: Desk) -> None:
    bitcoin = _bitcoin(desk)
    desk.step({bitcoin: "64700.5"}, at=NOON + timedelta(minutes=10, seconds=5))
    answer = client.get(reverse("markets:candles", args=[bitcoin.id, "5m"]))
    seconds = NOON_MS // 1000
    assert answer.json() == {
        "candles": [
            {"time": seconds, "open": 64000.0, "high": 64000.0, "low": 64000.0, "close": 64000.0},
            {"time": seconds + 300, "open": 64640.0, "high": 64640.0, "low": 64640.0, "close": 64640.0},
            {"time": seconds + 600, "open": 64700.5, "high": 64700.5, "low": 64700.5, "close": 64700.5},
        ],
        "volumes": [[seconds, 1.0], [seconds + 300, 1.0]],
        "indicators": [],
    }


def test_a_chart_of_no_timeframe_is_a_problem_for_a_program(client: Client, desk: Desk) -> None:
    address = reverse("markets:candles", args=[desk.instrument().id, "7m"])
    answer = client.get(address, headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "TIMEFRAME_UNKNOWN"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_are_for_looking(client: Client, desk: Desk, method: str) -> None:
    bitcoin = desk.instrument()
    for address in (reverse("markets:list"), _page(bitcoin), reverse("markets:candles", args=[bitcoin.id, "5m"])):
        assert getattr(client, method)(address).status_code == 405


@pytest.mark.usefixtures("simulated")
def test_the_simulated_venue_fills_every_page(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = _text(client, reverse("markets:list"))
    for instrument in tradable_instruments("sim"):
        assert str(instrument.id) in page
        answer = client.get(reverse("markets:candles", args=[instrument.id, "1m"]))
        assert len(answer.json()["candles"]) == 501
        assert "data-chart=" in _text(client, _page(instrument))


def test_the_list_costs_the_same_number_of_queries_for_more_markets(
    client: Client, simulated: Exchange, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(reverse("markets:list"))
