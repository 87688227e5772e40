"""How often and how long: every wait of a venue's feed in one place, so that a test can be quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markets.models import InterestKind

# What a feed makes of closed minutes, as the rest of the platform has it, finest first.
TIMEFRAMES_MADE = ("1m", "5m", "15m", "1h", "4h", "1d")


def _silences() -> Mapping[InterestKind, float]:
    return {
        InterestKind.TICKER: 20.0,
        InterestKind.BOOK: 20.0,
        InterestKind.CANDLES: 75.0,
        InterestKind.TRADES: 90.0,
    }


@dataclass(frozen=True, slots=True)
class Tuning:
    """Seconds of the wall, unless a name says minutes."""

    # How often the interests are read, and how long the subscriptions then stay as they are.
    look: float = 1.0
    settle_subscriptions: float = 2.0
    flush: float = 0.25
    status: float = 1.0
    # A group of streams that says nothing for so long is connected afresh; a quiet market, ever more seldom.
    silence: Mapping[InterestKind, float] = field(default_factory=_silences)
    longest_silence: float = 600.0
    # A replaced group goes on until the new one speaks, or for so long.
    overlap: float = 5.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    # A connection that held for so long is a success: the next failure waits as little as the first.
    steady: float = 5.0
    # How long a minute that has a successor waits for a late word on it.
    candle_settle: float = 0.25
    # A minute that ended so long ago, by the venue's time, and has no successor, is asked for.
    candle_quiet: float = 10.0
    candle_quiet_polled: float = 2.0
    ask_again: float = 2.0
    # A feed that was away for longer begins anew: what it missed is history, and nobody is told of it.
    resume_minutes: int = 240
    # A price that no stream renewed for so long is asked for.
    stale: float = 15.0
    stale_polled: float = 2.0
    check_prices: float = 2.0
    # How long an outlier waits for a second word.
    confirm: float = 10.0
    funding: float = 60.0
