"""Live prices: what a page hears first, and what it hears then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.bus import Subscription, bus
from common.errors import NotFound
from common.realtime import snapshot
from engine.candle_builder import Candle
from markets import live
from markets.live import LivePrices
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_live import Connect
from tests.markets.series import NOON_MS

NOON_SECONDS = NOON_MS // 1000


@pytest.fixture
def listening(transactional_db: None) -> Iterator[Subscription]:
    with bus().listen("live") as subscription:
        yield subscription


def _heard(subscription: Subscription, *, tickers: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """Return what is published next, of `ticker:` topics alone or without them."""
    received = subscription.get(1.0)
    found = [(topic, payload) for topic, payload in received[1]] if received else []
    return [(topic, payload) for topic, payload in found if topic.startswith("ticker:") == tickers]


def _row(second: int, open_: float, high: float, low: float, close: float) -> dict[str, float]:
    return {"time": NOON_SECONDS + second, "open": open_, "high": high, "low": low, "close": close}


def test_one_publication_has_the_newest_prices_and_each_instruments_candles(
    listening: Subscription, desk: Desk
) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    prices = LivePrices(desk.namespace)
    for second, price in ((0, "1000"), (30, "1300"), (59, "1100"), (60, "1200.5")):
        prices.add(NOON + timedelta(seconds=second), {bitcoin.id: Decimal(price)})
    prices.add(NOON + timedelta(seconds=60), {ether.id: Decimal("7.25")})
    prices.flush()
    assert _heard(listening) == [
        (
            f"prices:{desk.namespace}",
            {
                "cells": {
                    f"{bitcoin.id}.price": "1,200.50",
                    f"{bitcoin.id}.change": "–",
                    f"{ether.id}.price": "7.25",
                    f"{ether.id}.change": "–",
                }
            },
        ),
        (
            f"candles:{bitcoin.id}",
            {"series": {"1m": [_row(0, 1000, 1300, 1000, 1100), _row(60, 1200.5, 1200.5, 1200.5, 1200.5)]}},
        ),
        (f"candles:{ether.id}", {"series": {"1m": [_row(60, 7.25, 7.25, 7.25, 7.25)]}}),
    ]


def test_each_instrument_has_a_topic_of_its_own_with_its_cells(listening: Subscription, desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    prices = LivePrices(desk.namespace)
    prices.add(NOON, {bitcoin.id: Decimal("64000.1"), ether.id: Decimal(2)})
    prices.flush()
    assert _heard(listening, tickers=True) == [
        (f"ticker:{bitcoin.id}", {"cells": {f"{bitcoin.id}.price": "64,000.10", f"{bitcoin.id}.change": "–"}}),
        (f"ticker:{ether.id}", {"cells": {f"{ether.id}.price": "2.00", f"{ether.id}.change": "–"}}),
    ]


def test_what_a_venue_says_of_minutes_and_of_the_day_counts_instead_of_what_prices_make(
    listening: Subscription, desk: Desk
) -> None:
    bitcoin = desk.instrument()
    desk.close_candles(bitcoin, [100.0, 110.0], "1m")
    prices = LivePrices(desk.namespace, makes_candles=False)
    at = NOON + timedelta(minutes=2, seconds=5)
    prices.add(at, {bitcoin.id: Decimal(500)})
    prices.set_day_opens(at, {bitcoin.id: Decimal(400)})
    prices.flush()
    [(topic, cells)] = _heard(listening)
    assert (topic, cells["cells"][f"{bitcoin.id}.change"]) == (f"prices:{desk.namespace}", "+25.00%")
    minutes = [Candle(NOON_MS + minute * 60_000, 7.0, 9.0, 5.0, 8.0, 2.0) for minute in (1, 2, 3)]
    prices.add_candles(at, {bitcoin.id: minutes})
    prices.flush()
    [(topic, candles)] = _heard(listening)
    assert topic == f"candles:{bitcoin.id}"
    assert candles["series"]["1m"] == [_row(120, 7, 9, 5, 8), _row(180, 7, 9, 5, 8)], "the stored one is not told again"
    assert candles["series"]["5m"] == [_row(0, 100, 110, 5, 8)]


def test_only_what_changed_is_published_and_nothing_where_nothing_did(listening: Subscription, desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    prices = LivePrices(desk.namespace)
    prices.add(NOON, {bitcoin.id: Decimal(1), ether.id: Decimal(2)})
    prices.flush()
    prices.flush()
    prices.add(NOON + timedelta(seconds=1), {ether.id: Decimal(3)})
    prices.flush()
    assert len(_heard(listening)) == 3
    [(_, payload), (topic, _)] = _heard(listening)
    assert set(payload["cells"]) == {f"{ether.id}.price", f"{ether.id}.change"}
    assert topic == f"candles:{ether.id}"
    assert listening.get(0) is None


def test_candles_go_on_from_those_that_are_stored_and_changes_from_the_day_before(
    listening: Subscription, desk: Desk
) -> None:
    bitcoin = desk.instrument()
    desk.at = NOON - timedelta(hours=23)
    desk.close_candles(bitcoin, [100.0, 101.0], "1m")
    desk.at = NOON + timedelta(minutes=5)
    desk.close_candles(bitcoin, [100.0, 140.0, 120.0], "1m")
    desk.close_candles(bitcoin, [], "5m")
    desk.step({bitcoin: "120"}, at=NOON + timedelta(minutes=8))
    prices = LivePrices(desk.namespace)
    prices.add(NOON + timedelta(minutes=8, seconds=1), {bitcoin.id: Decimal(110)})
    prices.flush()
    (_, cells), (_, candles) = _heard(listening)
    assert cells["cells"] == {f"{bitcoin.id}.price": "110.00", f"{bitcoin.id}.change": "+10.00%"}
    assert candles["series"] == {"1m": [_row(480, 110, 110, 110, 110)]}


def test_a_coarse_candle_that_is_under_way_keeps_what_it_has(listening: Subscription, desk: Desk) -> None:
    bitcoin = desk.instrument()
    desk.close_candles(bitcoin, [50.0], "5m")
    desk.close_candles(bitcoin, [100.0, 140.0, 120.0], "1m")  # minutes 5, 6 and 7
    prices = LivePrices(desk.namespace)
    prices.add(NOON + timedelta(minutes=8), {bitcoin.id: Decimal(110)})
    prices.flush()
    _, (_, candles) = _heard(listening)
    assert candles["series"]["5m"] == [_row(300, 100, 140, 100, 110)]


def test_flushing_waits_its_turn(listening: Subscription, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FLUSH_SECONDS", 30.0)
    prices = LivePrices(desk.namespace)
    prices.add(NOON, {desk.instrument().id: Decimal(1)})
    assert 29.0 < prices.flush_if_due() <= 30.0
    assert listening.get(0) is None
    monkeypatch.setattr(live, "FLUSH_SECONDS", 0.0)
    assert prices.flush_if_due() == 0.0
    assert len(_heard(listening)) == 2


def test_a_price_of_nothing_that_is_listed_is_passed_over(listening: Subscription, desk: Desk) -> None:
    prices = LivePrices(desk.namespace)
    prices.add(NOON, {desk.exchange.id: Decimal(1)})
    prices.flush()
    assert listening.get(0) is None


def test_prices_of_two_minutes_in_one_publication_close_the_first_and_days_are_asked_of_by_parts(
    listening: Subscription, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "DAY_OPENS_AT_ONCE", 1)
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.at = NOON - timedelta(hours=24)
    for instrument in (bitcoin, ether):
        desk.close_candles(instrument, [100.0, 100.0], "1m")
        desk.at = NOON - timedelta(hours=24)
    desk.step({bitcoin: "100"}, at=NOON)
    prices = LivePrices(desk.namespace)
    for second, price in ((10, "110"), (20, "90"), (30, "120"), (59, "105"), (61, "95"), (62, "96")):
        prices.add(NOON + timedelta(seconds=second), {one.id: Decimal(price) for one in (bitcoin, ether)})
    prices.flush()
    (_, cells), (_, candles), _ = _heard(listening)
    assert candles["series"]["1m"] == [_row(0, 110, 120, 90, 105), _row(60, 95, 96, 95, 96)]
    changes = [cells["cells"][f"{one.id}.change"] for one in (bitcoin, ether)]
    assert changes == ["−4.00%", "–"]
    prices.add(NOON + timedelta(seconds=63), {one.id: Decimal(96) for one in (bitcoin, ether)})
    prices.flush()
    (_, cells), *_ = _heard(listening)
    assert cells["cells"][f"{ether.id}.change"] == "−4.00%"


# --- snapshots ------------------------------------------------------------------------------------------------------


def test_the_first_message_has_every_price_of_the_namespace(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.step({bitcoin: "64000.1"})
    assert snapshot(None, f"prices:{desk.namespace}") == {
        "cells": {
            f"{bitcoin.id}.price": "64,000.10",
            f"{bitcoin.id}.change": "–",
            f"{ether.id}.price": "–",
            f"{ether.id}.change": "–",
        }
    }


def test_a_chart_first_gets_the_newest_candles_of_every_timeframe(desk: Desk) -> None:
    bitcoin = desk.instrument()
    desk.close_candles(bitcoin, [100.0], "5m")
    desk.close_candles(bitcoin, [110.0], "1m")
    assert snapshot(None, f"candles:{bitcoin.id}") == {
        "series": {
            "1m": [_row(300, 110, 110, 110, 110), _row(360, 110, 110, 110, 110)],
            "5m": [_row(0, 100, 100, 100, 100), _row(300, 110, 110, 110, 110)],
        }
    }


@pytest.mark.django_db
@pytest.mark.parametrize("topic", ["prices:nowhere", "candles:no-id", "candles:01a1f927-2099-7000-aaae-69d76ca287a4"])
def test_a_topic_of_nothing_is_refused(topic: str) -> None:
    with pytest.raises(NotFound):
        snapshot(None, topic)


@pytest.mark.django_db(transaction=True)
async def test_whoever_is_nobody_may_watch_prices(live: Connect) -> None:
    from asgiref.sync import sync_to_async

    desk = await sync_to_async(Desk)()
    bitcoin = await sync_to_async(desk.instrument)()
    await sync_to_async(desk.step)({bitcoin: "1"})
    socket = await live()
    await socket.subscribe(f"prices:{desk.namespace}")
    first = await socket.hear()
    assert (first["type"], first["cells"][f"{bitcoin.id}.price"]) == ("snapshot", "1.00")

    def tick() -> None:
        prices = LivePrices(desk.namespace)
        prices.add(NOON, {bitcoin.id: Decimal(2)})
        prices.flush()

    await sync_to_async(tick)()
    update = await socket.hear()
    assert (update["type"], update["cells"][f"{bitcoin.id}.price"]) == ("update", "2.00")
