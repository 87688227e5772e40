"""The verdict in plain words: one level, one headline, and the reasons with their numbers. It never promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.statistics.assessment import Luck
from engine.statistics.luck import ALPHA
from engine.statistics.summary import Summary

# Below about thirty a mean is ruled by its extremes: one more or one fewer trade turns the result.
FEWEST_TRADES = 30
# A quarter of a year shows one mood of the market; half a year may show its turn.
SHORTEST_DAYS = 30
SHORT_DAYS = 180
# The field's usual risk of being wrong: one in twenty; at even odds a coin says as much.
SURE_PROBABILITY = 0.95
EVEN_PROBABILITY = 0.5
# More than half from one trade, or into fees: the rest of the strategy hardly matters.
ONE_TRADE_RATIO = 0.5
FEES_RATIO = 0.5
# When years like this one are drawn again, more than one in four losing is no steady edge.
LOSS_PROBABILITY = 0.25
# After a fall of 40 % it takes 67 % to be back: few sit through it.
DEEP_FALL_RATIO = 0.4
# Choosing the best of a sweep is worse than choosing blindly above one half, and doubtful above a fifth.
OVERFIT_PROBABILITY = 0.5
DOUBTFUL_PROBABILITY = 0.2


class Level(StrEnum):
    UNPROVEN = "unproven"
    WEAK = "weak"
    MIXED = "mixed"
    PROMISING = "promising"


HEADLINES = {
    Level.UNPROVEN: "Too little has happened to tell skill from luck.",
    Level.WEAK: "Nothing here says that this earns money.",
    Level.MIXED: "Some things speak for it, others against it.",
    Level.PROMISING: "It held up against every check made here. That is no promise for the future.",
}


class Bearing(StrEnum):
    """What a reason does to the level: the first two settle it, AGAINST makes it mixed, FOR stands beside."""

    TOO_LITTLE = "too_little"
    DECISIVE = "decisive"
    AGAINST = "against"
    FOR = "for"


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence with its numbers, a code for programs, and what it does to the level."""

    code: str
    bearing: Bearing
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A level, what it means in one sentence, and why: what weighs most stands first."""

    level: Level
    headline: str
    reasons: tuple[Reason, ...]


def verdict(summary: Summary, luck: Luck | None = None) -> Verdict:
    """Judge a result; without `luck` what chance would have done is not asked."""
    found: list[Reason] = []
    for check in _SUMMARY_CHECKS:
        found += check(summary)
    if luck is not None:
        for check_luck in _LUCK_CHECKS:
            found += check_luck(luck)
    weights = list(Bearing)
    found.sort(key=lambda reason: weights.index(reason.bearing))
    level = _level(reason.bearing for reason in found)
    return Verdict(level, HEADLINES[level], tuple(found))


def _level(bearings: Iterable[Bearing]) -> Level:
    present = set(bearings)
    if Bearing.TOO_LITTLE in present:
        return Level.UNPROVEN
    if Bearing.DECISIVE in present:
        return Level.WEAK
    # What nothing speaks for is not promising for want of objections.
    return Level.MIXED if Bearing.AGAINST in present or Bearing.FOR not in present else Level.PROMISING


def _trade_count(summary: Summary) -> Iterator[Reason]:
    count = int(summary.metrics["trades_count"])
    if count == 0:
        yield Reason(
            "NO_TRADES",
            Bearing.TOO_LITTLE,
            "No trade was made: no entry came true after the warm-up, or each was refused.",
        )
    elif count < FEWEST_TRADES:
        noun = "trade" if count == 1 else "trades"
        yield Reason(
            "FEW_TRADES", Bearing.TOO_LITTLE, f"Only {count} {noun}: fewer than {FEWEST_TRADES} prove nothing."
        )


def _record_length(summary: Summary) -> Iterator[Reason]:
    days = len(summary.returns)
    if days < SHORTEST_DAYS:
        noun = "day" if days == 1 else "days"
        yield Reason(
            "SHORT_RECORD",
            Bearing.TOO_LITTLE,
            f"Only {days} {noun} were tested: at least {SHORTEST_DAYS} are needed, and half a year is better.",
        )
    elif days < SHORT_DAYS:
        yield Reason(
            "SHORT_RECORD", Bearing.AGAINST, f"Only {days} days were tested: that is one mood of the market, not all."
        )


def _result(summary: Summary) -> Iterator[Reason]:
    if not summary.metrics["trades_count"]:
        return
    total = summary.metrics["total_return_ratio"]
    if summary.metrics["final_equity_amount"] <= 0:
        yield Reason("RUINED", Bearing.DECISIVE, "It lost all the money there was.")
    elif total <= 0:
        yield Reason("LOST_MONEY", Bearing.DECISIVE, f"It lost {percent(-total)} after costs.")
    else:
        yield Reason("MADE_MONEY", Bearing.FOR, f"It made {percent(total)} after costs.")


def _buy_and_hold(summary: Summary) -> Iterator[Reason]:
    total, held = summary.metrics["total_return_ratio"], summary.metrics["benchmark_return_ratio"]
    fall, held_fall = summary.metrics["max_drawdown_ratio"], summary.metrics["benchmark_max_drawdown_ratio"]
    if held != held or not summary.metrics["trades_count"]:  # NaN: there is no benchmark
        return
    falls = f"{percent(held_fall)} against {percent(fall)}"
    if held >= total and held_fall <= fall:
        text = f"Buy-and-hold made no less ({percent(held)}) with no deeper drawdown ({falls})."
        yield Reason("WORSE_THAN_HOLDING", Bearing.DECISIVE, text)
    elif held > total:
        text = f"Buy-and-hold made more ({percent(held)}), though with a deeper drawdown ({falls})."
        yield Reason("LESS_THAN_HOLDING", Bearing.AGAINST, text)
    elif held_fall < fall:
        text = f"It made more than buy-and-hold ({percent(held)}), though with a deeper drawdown."
        yield Reason("DEEPER_THAN_HOLDING", Bearing.AGAINST, text)
    else:
        text = f"It made more than buy-and-hold ({percent(held)}) with no deeper drawdown."
        yield Reason("BETTER_THAN_HOLDING", Bearing.FOR, text)


def _one_trade(summary: Summary) -> Iterator[Reason]:
    share = summary.metrics["best_trade_share_ratio"]
    if share > 1:
        text = "Without its best trade it would have lost money."
        yield Reason("ONE_TRADE", Bearing.AGAINST, text)
    elif share >= ONE_TRADE_RATIO:
        yield Reason("ONE_TRADE", Bearing.AGAINST, f"One trade made {percent(share)} of the profit.")


def _fees(summary: Summary) -> Iterator[Reason]:
    share = summary.metrics["fees_of_gross_ratio"]
    if share > 1:
        yield Reason("FEES", Bearing.AGAINST, "Fees ate more than the whole gross profit.")
    elif share >= FEES_RATIO:
        yield Reason("FEES", Bearing.AGAINST, f"Fees ate {percent(share)} of the gross profit.")


def _chance(luck: Luck) -> Iterator[Reason]:
    sharpe = luck.sharpe
    if sharpe.deflated != sharpe.deflated:  # NaN: too few returns, or all alike
        return
    tries = f"After {sharpe.trials} tries on this data a" if sharpe.trials > 1 else "A"
    if sharpe.deflated < EVEN_PROBABILITY:
        text = f"{tries} Sharpe of this size is expected by luck (deflated Sharpe {sharpe.deflated:.2f})."
        yield Reason("LUCK", Bearing.DECISIVE, text)
    elif sharpe.deflated < SURE_PROBABILITY:
        text = f"{tries} Sharpe of this size may still be luck (deflated Sharpe {sharpe.deflated:.2f})."
        yield Reason("LUCK", Bearing.AGAINST, text)
    else:
        text = f"{tries} Sharpe of this size is hardly luck (deflated Sharpe {sharpe.deflated:.2f})."
        yield Reason("BEYOND_LUCK", Bearing.FOR, text)


def _needed_record(luck: Luck) -> Iterator[Reason]:
    needed = luck.sharpe.needed_days
    if luck.sharpe.days < needed < float("inf"):
        sure = percent(1 - ALPHA)
        text = f"At this Sharpe it takes {needed:,.0f} days to be {sure} sure; {luck.sharpe.days:,} were tested."
        yield Reason("RECORD_TOO_SHORT", Bearing.AGAINST, text)


def _redrawn(luck: Luck) -> Iterator[Reason]:
    losing, count = luck.days.loss_probability, len(luck.days.total_return_ratios)
    if losing > LOSS_PROBABILITY:
        text = f"When its days are drawn again, {percent(losing)} of {count:,} histories lose money."
        yield Reason("OFTEN_LOSES", Bearing.AGAINST, text)
    worst = float(luck.trades.max_drawdown_ratios[-1])
    if worst >= DEEP_FALL_RATIO:
        count = len(luck.trades.max_drawdown_ratios)
        text = f"The worst case of {count:,} shuffles of its trades lost {percent(worst)} on the way."
        yield Reason("DEEP_FALL", Bearing.AGAINST, text)


def _overfitting(luck: Luck) -> Iterator[Reason]:
    if luck.overfitting is None:
        return
    probability = luck.overfitting.probability
    if probability > OVERFIT_PROBABILITY:
        bearing = Bearing.DECISIVE
    elif probability > DOUBTFUL_PROBABILITY:
        bearing = Bearing.AGAINST
    else:
        text = f"The sweep's best stayed in the better half elsewhere in {percent(1 - probability)} of splits."
        yield Reason("NOT_OVERFIT", Bearing.FOR, text)
        return
    text = f"The sweep's best was among the worse half elsewhere in {percent(probability)} of splits: overfitting."
    yield Reason("OVERFIT", bearing, text)


_SUMMARY_CHECKS: tuple[Callable[[Summary], Iterator[Reason]], ...] = (
    _trade_count,
    _record_length,
    _result,
    _buy_and_hold,
    _one_trade,
    _fees,
)
_LUCK_CHECKS: tuple[Callable[[Luck], Iterator[Reason]], ...] = (_chance, _needed_record, _redrawn, _overfitting)


def percent(ratio: float) -> str:
    """Write a ratio as people do: 0.804 as "80 %", 0.0123 as "1.2 %"."""
    return f"{ratio * 100:,.{0 if abs(ratio) >= 0.1 else 1}f} %"
