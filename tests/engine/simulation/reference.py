"""The rules of the fill model `candle` once more: slow, obvious, candle by candle, and with no line shared with the kernels.

Every moment of every instrument is visited. Arithmetic is written in the order the kernels use, so results can be
compared to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.simulation.types import FillRule, Refusal, Series, Settings, SlippageKind
from engine.strategy.types import SizingKind
from engine.timeframes import timeframe_ms
from tests.engine.simulation.reference_exits import ExitRules
from tests.engine.simulation.reference_nouns import Candle, Instrument, Order, Trade, number, tick_rounded

DAY = 86_400_000


@dataclass
class Result:
    """What the kernels' Simulated is compared with: plain rows."""

    trades: list[dict[str, Any]]
    refusals: list[tuple[int, int, bool, int]]
    equity_at: list[int]
    equity: list[float]
    final_equity: float
    exposure: float


class Reference(ExitRules):
    """The simulation as one loop over all moments."""

    def __init__(self, series: Sequence[Series], settings: Settings) -> None:
        self.settings = settings
        self.instruments = [Instrument(place, one, settings) for place, one in enumerate(series)]
        self.cash = settings.initial_cash
        self.rows: list[dict[str, Any]] = []
        self.closed_ratios: list[float] = []
        self.refusals: list[tuple[int, int, bool, int]] = []

    # the loop

    def run(self) -> Result:
        step = timeframe_ms(self.settings.timeframe)
        filled = [one for one in self.instruments if one.candles]
        moments = sorted({candle.at for one in filled for candle in one.candles})
        start = min(one.candles[min(self.settings.first_candle, len(one.candles) - 1)].at for one in filled)
        end = moments[-1] + step
        marks = [start]
        while marks[-1] < end:
            marks.append((marks[-1] // DAY + 1) * DAY)
        equity: list[float] = []
        for at in moments:
            while len(equity) < len(marks) and marks[len(equity)] <= at:
                equity.append(self.equity(marks[len(equity)]))
            here = [
                (one, one.bar_at[at]) for one in self.instruments if at in one.bar_at and one.bar_at[at] <= one.last
            ]
            for one, bar in here:
                self.enter(one, bar)
            for one, bar in here:
                self.leave(one, bar)
        while len(equity) < len(marks):
            equity.append(self.equity(marks[len(equity)]))
        slots = range(start, end, step)
        busy = [at for at in slots if any(row["opened_at"] <= at <= row["closed_at"] for row in self.rows)]
        rows = sorted(self.rows, key=lambda row: row["opened_at"])
        return Result(rows, self.refusals, marks, equity, self.cash, len(busy) * step / (end - start))

    def equity(self, at: int) -> float:
        total = self.cash
        for one in self.instruments:
            trade = one.trade
            if trade is None or not trade.is_open:
                continue
            total += trade.stake
            earlier = [c for c in one.candles[trade.fill_bar :] if c.at < at and c.has_price]
            if earlier:
                total += trade.sign * (trade.quantity * (earlier[-1].close - trade.open_price))
        return total

    def refuse(self, one: Instrument, bar: int, short: bool, reason: Refusal) -> None:
        self.refusals.append((one.place, bar, short, int(reason)))

    # entries

    def enter(self, one: Instrument, bar: int) -> None:
        candle = one.candles[bar]
        first = one.steps(bar)[0]
        trade = one.trade
        if candle.has_price and trade is not None:
            if trade.is_open:
                self.pay_funding(one, trade, first)
                self.time_out_exit(trade, first)
            else:
                self.review(one, trade, bar, first)
        elif trade is not None and trade.is_open and bar > 0 and self.exit_signal(one, trade, bar):
            trade.exit_wish_waits = True
        if bar > 0:
            for short, name in ((False, "enter_long"), (True, "enter_short")):
                if one.signal(name, bar - 1):
                    reason = self.place_entry(one, bar, first, short)
                    if reason is not None:
                        self.refuse(one, bar - 1, short, reason)
        if candle.has_price and one.trade is not None and not one.trade.is_open:
            self.try_entry(one, one.trade, bar, first)

    def time_out_exit(self, trade: Trade, candle: Candle) -> None:
        minutes = self.settings.exit_timeout_minutes
        if minutes is not None and trade.exit_order and trade.exit_order.at < candle.at - minutes * 60_000:
            trade.exit_order = None

    def pay_funding(self, one: Instrument, trade: Trade, candle: Candle) -> None:
        if one.series.funding_at is None or one.series.funding_rate is None:
            return
        due_from = max(trade.filled_at, trade.funded_until)
        for at, rate in zip(one.series.funding_at.tolist(), one.series.funding_rate.tolist(), strict=True):
            if due_from < at <= candle.at:
                paid = trade.sign * (trade.quantity * candle.open * rate)
                trade.funding += paid
                self.cash -= paid
        trade.funded_until = candle.at

    def contradicted(self, one: Instrument, bar: int, short: bool) -> bool:
        others = ("enter_long", "exit_short") if short else ("enter_short", "exit_long")
        return any(one.signal(name, bar) for name in others)

    def place_entry(self, one: Instrument, bar: int, candle: Candle, short: bool) -> Refusal | None:
        if self.contradicted(one, bar - 1, short):
            return Refusal.OPPOSITE_SIGNALS
        if one.trade is not None:
            return Refusal.TRADE_OPEN
        if bar >= one.last:
            return Refusal.LAST_CANDLE
        if not one.candles[bar].has_price:
            return Refusal.NO_PRICE
        if sum(other.trade is not None for other in self.instruments) >= self.settings.max_open_trades:
            return Refusal.MAX_OPEN_TRADES
        return self.order_in(one, bar, candle, short)

    def limit_price(self, one: Instrument, bar: int, candle: Candle, short: bool) -> float | None:
        sign = -1 if short else 1
        limit = math.nan
        if one.series.entry_price is not None:
            limit = float(one.series.entry_price[bar])
        elif self.settings.entry is not None:
            limit = candle.open * (1 - sign * number(self.settings.entry.offset))
        if math.isnan(limit):
            return None
        limit = tick_rounded(limit, one.series.rules.tick_size, buying=not short)
        return max(limit, candle.low) if short else min(limit, candle.high)

    def order_in(self, one: Instrument, bar: int, candle: Candle, short: bool) -> Refusal | None:
        settings = self.settings
        limit = self.limit_price(one, bar, candle, short)
        price = candle.open if limit is None else limit
        fee = settings.taker_fee if limit is None else settings.maker_fee
        stake = self.stake(one, bar, price)
        if not stake > 0:
            return Refusal.NO_STAKE
        most = self.free_cash() / (1 + settings.leverage * fee)
        if most <= 0 or (settings.sizing.kind is SizingKind.FIXED and stake > most):
            return Refusal.NOT_ENOUGH_CASH
        stake = min(stake, most)
        if limit is None:
            price = self.market(one, candle, price, not short, stake / price * settings.leverage)
        trade = Trade(short, bar - 1, bar, candle.at, stake, fee, Order(price, candle.at, limit is not None))
        reason = self.measure(one, trade)
        if reason is None:
            one.trade = trade
        return reason

    def free_cash(self) -> float:
        reserved = 0.0
        for other in self.instruments:
            if other.trade is not None and not other.trade.is_open:
                reserved += other.trade.stake * (1 + self.settings.leverage * other.trade.entry_fee)
        return self.cash - reserved

    def measure(self, one: Instrument, trade: Trade) -> Refusal | None:
        rules, price, leverage = one.series.rules, trade.entry.price, self.settings.leverage
        quantity = trade.budget / price * leverage
        trade.quantity, trade.stake = quantity, trade.budget
        if rules.lot_step:
            lots = quantity / rules.lot_step
            if abs(lots - round(lots)) > 1e-9 * lots:
                trade.quantity = math.floor(lots) * rules.lot_step
                trade.stake = trade.quantity * price / leverage
        if trade.quantity <= 0 or trade.quantity < rules.min_quantity:
            return Refusal.BELOW_MINIMUM_QUANTITY
        if trade.quantity * price < rules.min_notional:
            return Refusal.BELOW_MINIMUM_NOTIONAL
        return None

    def stake(self, one: Instrument, bar: int, price: float) -> float:
        sizing = self.settings.sizing
        if sizing.kind is SizingKind.FIXED:
            return number(sizing.amount)
        equity = self.equity(one.candles[bar].at)
        share = number(sizing.share)
        if sizing.kind is SizingKind.SHARE_OF_EQUITY:
            return share * equity
        if sizing.kind is SizingKind.KELLY:
            return self.kelly(share, number(sizing.cap)) * equity
        assert one.series.atr is not None
        distance = number(sizing.atr_multiple) * float(one.series.atr[bar - 1])
        return share * equity / distance * price / self.settings.leverage if distance > 0 else 0.0

    def kelly(self, share: float, cap: float) -> float:
        wins = [ratio for ratio in self.closed_ratios if ratio > 0]
        losses = [-ratio for ratio in self.closed_ratios if not ratio > 0]
        if len(self.closed_ratios) < 20:
            return share
        if not wins:
            return 0.0
        if not losses or plain_sum(losses) == 0:
            return cap
        win_rate = len(wins) / len(self.closed_ratios)
        payoff = (plain_sum(wins) / len(wins)) / (plain_sum(losses) / len(losses))
        return min(max(win_rate - (1 - win_rate) / payoff, 0.0), cap)

    def market(self, one: Instrument, candle: Candle, price: float, buying: bool, quantity: float) -> float:
        sign, value = 1 if buying else -1, self.settings.slippage_value
        kind = self.settings.slippage
        if kind is SlippageKind.BPS:
            price = price * (1 + sign * value / 10_000)
        if kind is SlippageKind.RANGE_SHARE:
            price = price + sign * value * (candle.high - candle.low)
            price = min(price, candle.high) if buying else max(price, candle.low)
        if kind is SlippageKind.VOLUME_SHARE:
            share = min(1.0, quantity / candle.volume) if candle.volume > 0 else 1.0
            price = price * (1 + sign * value * math.sqrt(share))
        return tick_rounded(price, one.series.rules.tick_size, buying)

    def drop_entry(self, one: Instrument, trade: Trade) -> None:
        one.trade = None
        self.refuse(one, trade.signal_bar, trade.short, Refusal.LIMIT_NOT_REACHED)

    def review(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> None:
        entry = self.settings.entry
        if entry is not None and trade.entry.at < candle.at - number(entry.timeout_minutes) * 60_000:
            self.drop_entry(one, trade)
        elif one.series.adjusted_entry_price is not None:
            price = float(one.series.adjusted_entry_price[bar])
            if math.isnan(price):
                self.drop_entry(one, trade)
                return
            price = tick_rounded(price, one.series.rules.tick_size, buying=not trade.short)
            if price != trade.entry.price:
                trade.entry = Order(price, candle.at, is_limit=True)
                if self.measure(one, trade) is not None:
                    self.drop_entry(one, trade)

    def try_entry(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> None:
        price = trade.entry.price
        if trade.entry.is_limit:
            if not candle.low <= price <= candle.high:
                return
            if self.settings.fill_rule is FillRule.PESSIMISTIC:
                at_once = price <= candle.open if trade.short else price >= candle.open
                through = candle.high > price if trade.short else candle.low < price
                if not at_once and not through:
                    return
        trade.open_price, trade.fill_bar, trade.filled_at = price, bar, candle.at
        trade.fees = trade.quantity * price * trade.entry_fee
        self.cash -= trade.stake + trade.fees
        stop_loss = self.settings.exits.stop_loss
        if stop_loss is not None:
            trade.stop_distance = number(stop_loss)
            trade.stop = price * (1 - trade.sign * trade.stop_distance / self.settings.leverage)
        trade.initial_stop = trade.stop
        trade.row = len(self.rows)
        self.rows.append({"opened_at": one.candles[trade.open_bar].at, "closed_at": 0})


def plain_sum(values: list[float]) -> float:
    """Add from left to right, as a running total does (the built-in sum compensates on newer Pythons)."""
    total = 0.0
    for value in values:
        total += value
    return total
