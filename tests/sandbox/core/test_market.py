"""The market as a whole: real candles come out as they went in, quotes stand around the price, accounts' orders fill on the way."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from sandbox.core.clock import ManualTime
from sandbox.core.klines import Kline
from sandbox.core.orders import OrderRequest, OrderType, Side, Status
from sandbox.venue import Setup, build_venues
from tests.markets.files import write_shared_parquet

D = Decimal
MINUTE = 60_000
DAY = 1440
START_MS = 19_700 * 86_400_000  # midnight
SYMBOL = "BTCUSDT"


def bars(count: int) -> list[tuple[float, ...]]:
    """Return a day of bars whose prices differ from each other."""
    return [
        (n * MINUTE, 100.0 + n % 50, 103.5 + n % 50, 98.25 + n % 50, 101.0 + n % 50, 6.0 + n % 7) for n in range(count)
    ]


def test_replayed_candles_come_out_as_they_went_in(tmp_path: Path) -> None:
    time = ManualTime(START_MS)
    file = write_shared_parquet(tmp_path / "BTC.parquet", bars(2 * DAY))
    venue = build_venues(Setup(history_minutes=10, candles={"BTC": file}, time_source=time))["binance"]
    for _ in range(60):
        time.advance(3100)
        venue.step()
    found = venue.spot.market.klines[SYMBOL].query("1m", START_MS - 10 * MINUTE, START_MS + 2 * MINUTE, 100)
    shown = [(k.opened_ms, *map(float, (k.open, k.high, k.low, k.close))) for k in found]
    first = next(n for n, bar in enumerate(bars(DAY)) if bar[1] == shown[0][1])
    wanted = [bar[1:5] for bar in bars(2 * DAY)[first : first + len(shown)]]
    assert len(shown) == 13
    assert [row[1:] for row in shown] == wanted
    assert [row[0] for row in shown] == [START_MS + n * MINUTE for n in range(-10, 3)]
    volumes = [float(k.volume) for k in found[10:12]]
    assert all(abs(volume - bar[5]) < 0.001 for volume, bar in zip(volumes, bars(DAY)[first + 10 :], strict=False))


def test_quotes_stand_around_the_price_and_never_cross() -> None:
    time = ManualTime(START_MS)
    venue = build_venues(Setup(history_minutes=10, time_source=time))["binance"]
    for _ in range(50):
        time.advance(700)
        venue.step()
        for symbol, instrument in venue.spot.exchange.instruments.items():
            book, last = venue.spot.exchange.book(symbol), venue.spot.exchange.last_price(symbol)
            bids, asks = book.levels(Side.BUY, 50), book.levels(Side.SELL, 50)
            assert len(bids) == len(asks) == 20
            assert bids[0][0] < last < asks[0][0]
            assert all(
                price % instrument.tick == 0 and quantity % instrument.step == 0 for price, quantity in bids + asks
            )


def test_an_order_in_the_way_of_the_price_is_filled(tmp_path: Path) -> None:
    time = ManualTime(START_MS)
    file = write_shared_parquet(tmp_path / "BTC.parquet", bars(2 * DAY))
    venue = build_venues(Setup(history_minutes=10, candles={"BTC": file}, time_source=time))["binance"]
    venue.open_account("alice", {"USDT": D(1000)})
    low = venue.spot.exchange.last_price(SYMBOL) - D(1)
    order = venue.spot.exchange.place("alice", OrderRequest(SYMBOL, Side.BUY, OrderType.LIMIT, D("0.5"), price=low))
    assert order.status is Status.NEW
    for _ in range(90):
        time.advance(1000)
        venue.step()
    assert (order.status, order.average_price, order.fills[0].is_maker) == (Status.FILLED, low, True)


def test_the_same_seed_makes_the_same_market() -> None:
    def after_a_minute(seed: int) -> list[object]:
        time = ManualTime(START_MS)
        venue = build_venues(Setup(seed=seed, history_minutes=10, time_source=time))["binance"]
        for _ in range(10):
            time.advance(6000)
            venue.step()
        exchange = venue.spot.exchange
        lasts: list[object] = [exchange.last_price(symbol) for symbol in exchange.instruments]
        return [*lasts, *exchange.book(SYMBOL).levels(Side.BUY, 20)]

    assert after_a_minute(5) == after_a_minute(5) != after_a_minute(6)


def test_speed_lets_market_time_run_ahead_of_the_servers() -> None:
    time = ManualTime(START_MS)
    venue = build_venues(Setup(speed=60, history_minutes=10, time_source=time))["kraken"]
    time.advance(1000)
    venue.step()
    assert (venue.clock.server_ms(), venue.clock.market_ms()) == (START_MS + 1000, START_MS + MINUTE)
    assert venue.spot.market.klines["BTC/USD"].series("1m")[-1].opened_ms == START_MS + MINUTE


def test_a_market_that_is_started_again_goes_on_where_it_would_have_been() -> None:
    first_minute = START_MS // MINUTE - 3000
    time = ManualTime(START_MS)
    setup = Setup(history_minutes=10, time_source=time, first_minute=first_minute)
    before = build_venues(setup)["binance"]
    for _ in range(36):
        time.advance(5000)
        before.step()
    again = build_venues(setup)["binance"]
    for symbol, store in before.spot.market.klines.items():
        known = again.spot.market.klines[symbol].series("1m")
        assert [one.opened_ms for one in known] == [START_MS + n * MINUTE for n in range(-7, 3)]
        assert shape(known) == shape(store.query("1m", known[0].opened_ms, known[-1].opened_ms, 20))
    time.advance(30_000)
    for venue in (before, again):
        venue.step()
    assert before.spot.exchange.last_price(SYMBOL) == again.spot.exchange.last_price(SYMBOL)


def shape(klines: list[Kline]) -> list[tuple[object, ...]]:
    """Return times and prices: how much was traded, the past knows only roughly."""
    return [(one.opened_ms, one.open, one.high, one.low, one.close) for one in klines]


def test_numbers_and_times_of_trades_rise_together_when_an_account_trades_between_two_steps() -> None:
    time = ManualTime(START_MS)
    venue = build_venues(Setup(history_minutes=10, time_source=time))["binance"]
    venue.open_account("alice", {"USDT": D(10_000)})
    time.advance(10_000)
    venue.step()
    # The crowd's trades of these seconds are printed at the next step, after this one.
    time.advance(9_999)
    venue.spot.exchange.place("alice", OrderRequest(SYMBOL, Side.BUY, OrderType.MARKET, D("0.01")))
    venue.step()
    trades = list(venue.spot.exchange.matcher.trades[SYMBOL])
    assert [trade.id for trade in trades] == sorted(trade.id for trade in trades)
    assert [trade.at_ms for trade in trades] == sorted(trade.at_ms for trade in trades)
