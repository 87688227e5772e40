"""The reference simulator's exits: rules 7 to 12, and what the product adds."""

from __future__ import annotations

import math
from typing import Any

from engine.simulation.types import ExitReason, FillRule, Refusal, Settings
from tests.engine.simulation.reference_nouns import Candle, Instrument, Order, Trade, number, tick_rounded


class ExitRules:
    """Everything from an open trade to its booked exit. The loop and the entries are Reference's."""

    settings: Settings
    cash: float
    rows: list[dict[str, Any]]
    closed_ratios: list[float]

    def refuse(self, one: Instrument, bar: int, short: bool, reason: Refusal) -> None:
        raise NotImplementedError

    def contradicted(self, one: Instrument, bar: int, short: bool) -> bool:
        raise NotImplementedError

    def market(self, one: Instrument, candle: Candle, price: float, buying: bool, quantity: float) -> float:
        raise NotImplementedError

    def try_entry(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> None:
        raise NotImplementedError

    def drop_entry(self, one: Instrument, trade: Trade) -> None:
        raise NotImplementedError

    def leave(self, one: Instrument, bar: int) -> None:
        if one.candles[bar].has_price:
            self.walk(one, bar)
        if bar < one.last:
            return
        if one.trade is not None and one.trade.is_open:
            first = one.steps(bar)[0]
            self.close(one, one.trade, bar, first, Order(first.open, first.at, False, ExitReason.FORCE_EXIT))
        elif one.trade is not None:
            self.drop_entry(one, one.trade)
        for lost in range(one.last, len(one.candles)):
            for short, name in ((False, "enter_long"), (True, "enter_short")):
                if one.signal(name, lost):
                    against = self.contradicted(one, lost, short)
                    self.refuse(one, lost, short, Refusal.OPPOSITE_SIGNALS if against else Refusal.LAST_CANDLE)

    def walk(self, one: Instrument, bar: int) -> None:
        for place, candle in enumerate(one.steps(bar)):
            trade = one.trade
            if trade is not None and not trade.is_open and place > 0:
                self.try_entry(one, trade, bar, candle)
            if trade is not None and trade.is_open:
                self.look(one, trade, bar, candle, is_first=place == 0)
            if one.trade is None:
                return

    def look(self, one: Instrument, trade: Trade, bar: int, candle: Candle, *, is_first: bool) -> None:
        pessimistic = self.settings.fill_rule is FillRule.PESSIMISTIC
        if trade.exit_order is None and not pessimistic:
            self.trail(trade, candle)
        open_is_beyond = self.beyond(trade, candle.open, self.liquidation_level(one, trade))
        if trade.exit_order is None and is_first and not open_is_beyond:
            order = self.exit_at_open(one, trade, bar, candle)
            if order is not None and not order.is_limit:
                self.close(one, trade, bar, candle, order)
                return
            trade.exit_order = order
        liquidated = self.liquidate(one, trade, candle)
        if liquidated is not None:
            self.close(one, trade, bar, candle, liquidated)
            return
        if trade.exit_order is None:
            trade.exit_order = self.exit_inside(one, trade, bar, candle)
        order = trade.exit_order
        if order is None:
            if pessimistic:
                self.trail(trade, candle)
        elif self.exit_fills(trade, order, candle):
            self.close(one, trade, bar, candle, order)

    def ratio(self, trade: Trade, price: float, fee: float) -> float:
        paid = trade.open_price * (1 + trade.sign * trade.entry_fee)
        return trade.sign * (price * (1 - trade.sign * fee) / paid - 1) * self.settings.leverage

    def best(self, trade: Trade, candle: Candle) -> float:
        return candle.low if trade.short else candle.high

    def worst(self, trade: Trade, candle: Candle) -> float:
        return candle.high if trade.short else candle.low

    def beyond(self, trade: Trade, price: float, level: float) -> bool:
        """Is the price at the level or past it, on the losing side?"""
        return price >= level if trade.short else price <= level

    def trail(self, trade: Trade, candle: Candle) -> None:
        trailing, exits = self.settings.exits.trailing, self.settings.exits
        if trade.stop is not None and self.beyond(trade, self.worst(trade, candle), trade.stop):
            return
        best = self.best(trade, candle)
        if self.settings.custom_stop and exits.stop_loss is not None:
            self.lift(trade, best, number(exits.stop_loss))
        if trailing is None:
            return
        profit = round(self.ratio(trade, best, self.settings.taker_fee) * 1e8) / 1e8
        offset = number(trailing.offset)
        if trailing.only_after_offset and profit < offset:
            return
        distance = exits.stop_loss if trailing.distance is None else trailing.distance
        if trailing.positive_distance is not None and profit > offset:
            distance = trailing.positive_distance
        if distance is not None:
            self.lift(trade, best, number(distance))

    def lift(self, trade: Trade, best: float, distance: float) -> None:
        level = best * (1 - trade.sign * distance / self.settings.leverage)
        better = trade.stop is None or (level < trade.stop if trade.short else level > trade.stop)
        if better:
            trade.stop, trade.stop_distance = level, distance

    def exit_signal(self, one: Instrument, trade: Trade, bar: int) -> bool:
        leave, enter = ("exit_short", "enter_short") if trade.short else ("exit_long", "enter_long")
        wanted = self.settings.exits.use_exit_signal and one.signal(leave, bar - 1)
        return wanted and not one.signal(enter, bar - 1)

    def exit_at_open(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> Order | None:
        wanted = trade.exit_wish_waits or (bar > 0 and self.exit_signal(one, trade, bar))
        trade.exit_wish_waits = False
        order = self.signal_order(one, trade, bar, candle) if wanted else None
        if order is not None:
            return order
        candles = number(self.settings.exits.time_stop_candles or 0)
        if 0 < candles <= bar - trade.open_bar and bar > trade.fill_bar:
            return Order(candle.open, candle.at, False, ExitReason.TIME_STOP)
        return None

    def signal_order(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> Order | None:
        settings = self.settings
        limit: float | None = None
        if one.series.exit_price is not None:
            limit = float(one.series.exit_price[bar])
        elif settings.exit_limit_offset is not None:
            limit = candle.open * (1 + trade.sign * settings.exit_limit_offset)
        if limit is not None and math.isnan(limit):
            limit = None
        if settings.exits.exit_profit_only:
            fee = settings.taker_fee if limit is None else settings.maker_fee
            if not round(self.ratio(trade, candle.open, fee) * 1e8) > 0:
                return None
        if limit is None:
            return Order(candle.open, candle.at, False, ExitReason.EXIT_SIGNAL)
        limit = tick_rounded(limit, one.series.rules.tick_size, buying=trade.short)
        limit = min(limit, candle.high) if trade.short else max(limit, candle.low)
        return Order(limit, candle.at, True, ExitReason.EXIT_SIGNAL)

    def liquidation_level(self, one: Instrument, trade: Trade) -> float:
        margin, maintenance = 1 / self.settings.leverage, one.series.rules.maintenance_margin
        if trade.short:
            return trade.open_price * (1 + margin) / (1 + maintenance)
        return trade.open_price * (1 - margin) / (1 - maintenance)

    def liquidate(self, one: Instrument, trade: Trade, candle: Candle) -> Order | None:
        level = self.liquidation_level(one, trade)
        if not self.beyond(trade, self.worst(trade, candle), level):
            return None
        stop_is_nearer = trade.stop is not None and not (trade.stop > level if trade.short else trade.stop < level)
        if stop_is_nearer and not self.beyond(trade, candle.open, level):
            return None
        margin_gone = trade.open_price * (1 - trade.sign / self.settings.leverage)
        filled = max(level, candle.open) if trade.short else min(level, candle.open)
        price = min(filled, margin_gone) if trade.short else max(filled, margin_gone)
        return Order(price, candle.at, False, ExitReason.LIQUIDATION)

    def exit_inside(self, one: Instrument, trade: Trade, bar: int, candle: Candle) -> Order | None:
        pessimistic = self.settings.fill_rule is FillRule.PESSIMISTIC
        stopped = self.stop_order(trade, candle)
        if stopped is not None and (pessimistic or stopped.reason is ExitReason.STOP_LOSS):
            return stopped
        if not (pessimistic and trade.entry.is_limit and trade.filled_at == candle.at):
            renewed = bar > 0 and one.signal("enter_short" if trade.short else "enter_long", bar - 1)
            order = None
            if not (self.settings.exits.ignore_roi_if_entry_signal and renewed):
                order = self.roi_order(one, trade, candle)
            order = order or self.target_order(one, trade, candle)
            if order is not None:
                return order
        return stopped

    def stop_order(self, trade: Trade, candle: Candle) -> Order | None:
        if trade.stop is None or not self.beyond(trade, self.worst(trade, candle), trade.stop):
            return None
        moved = trade.stop != trade.initial_stop
        reason = ExitReason.TRAILING_STOP_LOSS if moved else ExitReason.STOP_LOSS
        whole = candle.low > trade.stop if trade.short else candle.high < trade.stop
        price = trade.stop
        if whole:
            price = candle.open
        elif moved and candle.at == trade.opened_at:
            price = self.pessimistic_trail(trade, candle)
        return Order(price, candle.at, False, reason)

    def pessimistic_trail(self, trade: Trade, candle: Candle) -> float:
        trailing, leverage, sign = self.settings.exits.trailing, self.settings.leverage, trade.sign
        price = candle.open * (1 - sign * trade.stop_distance / leverage)
        armed = trailing is not None and trailing.only_after_offset and not self.settings.custom_stop
        if armed and trailing is not None and trailing.positive_distance is not None:
            offset, positive = number(trailing.offset), number(trailing.positive_distance)
            price = candle.open * (1 + sign * offset - sign * positive / leverage)
        return min(price, candle.high) if trade.short else max(price, candle.low)

    def target_price(self, trade: Trade, ratio: float) -> float:
        paid = trade.open_price * (1 + trade.sign * trade.entry_fee)
        gain = trade.sign * trade.open_price * ratio / self.settings.leverage
        return (paid + gain) / (1 - trade.sign * self.settings.maker_fee)

    def doubtful_on_entry(self, trade: Trade, candle: Candle, target: float) -> bool:
        if candle.at != trade.opened_at:
            return False
        if trade.short:
            return candle.open < candle.close and trade.open_price > candle.open and target < candle.close
        return candle.open > candle.close and trade.open_price < candle.open and target > candle.close

    def into_range(self, one: Instrument, trade: Trade, candle: Candle, price: float) -> float:
        price = tick_rounded(price, one.series.rules.tick_size, buying=trade.short)
        return min(max(price, candle.low), candle.high)

    def roi_order(self, one: Instrument, trade: Trade, candle: Candle) -> Order | None:
        minutes = (candle.at - trade.opened_at) // 60_000
        rows = [row for row in sorted(self.settings.exits.roi) if row[0] <= minutes]
        if not rows:
            return None
        key, wanted = rows[-1]
        profit = round(self.ratio(trade, self.best(trade, candle), self.settings.maker_fee) * 1e8) / 1e8
        if not profit > wanted:
            return None
        on_candle = key % candle.minutes_long == 0
        if wanted == -1 and on_candle:
            return Order(candle.open, candle.at, False, ExitReason.ROI)
        price = self.target_price(trade, wanted)
        better_open = candle.open < price if trade.short else candle.open > price
        if minutes == key and key > 0 and on_candle and better_open:
            return Order(candle.open, candle.at, True, ExitReason.ROI)
        if self.doubtful_on_entry(trade, candle, price):
            return None
        return Order(self.into_range(one, trade, candle, price), candle.at, wanted != -1, ExitReason.ROI)

    def target_order(self, one: Instrument, trade: Trade, candle: Candle) -> Order | None:
        ratio = self.settings.exits.take_profit
        if ratio is None:
            return None
        price = self.target_price(trade, number(ratio))
        best = self.best(trade, candle)
        reached = best <= price if trade.short else best >= price
        if self.settings.fill_rule is FillRule.PESSIMISTIC:
            reached = reached and best != price
        if not reached or self.doubtful_on_entry(trade, candle, price):
            return None
        return Order(self.into_range(one, trade, candle, price), candle.at, True, ExitReason.TAKE_PROFIT)

    def exit_fills(self, trade: Trade, order: Order, candle: Candle) -> bool:
        price = order.price
        if not candle.low <= price <= candle.high:
            return False
        waits = order.is_limit and order.reason is ExitReason.EXIT_SIGNAL
        if self.settings.fill_rule is FillRule.PESSIMISTIC and waits:
            if trade.short:
                return price >= candle.open or price > candle.low
            return price <= candle.open or price < candle.high
        return True

    def close(self, one: Instrument, trade: Trade, bar: int, candle: Candle, order: Order) -> None:
        settings, quantity, price = self.settings, trade.quantity, order.price
        fee = settings.maker_fee if order.is_limit else settings.taker_fee
        if not order.is_limit and order.reason is not ExitReason.LIQUIDATION:
            price = self.market(one, candle, price, trade.short, quantity)
        paid = quantity * trade.open_price * (1 + trade.sign * trade.entry_fee)
        got = quantity * price * (1 - trade.sign * fee)
        exit_fee = quantity * price * fee
        ratio = trade.sign * (got / paid - 1) * settings.leverage - trade.funding / paid * settings.leverage
        self.cash += trade.stake + trade.sign * (quantity * (price - trade.open_price)) - exit_fee
        self.closed_ratios.append(ratio)
        held = one.candles[trade.fill_bar : bar]
        high = max([trade.open_price, price, *(c.high for c in held if not math.isnan(c.high))])
        low = min([trade.open_price, price, *(c.low for c in held if not math.isnan(c.low))])
        best, worst = (low, high) if trade.short else (high, low)
        assert order.reason is not None
        self.rows[trade.row].update(
            instrument=one.place,
            is_short=trade.short,
            open_bar=trade.open_bar,
            close_bar=bar,
            closed_at=one.candles[bar].at,
            open_price=trade.open_price,
            close_price=price,
            quantity=quantity,
            stake=trade.stake,
            fees=trade.fees + exit_fee,
            funding=trade.funding,
            profit=trade.sign * (got - paid) - trade.funding,
            profit_ratio=ratio,
            initial_stop=math.nan if trade.initial_stop is None else trade.initial_stop,
            stop_at_exit=math.nan if trade.stop is None else trade.stop,
            best_ratio=self.ratio(trade, best, settings.taker_fee),
            worst_ratio=self.ratio(trade, worst, settings.taker_fee),
            exit_reason=int(order.reason),
        )
        one.trade = None
