"""Tickers: the newest price against the last day of market time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.timeframes import milliseconds
from markets.candle_store import candle_store
from markets.models import Instrument
from markets.prices import put_prices
from markets.selectors import instrument_by_id
from markets.tickers import CURVE_POINTS, Ticker, change_text, day_opens, tickers, with_curves
from tests.fixtures_desk import NOON, Desk
from tests.markets.real_venue import networked, perpetual, put_day
from tests.markets.series import candles_at

DAY_MINUTES = 1440


def _store(instrument: Instrument, minutes: range | list[int], timeframe: str = "1m") -> None:
    """Store candles that end at noon or before: minute −1 is the last one."""
    candles = candles_at(list(minutes), price=5000.0)
    candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles)


def test_a_ticker_sums_up_the_last_day_and_nothing_before_it(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, range(-DAY_MINUTES - 100, 0))
    desk.step({bitcoin: "5500.00"}, at=NOON)
    [ticker] = tickers([bitcoin])
    assert ticker == Ticker(
        bitcoin,
        price=Decimal("5500.00"),
        at=NOON,
        day_open=Decimal("3559.50"),  # the candle at minute −1440 closes at 5000 − 1440 and opened half below
        day_high=Decimal("5500.00"),  # the price itself; the last candle's high is 5000
        day_low=Decimal("3559.00"),
        day_volume=2.0 * DAY_MINUTES,
    )
    assert ticker.day_change_ratio == Decimal("5500.00") / Decimal("3559.50") - 1
    assert ticker.day_change == "+54.52%"


def test_a_candle_that_has_not_closed_yet_is_no_part_of_the_day(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, [-2, -1, 0, 1])
    desk.step({bitcoin: "5000.00"}, at=NOON + timedelta(seconds=59))
    [ticker] = tickers([bitcoin])
    assert (ticker.day_open, ticker.day_high, ticker.day_volume) == (Decimal("4997.50"), Decimal("5000.00"), 4.0)


def test_without_a_price_or_candles_a_ticker_knows_nothing(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.step({ether: "3200"})
    assert tickers([bitcoin, ether]) == [Ticker(bitcoin), Ticker(ether, Decimal(3200), NOON)]
    assert [ticker.day_change for ticker in tickers([bitcoin, ether])] == ["–", "–"]


def test_tickers_keep_the_order_they_were_asked_in(desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    desk.step({ether: "2", bitcoin: "1"})
    assert [ticker.instrument for ticker in tickers(iter([ether, bitcoin]))] == [ether, bitcoin]


@pytest.mark.parametrize(
    ("minutes", "opened"),
    [
        (range(-DAY_MINUTES - 5, 0), "3559.50"),
        ([-DAY_MINUTES - 5, -900, -1], "4099.50"),  # after a gap the first candle inside the day counts
        ([-30, -1], "4969.50"),  # and so it does where history is shorter
        ([-DAY_MINUTES - 5], None),
    ],
)
def test_a_change_is_measured_from_the_first_candle_of_the_day(
    desk: Desk, minutes: range | list[int], opened: str | None
) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, minutes)
    assert milliseconds(NOON) % 60_000 == 0
    assert day_opens({bitcoin: "1m"}, NOON) == ({bitcoin.pk: Decimal(opened)} if opened else {})


@pytest.mark.parametrize(
    ("price", "before", "text"),
    [
        (Decimal(110), Decimal(100), "+10.00%"),
        (Decimal(90), Decimal(100), "−10.00%"),
        (Decimal(100), Decimal(100), "0.00%"),
        (Decimal("100.001"), Decimal(100), "0.00%"),
        (None, Decimal(100), "–"),
        (Decimal(100), None, "–"),
        (Decimal(100), Decimal(0), "–"),
    ],
)
def test_a_change_reads_as_on_every_page(price: Decimal | None, before: Decimal | None, text: str) -> None:
    assert change_text(price, before) == text


def test_a_real_venue_tells_its_day_and_no_candle_is_asked(desk: Desk) -> None:
    made = desk.instrument()
    networked(desk)
    bitcoin = instrument_by_id(made.id)
    _store(bitcoin, [-2, -1])
    put_day(bitcoin, "5500.00", "0.1", "70000")
    [ticker] = tickers([bitcoin])
    assert ticker == Ticker(
        bitcoin,
        price=Decimal("5500.00"),
        at=NOON,
        day_open=Decimal("5000.00"),
        day_high=Decimal(5510),
        day_low=Decimal(5490),
        day_volume=5.0,
        told_change_ratio=Decimal("0.1"),
        told_turnover=70000.0,
    )
    assert (ticker.day_change, ticker.day_turnover, ticker.topic) == ("+10.00%", 70000.0, f"ticker:{bitcoin.id}")


def test_what_a_real_venue_does_not_tell_is_made_of_candles_for_a_page(desk: Desk) -> None:
    made = desk.instrument()
    networked(desk)
    bitcoin = instrument_by_id(made.id)
    _store(bitcoin, [-2, -1])
    put_prices(desk.namespace, {str(bitcoin.id): "5500.00"}, NOON)
    [ticker] = tickers([bitcoin])
    assert (ticker.price, ticker.day_open) == (Decimal("5500.00"), None)
    [ticker] = with_curves([ticker])
    assert (ticker.day_open, ticker.day_volume, ticker.day_change) == (Decimal("4997.50"), 4.0, "+10.06%")
    assert ticker.curve == (4997.5, 4998.0, 4999.0, 5500.0)


def test_a_curve_is_drawn_of_coarse_candles_through_few_points(desk: Desk) -> None:
    bitcoin = desk.instrument()
    _store(bitcoin, range(-DAY_MINUTES, 0))
    desk.step({bitcoin: "5500.00"}, at=NOON)
    [fine] = with_curves(tickers([bitcoin]))
    assert len(fine.curve) <= CURVE_POINTS
    assert (fine.curve[0], fine.curve[-2:]) == (3559.5, (4999.0, 5500.0))
    _store(bitcoin, [-60, -30], "30m")
    [coarse] = with_curves(tickers([bitcoin]))
    assert coarse.curve == (4939.5, 4940.0, 4970.0, 5500.0)


def test_turnover_is_in_quote_units_whatever_volume_is_counted_in(desk: Desk) -> None:
    spot, inverse = desk.instrument(), perpetual(desk, contract="PERP-BTC", contract_size=Decimal(100))
    assert Ticker(spot, price=Decimal(50), day_volume=3.0).day_turnover == 150.0
    assert Ticker(inverse, price=Decimal(50), day_volume=3.0).day_turnover == 300.0
    assert Ticker(spot, day_volume=3.0).day_turnover is None
