"""How long and how full a record is, and whether it did what its strategy said (copy-trading rule 39)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from engine.decimals import ZERO

PROVEN_DAYS, PROVEN_TRADES = 30, 20
SHARE_DAYS = 90
EXECUTED_RATIO = 0.9
# Fewer signals prove neither.
FEWEST_SIGNALS = 10
# What a fee left behind is no position: below this share of what was held at most, the trade is over.
_REST = Decimal("0.01")

Wish = Literal["BUY", "SELL"]


@dataclass(frozen=True, slots=True)
class RecordLength:
    """Days of market time since the first fill, and round trips that came to their end."""

    days: int
    closed_trades: int

    @property
    def is_proven(self) -> bool:
        return self.days >= PROVEN_DAYS and self.closed_trades >= PROVEN_TRADES

    @property
    def may_share(self) -> bool:
        """Say whether a lead of real money may ask for a share of profit."""
        return self.days >= SHARE_DAYS


def whole_days(first: datetime | None, now: datetime) -> int:
    return 0 if first is None else max(0, (now - first) // timedelta(days=1))


def closed_trades(fills: Iterable[tuple[object, Decimal]]) -> int:
    """Return how many round trips ended. Fills are (instrument, signed change of its position), oldest first.

    >>> one, half = Decimal(1), Decimal("0.5")
    >>> closed_trades([("A", one), ("A", -half), ("B", one), ("A", -half), ("B", -one - one)])
    2
    """
    held: dict[object, Decimal] = {}
    most: dict[object, Decimal] = {}
    ended = 0
    for instrument, change in fills:
        before, peak = held.get(instrument, ZERO), most.get(instrument, ZERO)
        now = held[instrument] = before + change
        turned = before * now < ZERO
        if not peak:  # nothing was open but a rest
            most[instrument] = abs(now)
        elif turned or abs(now) <= peak * _REST:
            ended += 1
            most[instrument] = abs(now) if turned else ZERO
        else:
            most[instrument] = max(peak, abs(now))
    return ended


@dataclass(frozen=True, slots=True)
class Execution:
    """Of the signals that asked for something, how many were carried out."""

    wished: int
    executed: int

    @property
    def ratio(self) -> float | None:
        return self.executed / self.wished if self.wished else None

    @property
    def is_faithful(self) -> bool:
        """Say whether enough was carried out; few signals prove nothing against it."""
        return self.wished < FEWEST_SIGNALS or self.executed >= EXECUTED_RATIO * self.wished


def executed(wishes: Iterable[tuple[datetime, Wish, bool]], traded: frozenset[datetime]) -> Execution:
    """Count the signals that were carried out.

    A wish is (its candle's opening time, side, whether something was held then); an entry while one holds, and an exit
    while one does not, asks for nothing. `traded` are the candles whose orders were filled.
    """
    asked = [at for at, side, holds in wishes if (side == "SELL") == holds]
    return Execution(len(asked), sum(at in traded for at in asked))
