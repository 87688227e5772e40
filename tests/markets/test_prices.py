"""Newest prices: read off the board, in one read per namespace."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from common.bus import bus
from markets.models import SourceKind
from markets.prices import Price, board_name, latest_prices, parse_price, put_prices
from markets.selectors import tradable_instruments
from tests.fixtures_desk import NOON, Desk


def test_a_cell_holds_price_and_time_exactly() -> None:
    at = NOON + timedelta(microseconds=1000)
    put_prices("exact", {"a": "0.000000010000000001"}, at)
    cell = bus().board_get(board_name("exact"))["a"]
    assert cell == "0.000000010000000001|2026-03-02T12:00:00.001000+00:00"
    assert parse_price(cell) == Price(Decimal("0.000000010000000001"), at)
    bus().board_drop(board_name("exact"))


def test_prices_come_with_their_time_and_unknown_ones_are_absent(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.step({bitcoin: "64000.10"})
    desk.step({bitcoin: "64000.20"}, at=NOON + timedelta(seconds=1))
    assert latest_prices([bitcoin, ether]) == {bitcoin.id: Price(Decimal("64000.20"), NOON + timedelta(seconds=1))}
    assert latest_prices([]) == {}


def test_each_namespace_has_a_board_of_its_own(db: None) -> None:
    real, replayed = Desk(), Desk(SourceKind.REPLAY)
    here, there = real.instrument(), replayed.instrument()
    real.step({here: "1"})
    replayed.step({there: "2"})
    assert {key: price.price for key, price in latest_prices([here, there]).items()} == {
        here.id: Decimal(1),
        there.id: Decimal(2),
    }
    assert set(bus().board_get(board_name(real.namespace))) == {str(here.id)}


@pytest.mark.django_db
def test_reading_prices_of_selected_instruments_asks_no_database(
    django_assert_num_queries: DjangoAssertNumQueries, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for base in ("BTC", "ETH", "SOL"):
        desk.step({desk.instrument(base): "1"})
    selected = list(tradable_instruments(desk.namespace))
    reads: list[str] = []
    real = bus().board_get

    def board_get(board: str, keys: Any = None) -> dict[str, str]:
        reads.append(board)
        return real(board, keys)

    monkeypatch.setattr(bus(), "board_get", board_get)
    with django_assert_num_queries(0):
        assert len(latest_prices(selected)) == 3
    assert reads == [board_name(desk.namespace)]
