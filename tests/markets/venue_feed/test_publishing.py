"""What a feed writes and tells: in order, once, whatever is away meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from accounts.models import AuditEntry
from common import clock
from common.bus import bus
from engine.candle_builder import Candle
from markets.candle_store import candle_store
from markets.models import Instrument, RecentCandle
from markets.prices import latest_prices
from markets.selectors import FAR_FUTURE, candle_arrays
from markets.services import compact_candles
from markets.signals import candle_closed
from markets.simulated import closed_candle
from markets.steps import ClosedCandle
from markets.venue_feed import publishing
from markets.venue_feed.coarse import CoarseCandles
from markets.venue_feed.intake import Batch
from markets.venue_feed.publishing import Publisher
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import NOON_MS

MINUTE = 60_000


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """What was told of closed candles: (timeframe, minute of the hour)."""
    found: list[tuple[str, str]] = []

    def hear(instrument_id: UUID, timeframe: str, opened_at: str, **facts: Any) -> None:
        assert RecentCandle.objects.filter(timeframe=timeframe, opened_at=opened_at).exists(), "it is stored by now"
        found.append((timeframe, opened_at[14:16]))

    candle_closed.connect(hear)
    yield found
    candle_closed.disconnect(hear)


def at(minute: int, close: float = 100.0) -> Candle:
    return Candle(NOON_MS + minute * MINUTE, 100.0, max(100.0, close), min(100.0, close), close, 1.0)


def closed(instrument: Instrument, minutes: range) -> list[ClosedCandle]:
    made = CoarseCandles().add([at(minute) for minute in minutes], NOON_MS + minutes.stop * MINUTE)
    return [closed_candle(instrument.pk, timeframe, candle) for timeframe, candle in made]


def test_candles_are_stored_then_told_in_order_and_history_is_only_stored(
    desk: Desk, told: list[tuple[str, str]]
) -> None:
    bitcoin = desk.instrument()
    outcome = Publisher(desk.exchange).publish(
        Batch(history=closed(bitcoin, range(3)), closed=closed(bitcoin, range(3, 5)))
    )
    assert told == [("1m", "03"), ("1m", "04")]
    assert [one.opened_at for one in outcome.told] == [NOON + timedelta(minutes=minute) for minute in (3, 4)]
    assert RecentCandle.objects.filter(instrument=bitcoin).count() == 5


def test_prices_go_on_the_board_and_market_time_stays_where_it_is(desk: Desk) -> None:
    bitcoin = desk.instrument()
    Publisher(desk.exchange).publish(Batch(prices={bitcoin.pk: Decimal("64000.10")}))
    price = latest_prices([bitcoin])[bitcoin.pk]
    assert price.price == Decimal("64000.10")
    assert abs(price.at - clock.wall_now()) < timedelta(seconds=60)
    assert clock.announced_time(desk.namespace) == NOON


def test_while_the_database_is_away_prices_go_on_and_candles_wait_their_turn(
    desk: Desk, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bitcoin, publisher = desk.instrument(), Publisher(desk.exchange)

    def away(**facts: Any) -> int:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "store_recent_candles", away)
        patch.setattr(publishing, "close_old_connections", lambda: None)
        batch = Batch(closed=closed(bitcoin, range(2)), prices={bitcoin.pk: Decimal(7)})
        assert publisher.publish(batch).told == []
    assert (told, publisher.waiting) == ([], 2)
    assert latest_prices([bitcoin])[bitcoin.pk].price == Decimal(7)
    publisher.publish(Batch(closed=closed(bitcoin, range(2, 3))))
    assert (told, publisher.waiting) == ([("1m", "00"), ("1m", "01"), ("1m", "02")], 0)


def test_while_the_bus_is_away_candles_are_kept_and_told_once(
    desk: Desk, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bitcoin, publisher = desk.instrument(), Publisher(desk.exchange)

    def away(*args: Any) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(bus(), "announce", away)
        with pytest.raises(OSError, match="gone"):
            publisher.publish(Batch(closed=closed(bitcoin, range(1)), prices={bitcoin.pk: Decimal(7)}))
    assert (told, publisher.waiting) == ([], 1)
    publisher.publish(Batch())
    publisher.publish(Batch(closed=closed(bitcoin, range(1))))
    assert told == [("1m", "00")], "what comes again is not told again"


def test_who_hears_of_a_candle_and_fails_keeps_nobody_waiting(desk: Desk, told: list[tuple[str, str]]) -> None:
    bitcoin, publisher = desk.instrument(), Publisher(desk.exchange)

    def fails(**facts: Any) -> None:
        raise ValueError("a bug of its own")

    candle_closed.connect(fails)
    try:
        publisher.publish(Batch(closed=closed(bitcoin, range(2))))
    finally:
        candle_closed.disconnect(fails)
    assert told == [("1m", "00"), ("1m", "01")]


@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_revised_minute_is_corrected_with_all_that_is_made_of_it_and_audited_and_not_told_again(
    desk: Desk, told: list[tuple[str, str]], is_compacted: bool
) -> None:
    bitcoin, publisher = desk.instrument(), Publisher(desk.exchange)
    publisher.publish(Batch(closed=closed(bitcoin, range(7))))
    if is_compacted:
        compact_candles()
    told_before = list(told)
    outcome = publisher.publish(Batch(revised=[(bitcoin, at(4, 150))]))
    assert told == told_before
    minutes = candle_arrays(bitcoin, "1m", end=FAR_FUTURE)
    assert minutes.close.tolist() == [100, 100, 100, 100, 150, 100, 100]
    longer = candle_arrays(bitcoin, "5m", end=FAR_FUTURE)
    assert (longer.close.tolist(), longer.high.tolist(), longer.volume.tolist()) == ([150], [150], [5])
    entries = AuditEntry.objects.filter(action="candles.revised").order_by("pk")
    said = [(entry.before or {}, entry.after or {}) for entry in entries]
    assert [(before["timeframe"], after["revised"]) for before, after in said] == [("1m", 1), ("5m", 1)]
    [(instrument, rebuilt)] = outcome.rebuilt
    assert (instrument, [one.close for one in rebuilt]) == (bitcoin, minutes.close.tolist())
    assert candle_store().timeframes(desk.exchange.code, bitcoin.symbol) == {"1m", "5m"}
