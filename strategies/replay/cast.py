"""Who takes part in a replay: one lead with a strategy on each instrument, and followers with varied amounts and multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.db.models import QuerySet

from accounts.models import User
from common.clock import set_market_time
from common.errors import DomainError
from engine.candles import Candles
from engine.crash import CALM_MINUTES, CRASH_MINUTES, crash_candles
from engine.timeframes import milliseconds, moment
from markets.candle_store import candle_store
from markets.importing import read_candle_file, steps_seen
from markets.models import Asset, Exchange, Instrument, SourceKind
from markets.services.instruments import register_exchange, register_instrument
from markets.sources import ReplaySeries
from portfolios.models import Portfolio
from portfolios.services.cash import open_portfolio
from strategies.faces import Face
from strategies.replay.wishes import Wish
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from trading.follow_models import StopMode
from trading.models import MIRRORING, Follow
from trading.services.follows import open_lead_stream, start_follow, stop_follow

NAMESPACE = "replay"
LEAD_CAPITAL = Decimal(10_000)
MIN_NOTIONAL = Decimal(5)
CRASH_DAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cast:
    lead: Portfolio
    follows: list[Follow]
    # What each of them began with.
    amounts: list[Decimal]
    series: list[ReplaySeries]

    def reloaded(self) -> QuerySet[Follow]:
        """Return the follows as they stand now."""
        return Follow.objects.filter(pk__in=[one.pk for one in self.follows]).order_by("pk")


@dataclass(frozen=True, slots=True)
class Walk:
    """Candles that are to be walked: a pair (BASE-QUOTE), its timeframe, and the part that counts."""

    pair: str
    timeframe: str
    candles: Candles


def read_walks(files: Sequence[Path], limit: int | None, since: datetime | None = None) -> list[Walk]:
    """Read and check candle files; of each, so many candles from a moment on."""
    loaded = [read_candle_file(path) for path in files]
    return [Walk(one.pair, one.timeframe, _part(one.candles, limit, since)) for one in loaded]


def _part(candles: Candles, limit: int | None, since: datetime | None) -> Candles:
    first = 0 if since is None else int(candles.opened_at.searchsorted(milliseconds(since)))
    if first == len(candles):
        raise DomainError("NO_CANDLES", f"No candle opens at or after {since:%Y-%m-%d %H:%M}.")
    return candles.part(first, min(first + (limit or len(candles)), len(candles)))


def crash_walk(seed: int) -> Walk:
    """Return a made crash (engine/crash.py)."""
    return Walk("SOL-USDT", "1m", crash_candles(seed, start_ms=milliseconds(CRASH_DAY)))


def crash_window(series: ReplaySeries) -> tuple[datetime, datetime]:
    """Return when the crash of a made one begins and ends."""
    begins = moment(int(series.candles.opened_at[CALM_MINUTES]))
    return begins, begins + timedelta(minutes=CRASH_MINUTES)


def load_series(walks: Sequence[Walk]) -> list[ReplaySeries]:
    """Put candles into the replay's store, and return what is to be walked."""
    exchange = register_exchange(code=NAMESPACE, name="Replay", namespace=NAMESPACE, source_kind=SourceKind.REPLAY)
    series = []
    for one in walks:
        instrument = _register(exchange, one)
        candle_store().upsert(exchange.code, instrument.symbol, one.timeframe, one.candles)
        series.append(ReplaySeries(instrument, one.timeframe, one.candles))
    if len({one.instrument.market.quote_id for one in series}) != 1:
        raise DomainError("QUOTE_MISMATCH", "Replay candles that all trade against one currency.")
    return series


def _register(exchange: Exchange, walk: Walk) -> Instrument:
    """Make a pair tradable here, in steps as fine as its figures; a contract trades as if it were spot."""
    base, quote, *_ = walk.pair.split("-")
    tick_size, lot_step = steps_seen(walk.candles)
    return register_instrument(
        exchange=exchange,
        base=base,
        quote=quote,
        symbol=walk.pair,
        tick_size=tick_size,
        lot_step=lot_step,
        min_notional=MIN_NOTIONAL,
    )


def gather(
    *,
    series: Sequence[ReplaySeries],
    wishes: Sequence[Wish],
    face: Face,
) -> Cast:
    """Create the lead, who trades every series by one strategy, and a follower per wish; start the runs and the follows."""
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
        follows=[_follower(number, lead, exchange, wish) for number, wish in enumerate(wishes)],
        amounts=[wish.amount for wish in wishes],
        series=list(series),
    )


def _follower(number: int, lead: Portfolio, exchange: Exchange, wish: Wish) -> Follow:
    user = User.objects.create_user(f"follower{number}@replay.invalid")
    amount = wish.amount
    source = open_portfolio(owner=user, name="Cash", exchange=exchange, settlement=lead.settlement, amount=amount)
    return start_follow(
        follower=user,
        lead=lead,
        source=source,
        amount=amount,
        settings=wish.settings,
        guards=wish.guards,
        start=wish.start,
    )


def stop_all(cast: Cast, mode: StopMode) -> None:
    """Have every follow that goes on stopped in one way."""
    for follow in cast.reloaded().filter(state__in=MIRRORING).select_related("follower", "lead"):
        if not follow.stop_mode:
            stop_follow(actor=follow.follower, follow=follow, mode=mode)
