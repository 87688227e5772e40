"""The fill model as a specification: candles and signals written by hand, and the trades they must give."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from engine.simulation.simulate import simulate
from engine.simulation.types import ExitReason, FillRule, InstrumentRules, Refusal, SlippageKind
from engine.strategy.types import LimitEntry, Trailing
from tests.engine.simulation.tables import Row, refusals_of, series_of, settings_of, trades_of

OUT, STOP, TRAIL = ExitReason.EXIT_SIGNAL, ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP_LOSS
ROI, TARGET, TIME = ExitReason.ROI, ExitReason.TAKE_PROFIT, ExitReason.TIME_STOP
LIQUIDATED, FORCED = ExitReason.LIQUIDATION, ExitReason.FORCE_EXIT
PESSIMISTIC = FillRule.PESSIMISTIC
NAN = float("nan")


class Table(NamedTuple):
    name: str
    candles: str
    trades: list[Row]
    settings: dict[str, Any]
    series: dict[str, Any] = {}


QUIET = "100 101 99 100\n"
IN = "100 101 99 100 L\n" + QUIET
SHORT_IN = "100 101 99 100 S\n" + QUIET
END = "100 101 99 100"

TABLES = [
    Table(
        "a signal is acted on at the next open",
        "100 101 99 100 L\n101 103 100 102\n102 104 101 103 l\n104 105 103 104\n" + END,
        [("long", 1, 3, 101, 104, OUT)],
        {},
    ),
    Table(
        "a short is the mirror image",
        "100 101 99 100 S\n101 103 100 102\n102 104 101 103 s\n98 105 97 104\n" + END,
        [("short", 1, 3, 101, 98, OUT)],
        {},
    ),
    Table(
        "an exit signal beside a fresh entry signal of the same side is not one",
        IN + "100 101 99 100 Ll\n" + QUIET + END,
        [("long", 1, 4, 100, 100, FORCED)],
        {},
    ),
    Table(
        "what is open at the end is closed at the last open",
        IN + "103 105 90 91",
        [("long", 1, 2, 100, 103, FORCED)],
        {},
    ),
    Table(
        "a stop fills at its level",
        IN + "100 100 94 96\n" + END,
        [("long", 1, 2, 100, 95, STOP)],
        {"exits": {"stop_loss": 0.05}},
    ),
    Table(
        "a stop that is just touched fills",
        IN + "100 100 95 96\n" + END,
        [("long", 1, 2, 100, 95, STOP)],
        {"exits": {"stop_loss": 0.05}},
    ),
    Table(
        "a stop fills at the open when the whole candle is beyond it",
        IN + "90 92 88 91\n" + END,
        [("long", 1, 2, 100, 90, STOP)],
        {"exits": {"stop_loss": 0.05}},
    ),
    Table(
        "a short's stop lies above",
        SHORT_IN + "100 106 99 100\n" + END,
        [("short", 1, 2, 100, 105, STOP)],
        {"exits": {"stop_loss": 0.05}},
    ),
    Table(
        "a stop is looked at on the entry candle",
        "100 101 99 100 L\n100 101 94 96\n" + END,
        [("long", 1, 1, 100, 95, STOP)],
        {"exits": {"stop_loss": 0.05}},
    ),
    Table(
        "leverage brings the stop nearer",
        IN + "100 100 98 99\n" + END,
        [("long", 1, 2, 100, 98, STOP)],
        {"exits": {"stop_loss": 0.05}, "leverage": 2.5},
    ),
    Table(
        "a stop comes before a target in the same candle",
        IN + "100 106 94 100\n" + END,
        [("long", 1, 2, 100, 95, STOP)],
        {"exits": {"stop_loss": 0.05, "take_profit": 0.05}},
    ),
    Table(
        "a target that is touched fills",
        IN + "100 105 99 100\n" + END,
        [("long", 1, 2, 100, 105, TARGET)],
        {"exits": {"take_profit": 0.05}},
    ),
    Table(
        "pessimists want the target to be passed",
        IN + "100 105 99 100\n" + END,
        [("long", 1, 3, 100, 100, FORCED)],
        {"exits": {"take_profit": 0.05}, "fill_rule": PESSIMISTIC},
    ),
    Table(
        "a target below the whole candle fills at the candle's low",
        IN + "110 112 108 109\n" + END,
        [("long", 1, 2, 100, 108, TARGET)],
        {"exits": {"take_profit": 0.05}},
    ),
    Table(
        "a ROI wants more than its profit",
        IN + "100 105 99 100\n100 105.5 99 100\n" + END,
        [("long", 1, 3, 100, 105, ROI)],
        {"exits": {"roi": ((0, 0.05),)}},
    ),
    Table(
        "a new ROI row that the open beats fills at the open",
        IN + "100 101 99 100\n103 104 99 100\n" + END,
        [("long", 1, 3, 100, 103, ROI)],
        {"exits": {"roi": ((0, 0.5), (120, 0.01))}},
    ),
    Table(
        "a ROI of -1 forces the trade out at the open",
        IN + QUIET + "97 98 96 97\n" + END,
        [("long", 1, 3, 100, 97, ROI)],
        {"exits": {"roi": ((0, 0.5), (120, -1.0))}},
    ),
    Table(
        "a ROI of -1 between candles fills at the worst price",
        IN + QUIET + "97 98 96 97\n" + END,
        [("long", 1, 3, 100, 96, ROI)],
        {"exits": {"roi": ((0, 0.5), (65, -1.0))}},
    ),
    Table(
        "an entry signal renews a trade against its ROI",
        IN.replace("100 101 99 100\n", "100 101 99 100 L\n") + "100 110 99 100\n" + "100 108 99 100\n" + END,
        [("long", 1, 3, 100, 105, ROI)],
        {"exits": {"roi": ((0, 0.05),), "ignore_roi_if_entry_signal": True}},
    ),
    Table(
        "a red entry candle gives no ROI to a better entry",
        "100 101 99 100 L\n100 110 97 99\n100 101 99 100\n" + END,
        [("long", 1, 2, 98, 99.96, ROI)],
        {"exits": {"roi": ((0, 0.02),)}, "entry": LimitEntry(0.02, 600)},
    ),
    Table(
        "the high lifts the stop before the low tests it",
        IN + "100 110 98 100\n" + END,
        [("long", 1, 2, 100, 99, TRAIL)],
        {"exits": {"stop_loss": 0.1, "trailing": Trailing()}},
    ),
    Table(
        "pessimists lift the stop after the candle",
        IN + "100 110 98 100\n100 101 98 100\n" + END,
        [("long", 1, 3, 100, 99, TRAIL)],
        {"exits": {"stop_loss": 0.1, "trailing": Trailing()}, "fill_rule": PESSIMISTIC},
    ),
    Table(
        "a trail may wait for its offset and then be tighter",
        IN + "100 104 91 100\n100 106 103.9 105\n105 105 102 103\n" + END,
        [("long", 1, 4, 100, 103.88, TRAIL)],
        {
            "exits": {
                "stop_loss": 0.1,
                "trailing": Trailing(positive_distance=0.02, offset=0.05, only_after_offset=True),
            }
        },
    ),
    Table(
        "a trail on the entry candle is believed least",
        "100 101 99 100 L\n100 110 96 100\n" + END,
        [("long", 1, 1, 100, 103, TRAIL)],
        {
            "exits": {
                "stop_loss": 0.1,
                "trailing": Trailing(positive_distance=0.02, offset=0.05, only_after_offset=True),
            }
        },
    ),
    Table(
        "a target comes before a moved stop",
        IN + "100 110 98 100\n" + END,
        [("long", 1, 2, 100, 106, TARGET)],
        {"exits": {"stop_loss": 0.1, "trailing": Trailing(), "take_profit": 0.06}},
    ),
    Table(
        "a time stop leaves at the open",
        IN + QUIET + "102 103 101 102\n" + END,
        [("long", 1, 3, 100, 102, TIME)],
        {"exits": {"time_stop_candles": 2}},
    ),
    Table(
        "an exit signal may wait for profit",
        IN + "99 101 98 100 l\n99 101 98 100 l\n" + "101 102 100 101\n" + END,
        [("long", 1, 4, 100, 101, OUT)],
        {"exits": {"exit_profit_only": True}},
    ),
    Table(
        "a margin that is lost is liquidated",
        IN + "100 101 89 95\n" + END,
        [("long", 1, 2, 100, 90, LIQUIDATED)],
        {"leverage": 10.0},
    ),
    Table(
        "a gap loses no more than the margin",
        IN + "80 82 79 81\n" + END,
        [("long", 1, 2, 100, 90, LIQUIDATED)],
        {"leverage": 10.0},
    ),
    Table(
        "maintenance brings liquidation nearer",
        SHORT_IN + "100 107 99 100\n" + END,
        [("short", 1, 2, 100, 104.761904762, LIQUIDATED)],
        {"leverage": 10.0},
        {"rules": InstrumentRules(maintenance_margin=0.05)},
    ),
    Table(
        "a nearer stop saves the margin",
        IN + "100 101 89 95\n" + END,
        [("long", 1, 2, 100, 95, STOP)],
        {"leverage": 10.0, "exits": {"stop_loss": 0.5}},
    ),
    Table(
        "a limit entry waits for its price",
        IN + "100 101 98 100\n" + QUIET + END,
        [("long", 1, 4, 98, 100, FORCED)],
        {"entry": LimitEntry(0.02, 600)},
    ),
    Table(
        "a limit above the candle is lowered to its high",
        IN + END,
        [("long", 1, 2, 101, 100, FORCED)],
        {"entry": LimitEntry(-0.05, 600)},
    ),
    Table(
        "an entry is asked again at another price",
        IN + "100 101 97 100\n" + QUIET + END,
        [("long", 1, 4, 97, 100, FORCED)],
        {},
        {"entry_price": np.full(5, 90.0), "adjusted_entry_price": np.full(5, 97.0)},
    ),
    Table(
        "an exit limit waits, and no stop is looked at meanwhile",
        IN + "100 101 99 100 l\n100 101 99 100\n100 103 90 100\n" + END,
        [("long", 1, 4, 100, 102, OUT)],
        {"exit_limit_offset": 0.02, "exits": {"stop_loss": 0.05}},
    ),
    Table(
        "an exit limit gives up after its time-out",
        IN + "100 101 99 100 l\n100 101 99 100\n100 101 99 100\n100 103 99 100\n" + END,
        [("long", 1, 6, 100, 100, FORCED)],
        {"exit_limit_offset": 0.02, "exit_timeout_minutes": 60},
    ),
    Table(
        "an exit signal waits for a candle with a price",
        IN + "100 101 99 100 l\n- - - -\n97 98 96 97\n" + END,
        [("long", 1, 4, 100, 97, OUT)],
        {},
    ),
    Table(
        "slippage in basis points",
        IN + "100 101 99 100 l\n110 111 109 110\n" + END,
        [("long", 1, 3, 100.1, 109.89, OUT)],
        {"slippage": SlippageKind.BPS, "slippage_value": 10.0},
    ),
    Table(
        "slippage as a share of the range stays inside the candle",
        "100 101 99 100 L\n100 100.5 99 100\n100 101 99 100 l\n110 114 109 110\n" + END,
        [("long", 1, 3, 100.5, 109, OUT)],
        {"slippage": SlippageKind.RANGE_SHARE, "slippage_value": 0.4},
    ),
    Table(
        "slippage grows with the root of the share of the volume",
        "100 101 99 100 40 L\n100 101 99 100 40\n100 101 99 100 40 l\n100 101 99 100 0\n" + END,
        [("long", 1, 3, 100.5, 99, OUT)],
        {"slippage": SlippageKind.VOLUME_SHARE, "slippage_value": 0.01},
    ),
    Table(
        "ticks round against the trader",
        IN + "100 101 99 100 l\n110 111 109 110\n" + END,
        [("long", 1, 3, 100.5, 109.5, OUT)],
        {"slippage": SlippageKind.BPS, "slippage_value": 10.0},
        {"rules": InstrumentRules(tick_size=0.5)},
    ),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name.replace(" ", "_"))
def test_table(table: Table) -> None:
    found = simulate([series_of(table.candles, **table.series)], settings_of(**table.settings))

    assert trades_of(found) == table.trades
    assert found.final_equity == pytest.approx(10_000.0 + float(found.trades["profit"].sum()), rel=1e-12)


REFUSED: list[tuple[str, list[tuple[int, Refusal]], dict[str, Any], dict[str, Any]]] = [
    ("100 101 99 100 LS\n" + END + "\n" + END, [(0, Refusal.OPPOSITE_SIGNALS)] * 2, {}, {}),
    ("100 101 99 100 Ll\n" + END + "\n" + END, [(0, Refusal.OPPOSITE_SIGNALS)], {}, {}),
    ("100 101 99 100 L\n100 101 99 100 L\n" + QUIET + END, [(1, Refusal.TRADE_OPEN)], {}, {}),
    (
        "100 101 99 100\n100 101 99 100 L\n100 101 99 100 S",
        [(1, Refusal.LAST_CANDLE), (2, Refusal.LAST_CANDLE)],
        {},
        {},
    ),
    (IN + END, [(0, Refusal.NOT_ENOUGH_CASH)], {"initial_cash": 999.0}, {}),
    (IN + END, [(0, Refusal.BELOW_MINIMUM_QUANTITY)], {}, {"rules": InstrumentRules(lot_step=20.0)}),
    (IN + END, [(0, Refusal.BELOW_MINIMUM_QUANTITY)], {}, {"rules": InstrumentRules(min_quantity=10.1)}),
    (IN + END, [(0, Refusal.BELOW_MINIMUM_NOTIONAL)], {}, {"rules": InstrumentRules(min_notional=1000.5)}),
    (IN + QUIET + QUIET + END, [(0, Refusal.LIMIT_NOT_REACHED)], {"entry": LimitEntry(0.05, 60)}, {}),
    (
        IN + QUIET + END,
        [(0, Refusal.LIMIT_NOT_REACHED)],
        {},
        {"entry_price": np.full(4, 90.0), "adjusted_entry_price": np.full(4, NAN)},
    ),
    ("100 101 99 100 L\n- 101 99 100\n" + QUIET + END, [(0, Refusal.NO_PRICE)], {}, {}),
    ("100 101 99 100 L\n100 99 101 100\n" + QUIET + END, [(0, Refusal.NO_PRICE)], {}, {}),
    (IN + END, [(0, Refusal.MAX_OPEN_TRADES)], {"max_open_trades": 0}, {}),
]


@pytest.mark.parametrize(("candles", "refused", "settings", "series"), REFUSED)
def test_an_entry_that_can_not_be_says_why(
    candles: str, refused: list[tuple[int, Refusal]], settings: dict[str, Any], series: dict[str, Any]
) -> None:
    found = simulate([series_of(candles, **series)], settings_of(**settings))

    assert refusals_of(found) == refused
    opened = 1 if Refusal.TRADE_OPEN in {reason for _, reason in refused} else 0
    assert len(found.trades) == opened
