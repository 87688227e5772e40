"""Movers: the newest minutes of many instruments on one grid, whatever gaps there are in them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from markets.models import Instrument, Interest, InterestKind, SourceKind
from markets.scanning.movers import HABIT_MINUTES, MoverScanner
from markets.scanning.results import Mover
from markets.services import store_recent_candles
from markets.steps import ClosedCandle
from tests.fixtures_desk import NOON, Desk
from tests.markets.scanning.venues import Venues

# A habit: up and down by a tenth of a percent, a thousand quote units each minute.
_CLOSES = [100.0 if minute % 2 else 100.1 for minute in range(HABIT_MINUTES)]


def _store(instrument: Instrument, closes: list[float], volumes: list[float], gaps: tuple[int, ...] = ()) -> None:
    start = NOON - timedelta(minutes=len(closes))
    store_recent_candles(
        candles=[
            ClosedCandle(instrument.pk, "1m", start + timedelta(minutes=minute), close, close, close, close, volume)
            for minute, (close, volume) in enumerate(zip(closes, volumes, strict=True))
            if minute not in gaps
        ]
    )


def _looked() -> list[Mover]:
    scanner = MoverScanner()
    scanner.prepare()
    return scanner.scan()["rows"]


def test_moves_and_volumes_are_measured_over_each_window(db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    btc = desk.instrument()
    _store(btc, [*_CLOSES[:-5], 100.5, 101, 101.5, 102, 103], [10.0] * (HABIT_MINUTES - 5) + [40.0] * 5)
    [row] = _looked()
    assert (row["market"], row["kind"], row["quote"], row["price"]) == ("BTC-USDT", "SIMULATED", "USDT", 103.0)
    five, hour = row["windows"]["5"], row["windows"]["60"]
    assert (five["change_ratio"], hour["change_ratio"]) == (round(103 / 100.1 - 1, 6), 0.03)
    # Against the habit of the 84 returns before, of a thousandth up or down each minute.
    returns = np.diff(np.log(np.array(_CLOSES[:-5])))
    usual = returns.std(ddof=1) * np.sqrt(5)
    assert five["score"] == pytest.approx(np.log(103 / 100.1) / usual, abs=0.01)
    assert five["volume_multiple"] == pytest.approx(40 * 101.6 / (10 * 100.1), abs=0.01)
    assert row["turnover"] == pytest.approx(sum(c * 10 for c in _CLOSES[-60:-5]) + 40 * 508, abs=0.01)


def test_a_minute_without_a_trade_closes_where_the_one_before_did(db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    btc = desk.instrument()
    closes = [*_CLOSES[:-2], 105.0, 999.0]
    _store(btc, closes, [10.0] * HABIT_MINUTES, gaps=(0, 1, 7, HABIT_MINUTES - 1))
    [row] = _looked()
    assert row["price"] == 105.0
    assert row["windows"]["5"]["change_ratio"] == round(105 / _CLOSES[-6] - 1, 6)


def test_what_is_hardly_traded_or_has_no_candles_is_passed_over(db: None) -> None:
    desk = Desk(SourceKind.SIMULATED)
    desk.instrument("ETH")
    _store(desk.instrument("BTC"), _CLOSES[:40], [1.0] * 40)
    scanner = MoverScanner()
    scanner.prepare()
    found = scanner.scan()
    assert (found["rows"], found["looked_at"], found["fresh"]) == ([], 2, 0)


def test_only_real_venues_are_asked_for_prices_and_candles(venues: Venues) -> None:
    Desk(SourceKind.SIMULATED).instrument()
    real = venues.lists(venues.exchange("one"), "BTC")
    MoverScanner().prepare()
    asked = Interest.objects.values_list("instrument_id", "kind", "reason")
    assert set(asked) == {
        (real.pk, InterestKind.TICKER, "scanner"),
        (real.pk, InterestKind.CANDLES, "scanner"),
    }
