"""Drift: the trades that a run made beside those that the engine would have made on the same candles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """One entry or exit: when (ms since 1970 UTC), which side, and at what average price."""

    at: int
    is_buy: bool
    price: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What became of the engine's `wished` ones: `matched` or `missed`; `extra` are the run's alone. Basis points of price.

    Positive: the run paid more, or got less, than the engine did. None where nothing matched.
    """

    wished: int
    matched: int
    missed: int
    extra: int
    mispriced_bps: float | None
    worst_bps: float | None


def compare(live: Iterable[Made], engine: Iterable[Made], *, candle_ms: int) -> Drift:
    """Pair what is of one side and within one candle, in order; what finds no partner is missed or extra."""
    ours, theirs = _by_candle(live, candle_ms), _by_candle(engine, candle_ms)
    pairs = [pair for key in theirs for pair in zip(ours.get(key, ()), theirs[key], strict=False)]
    wished, made = (sum(map(len, found.values())) for found in (theirs, ours))
    costs = [_bps(one, other) for one, other in pairs]
    return Drift(
        wished=wished,
        matched=len(pairs),
        missed=wished - len(pairs),
        extra=made - len(pairs),
        mispriced_bps=sum(costs) / len(costs) if costs else None,
        worst_bps=max(costs) if costs else None,
    )


def _by_candle(made: Iterable[Made], candle_ms: int) -> dict[tuple[int, bool], list[Made]]:
    found: defaultdict[tuple[int, bool], list[Made]] = defaultdict(list)
    for one in sorted(made, key=lambda one: one.at):
        found[one.at // candle_ms, one.is_buy].append(one)
    return found


def _bps(live: Made, engine: Made) -> float:
    above = (live.price - engine.price) / engine.price * 10_000
    return above if live.is_buy else -above
