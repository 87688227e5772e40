"""Who takes part in a replay: one lead with a strategy on each instrument, and followers with varied amounts and multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from accounts.models import User
from common.clock import set_market_time
from common.errors import DomainError
from engine.candles import Candles
from engine.timeframes import moment
from markets.candle_store import candle_store
from markets.importing import CandleFile, read_candle_file, steps_seen
from markets.models import Asset, Exchange, Instrument, SourceKind
from markets.services.instruments import register_exchange, register_instrument
from markets.sources import ReplaySeries
from portfolios.models import Portfolio
from portfolios.services.cash import open_portfolio
from strategies.faces import Face
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from trading.models import Follow
from trading.services.follows import open_lead_stream, start_follow

NAMESPACE = "replay"
LEAD_CAPITAL = Decimal(10_000)
MIN_NOTIONAL = Decimal(5)
# What followers bring, spread evenly in the logarithm: most small, a few larger than the lead.
_SMALLEST, _LARGEST = 100, 20_000


@dataclass(frozen=True, slots=True)
class Cast:
    lead: Portfolio
    follows: list[Follow]
    series: list[ReplaySeries]


def load_series(files: Sequence[Path], limit: int | None) -> list[ReplaySeries]:
    """Read and check candle files, put them into the replay's store, and return what is to be walked."""
    loaded = [read_candle_file(path) for path in files]
    exchange = register_exchange(code=NAMESPACE, name="Replay", namespace=NAMESPACE, source_kind=SourceKind.REPLAY)
    series = []
    for one in loaded:
        candles = one.candles.part(0, limit or len(one.candles))
        instrument = _register(exchange, one, candles)
        candle_store().upsert(exchange.code, instrument.symbol, one.timeframe, candles)
        series.append(ReplaySeries(instrument, one.timeframe, candles))
    if len({one.instrument.market.quote_id for one in series}) != 1:
        raise DomainError("QUOTE_MISMATCH", "Replay candles that all trade against one currency.")
    return series


def _register(exchange: Exchange, file: CandleFile, candles: Candles) -> Instrument:
    """Make the file's pair tradable here, in steps as fine as its figures; a contract trades as if it were spot."""
    base, quote, *_ = file.pair.split("-")
    tick_size, lot_step = steps_seen(candles)
    return register_instrument(
        exchange=exchange,
        base=base,
        quote=quote,
        symbol=file.pair,
        tick_size=tick_size,
        lot_step=lot_step,
        min_notional=MIN_NOTIONAL,
    )


def gather(
    *,
    series: Sequence[ReplaySeries],
    followers: int,
    face: Face,
    chance: Random,
) -> Cast:
    """Create the lead, who trades every series by one strategy, and the followers; start the runs and the follows."""
    start = moment(min(int(one.candles.opened_at[0]) for one in series))
    set_market_time(NAMESPACE, start)
    exchange = series[0].instrument.exchange
    settlement = Asset.objects.get(pk=series[0].instrument.market.quote_id)
    lead_user = User.objects.create_user("lead@replay.invalid")
    lead = open_portfolio(owner=lead_user, name="Lead", exchange=exchange, settlement=settlement, amount=LEAD_CAPITAL)
    open_lead_stream(lead)
    for one in series:
        version = save_strategy(
            owner=lead_user,
            name=f"Lead {one.instrument.symbol}",
            instruments=[one.instrument],
            timeframe=one.timeframe,
            face=face,
        )
        start_run(actor=lead_user, version=version, portfolio=lead)
    return Cast(
        lead=lead,
        follows=[_follower(number, lead, exchange, chance) for number in range(followers)],
        series=list(series),
    )


def _follower(number: int, lead: Portfolio, exchange: Exchange, chance: Random) -> Follow:
    amount = Decimal(round(_SMALLEST * (_LARGEST / _SMALLEST) ** chance.random(), 2)).quantize(Decimal("0.01"))
    multiplier = Decimal(chance.choice(["0.1", "0.5", "1", "1", "1", "1.5", "2", "3"]))
    user = User.objects.create_user(f"follower{number}@replay.invalid")
    source = open_portfolio(owner=user, name="Cash", exchange=exchange, settlement=lead.settlement, amount=amount)
    return start_follow(follower=user, lead=lead, source=source, amount=amount, multiplier=multiplier)
