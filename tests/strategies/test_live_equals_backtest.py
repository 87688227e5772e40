"""What a run does live is what its backtest said: the same entries and exits, candle for candle.

Three templates with market entries and signal exits are replayed through the live path (feed, task, decision, order,
paper broker) and computed as backtests with the same costs; on made candles always, on real ones where there are any.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pytest

from accounts.models import User
from common import clock
from common.ids import seeded_random
from engine.backtest import BacktestSpec, MarketData, TradedInstrument, run_backtest
from engine.candles import Candles
from engine.simulation.types import ExitReason
from engine.timeframes import milliseconds, moment, timeframe_ms
from markets.candle_store import candle_store
from markets.importing import read_candle_file
from markets.models import SourceKind
from markets.sources import ReplaySeries, ReplaySource
from strategies.faces import Face, graph_of
from strategies.replay.driver import inline_workers, walk
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests import environment
from tests.fixtures_desk import Desk
from tests.fixtures_past import waves
from trading.models import Fill, Side

TEMPLATES = (
    Face(template="ema_cross", values={"fast": 3, "slow": 8}),
    Face(template="rsi_reversion", values={"period": 7}),
    Face(template="macd_trend"),
)
MADE, REAL = 250, 500


def real_candles() -> Path | None:
    folder = environment.conformance_dir()
    path = folder.parent / "data" / "binance__BTC-USDT__5m.parquet" if folder else None
    return path if path and path.is_file() else None


def candles_of(kind: str) -> Candles:
    if kind == "made":
        return waves(MADE, datetime(2024, 1, 3, tzinfo=UTC))
    path = real_candles()
    if path is None:
        pytest.skip("needs the conformance data")
    return read_candle_file(path).candles.part(0, REAL)


def replayed(alice: User, face: Face, candles: Candles) -> list[tuple[bool, int]]:
    """Return what the live path traded: (is it an entry, opening of the candle in which it was filled)."""
    desk = Desk(SourceKind.REPLAY)
    clock.set_market_time(desk.namespace, moment(int(candles.opened_at[0])))
    instrument = desk.instrument()
    candle_store().upsert(desk.exchange.code, instrument.symbol, "5m", candles)
    version = save_strategy(owner=alice, name="Live", instruments=[instrument], timeframe="5m", face=face)
    portfolio = desk.portfolio(alice)
    start_run(actor=alice, version=version, portfolio=portfolio)
    source = ReplaySource([ReplaySeries(instrument, "5m", candles)])
    with inline_workers(seeded_random("live")) as finish:
        walk(source.steps(), source, finish=finish, progress=lambda count: None, hears_all=True)
        finish()
    length = timeframe_ms("5m")
    fills = Fill.objects.filter(portfolio=portfolio).select_related("order").order_by("number")
    return [(one.order.side == Side.BUY, milliseconds(one.happened_at) // length * length) for one in fills]


def backtested(face: Face, candles: Candles) -> list[tuple[bool, int]]:
    """Return what the backtest traded in the same form."""
    first, last = (int(candles.opened_at[place]) for place in (0, -1))
    spec = BacktestSpec(graph_of(face), (TradedInstrument("A"),), "5m", first, last + timeframe_ms("5m"))
    trades = run_backtest(spec, {"A": MarketData(candles)}).simulated.trades
    signals = trades[trades["exit_reason"] == ExitReason.EXIT_SIGNAL]
    assert len(signals) >= len(trades) - 1  # what is open at the end is forced out
    entries = [(True, int(at)) for at in trades["opened_at"]]
    return sorted(entries + [(False, int(at)) for at in signals["closed_at"]], key=itemgetter(1))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["made", "real"])
@pytest.mark.parametrize("face", TEMPLATES, ids=lambda face: str(face.template))
def test_a_replay_and_a_backtest_enter_and_leave_on_the_same_candles(alice: User, face: Face, kind: str) -> None:
    candles = candles_of(kind)
    # A backtest opens nothing on its last candle; the live path does not know that it is the last.
    last = int(candles.opened_at[-1])
    live = [(is_entry, at) for is_entry, at in replayed(alice, face, candles) if at < last]
    past = [(is_entry, at) for is_entry, at in backtested(face, candles) if at < last]
    assert len(past) >= 4
    assert live == past
