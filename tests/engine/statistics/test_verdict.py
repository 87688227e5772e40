"""Each fault of a result is named in words and moves the level; nothing is promised."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from engine.statistics.assessment import Luck, assess_luck
from engine.statistics.luck import Overfitting
from engine.statistics.summary import Summary, summarise
from engine.statistics.verdict import HEADLINES, Bearing, Level, Verdict, percent, verdict
from tests.engine.statistics.samples import simulated_of

GOOD = {
    "trades_count": 200.0,
    "total_return_ratio": 0.4,
    "final_equity_amount": 1400.0,
    "max_drawdown_ratio": 0.1,
    "benchmark_return_ratio": 0.2,
    "benchmark_max_drawdown_ratio": 0.3,
    "best_trade_share_ratio": 0.1,
    "fees_of_gross_ratio": 0.1,
}


def summary_of(days: int = 365, changed: Mapping[str, float] = MappingProxyType({})) -> Summary:
    """Return a summary that nothing speaks against, but for what is changed."""
    plain = summarise(simulated_of([1000.0] * (days + 1)))
    return dataclasses.replace(plain, metrics={**plain.metrics, **GOOD, **changed})


def luck_of(days: int = 365, *, deflated: float = 0.99, trials: int = 1) -> Luck:
    """Return luck that has nothing to say, but for what is changed."""
    returns = np.random.default_rng(1).normal(0.005, 0.01, days)
    simulated = simulated_of((1000.0 * np.cumprod(np.concatenate(([1.0], 1 + returns)))).tolist())
    found = assess_luck(summarise(simulated), simulated.trades, np.random.default_rng(1), trials=trials, paths=40)
    return dataclasses.replace(found, sharpe=dataclasses.replace(found.sharpe, deflated=deflated))


def texts(judged: Verdict) -> dict[str, str]:
    return {reason.code: reason.text for reason in judged.reasons}


def test_what_passes_every_check_is_promising_and_nothing_is_promised() -> None:
    judged = verdict(summary_of(), luck_of())
    assert judged.level is Level.PROMISING
    assert judged.headline == HEADLINES[Level.PROMISING]
    assert "no promise" in judged.headline
    assert texts(judged) == {
        "MADE_MONEY": "It made 40 % after costs.",
        "BETTER_THAN_HOLDING": "It made more than buy-and-hold (20 %) with no deeper drawdown.",
        "BEYOND_LUCK": "A Sharpe of this size is hardly luck (deflated Sharpe 0.99).",
    }


@pytest.mark.parametrize(
    ("changed", "level", "code", "text"),
    [
        ({"trades_count": 14.0}, Level.UNPROVEN, "FEW_TRADES", "Only 14 trades: fewer than 30 prove nothing."),
        ({"trades_count": 1.0}, Level.UNPROVEN, "FEW_TRADES", "Only 1 trade: fewer than 30 prove nothing."),
        (
            {"trades_count": 0.0},
            Level.UNPROVEN,
            "NO_TRADES",
            "No trade was made: no entry came true after the warm-up, or each was refused.",
        ),
        ({"total_return_ratio": -0.123}, Level.WEAK, "LOST_MONEY", "It lost 12 % after costs."),
        (
            {"total_return_ratio": -1.0, "final_equity_amount": 0.0},
            Level.WEAK,
            "RUINED",
            "It lost all the money there was.",
        ),
        (
            {"benchmark_return_ratio": 0.5, "benchmark_max_drawdown_ratio": 0.05},
            Level.WEAK,
            "WORSE_THAN_HOLDING",
            "Buy-and-hold made no less (50 %) with no deeper drawdown (5.0 % against 10 %).",
        ),
        (
            {"benchmark_return_ratio": 0.5},
            Level.MIXED,
            "LESS_THAN_HOLDING",
            "Buy-and-hold made more (50 %), though with a deeper drawdown (30 % against 10 %).",
        ),
        (
            {"benchmark_max_drawdown_ratio": 0.05},
            Level.MIXED,
            "DEEPER_THAN_HOLDING",
            "It made more than buy-and-hold (20 %), though with a deeper drawdown.",
        ),
        ({"best_trade_share_ratio": 0.8}, Level.MIXED, "ONE_TRADE", "One trade made 80 % of the profit."),
        (
            {"best_trade_share_ratio": 1.2},
            Level.MIXED,
            "ONE_TRADE",
            "Without its best trade it would have lost money.",
        ),
        ({"fees_of_gross_ratio": 0.6}, Level.MIXED, "FEES", "Fees ate 60 % of the gross profit."),
        ({"fees_of_gross_ratio": 3.0}, Level.MIXED, "FEES", "Fees ate more than the whole gross profit."),
    ],
)
def test_each_fault_is_named_and_moves_the_level(changed: dict[str, float], level: Level, code: str, text: str) -> None:
    judged = verdict(summary_of(changed=changed), luck_of())
    assert judged.level is level
    assert texts(judged)[code] == text
    assert judged.reasons[0].code == code


@pytest.mark.parametrize(
    ("days", "level"), [(1, Level.UNPROVEN), (29, Level.UNPROVEN), (30, Level.MIXED), (180, Level.PROMISING)]
)
def test_a_short_record_is_one_mood_of_the_market(days: int, level: Level) -> None:
    assert verdict(summary_of(days)).level is level


@pytest.mark.parametrize(
    ("deflated", "level", "text"),
    [
        (
            0.41,
            Level.WEAK,
            "After 40 tries on this data a Sharpe of this size is expected by luck (deflated Sharpe 0.41).",
        ),
        (
            0.5,
            Level.MIXED,
            "After 40 tries on this data a Sharpe of this size may still be luck (deflated Sharpe 0.50).",
        ),
        (
            0.95,
            Level.PROMISING,
            "After 40 tries on this data a Sharpe of this size is hardly luck (deflated Sharpe 0.95).",
        ),
    ],
)
def test_luck_is_judged_by_the_number_of_tries(deflated: float, level: Level, text: str) -> None:
    judged = verdict(summary_of(), luck_of(deflated=deflated, trials=40))
    assert judged.level is level
    assert text in texts(judged).values()


def test_redrawn_histories_speak_against_what_mostly_lost_or_fell_deep() -> None:
    luck = luck_of()
    days = dataclasses.replace(luck.days, total_return_ratios=np.array([-0.1, -0.1, 0.1, 0.1]))
    trades = dataclasses.replace(luck.trades, max_drawdown_ratios=np.linspace(0, 0.45, 1000))
    judged = verdict(summary_of(), dataclasses.replace(luck, days=days, trades=trades))
    assert judged.level is Level.MIXED
    assert texts(judged)["OFTEN_LOSES"] == "When its days are drawn again, 50 % of 4 histories lose money."
    assert texts(judged)["DEEP_FALL"] == "The worst case of 1,000 shuffles of its trades lost 45 % on the way."


def test_a_record_shorter_than_its_sharpe_needs_is_said() -> None:
    luck = luck_of()
    short = dataclasses.replace(luck.sharpe, needed_days=1234.5, days=365)
    judged = verdict(summary_of(), dataclasses.replace(luck, sharpe=short))
    assert texts(judged)["RECORD_TOO_SHORT"] == "At this Sharpe it takes 1,234 days to be 95 % sure; 365 were tested."


@pytest.mark.parametrize(
    ("probability", "level", "code"),
    [(0.51, Level.WEAK, "OVERFIT"), (0.3, Level.MIXED, "OVERFIT"), (0.2, Level.PROMISING, "NOT_OVERFIT")],
)
def test_a_sweep_tells_whether_its_best_was_chosen_blindly(probability: float, level: Level, code: str) -> None:
    swept = Overfitting(probability, np.zeros(1), 0.0, 1.0, 0.0)
    judged = verdict(summary_of(), dataclasses.replace(luck_of(), overfitting=swept))
    assert judged.level is level
    assert code in texts(judged)


def test_without_a_benchmark_or_luck_nothing_is_said_about_them() -> None:
    judged = verdict(summary_of(changed={"benchmark_return_ratio": math.nan, "benchmark_max_drawdown_ratio": math.nan}))
    assert set(texts(judged)) == {"MADE_MONEY"}


def test_what_weighs_most_stands_first() -> None:
    judged = verdict(
        summary_of(changed={"trades_count": 3.0, "total_return_ratio": -0.2, "fees_of_gross_ratio": 0.9}), luck_of()
    )
    weights = [list(Bearing).index(reason.bearing) for reason in judged.reasons]
    assert weights == sorted(weights)
    assert judged.level is Level.UNPROVEN


@pytest.mark.parametrize(("ratio", "text"), [(0.804, "80 %"), (0.0123, "1.2 %"), (12.5, "1,250 %"), (0.0, "0.0 %")])
def test_per_cents_have_the_digits_that_matter(ratio: float, text: str) -> None:
    assert percent(ratio) == text
