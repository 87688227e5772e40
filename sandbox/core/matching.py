"""Matching: takers meet what rests, stops wait for the last price, one leg of a list ends the other, the house makes a market."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

from engine.decimals import ZERO
from sandbox.core.book import Level, OrderBook, crosses
from sandbox.core.clock import VenueClock
from sandbox.core.errors import Refusal
from sandbox.core.events import AccountChange, AccountEvent, Listener, OrderChange, OrderEvent
from sandbox.core.instruments import Instrument
from sandbox.core.orders import Fill, Order, OrderType, Side, Status, TimeInForce, Trade
from sandbox.core.settlement import Settlement

# The market maker and the crowd: trades without an account, and nobody hears of its orders.
HOUSE = "house"
TRADES_KEPT = 1000


class Matcher:
    """Books, armed stops and lists of all markets. `finish` must follow whatever may have traded."""

    def __init__(self, instruments: dict[str, Instrument], settlement: Settlement, clock: VenueClock) -> None:
        self.books = {symbol: OrderBook() for symbol in instruments}
        self.last = dict.fromkeys(instruments, ZERO)
        self.trades: dict[str, deque[Trade]] = {symbol: deque(maxlen=TRADES_KEPT) for symbol in instruments}
        self.listeners: list[Listener] = []
        self._instruments = instruments
        self._settlement = settlement
        self._clock = clock
        self._armed: dict[str, dict[int, Order]] = {symbol: {} for symbol in instruments}
        self._lists: dict[int, Sequence[Order]] = {}
        self._house: dict[str, dict[tuple[Side, Decimal], Order]] = {symbol: {} for symbol in instruments}
        self._touched: dict[str, tuple[set[str], set[str]]] = {}
        self._house_ids = 0
        self._trade_ids = dict.fromkeys(instruments, 0)

    # Orders of accounts.

    def start(self, order: Order) -> None:
        """Announce an order, then arm it or let it meet the book."""
        self._tell(order, OrderChange.NEW)
        self._touch(order)
        if order.working:
            self._meet(order)
        else:
            self._armed[order.symbol][order.id] = order

    def end(self, order: Order, status: Status, change: OrderChange) -> None:
        """Take an order out of the book or the armed ones for good."""
        if order.working and order.price is not None:
            self.books[order.symbol].remove(order)
        self._armed[order.symbol].pop(order.id, None)
        order.status = status
        order.updated_ms = self._clock.market_ms()
        self._settlement.release(order)
        self._touch(order)
        self._tell(order, change)

    def link(self, legs: Sequence[Order]) -> None:
        """Let the first fill or trigger of one leg end the others."""
        self._lists[legs[0].list_id] = legs

    def others(self, order: Order) -> list[Order]:
        """Return the open legs of an order's list beside itself."""
        return [leg for leg in self._lists.get(order.list_id, ()) if leg is not order and leg.status.is_open]

    @staticmethod
    def is_triggered(order: Order, price: Decimal) -> bool:
        """Tell whether a stop goes off at this last price: a stop loss against its side's wish, a take profit with it."""
        assert order.trigger_price is not None, "conditional orders have a trigger price"
        stop = order.type in (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
        upward = (order.side is Side.BUY) is stop
        return price >= order.trigger_price if upward else price <= order.trigger_price

    def recall(self, orders: Iterable[Order]) -> None:
        """Let open orders rest or wait where they did. Trades are numbered from the present millisecond on: above all before."""
        for symbol in self.books:
            self.quote(symbol, (), ())
            self._trade_ids[symbol] = self._clock.market_ms()
        for order in orders:
            if order.list_id > 0:
                self._lists[order.list_id] = [*self._lists.get(order.list_id, ()), order]
            if order.status.is_open and order.working:
                self.books[order.symbol].add(order)
            elif order.status.is_open:
                self._armed[order.symbol][order.id] = order

    def finish(self) -> None:
        """Let stops go off that the last prices reached, then tell accounts what moved."""
        while due := self._due():
            for order in due:
                if order.status.is_open:
                    self._trigger(order)
        touched, self._touched = self._touched, {}
        at_ms = self._clock.market_ms()
        for account, (assets, symbols) in touched.items():
            event = AccountEvent(account, frozenset(assets), frozenset(symbols), AccountChange.ORDER, at_ms)
            for listener in self.listeners:
                listener.on_account(event)

    # The house.

    def quote(self, symbol: str, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace the house's quotes by these (price, quantity); what crosses accounts' orders trades with them first."""
        wanted = {(Side.BUY, price): quantity for price, quantity in bids}
        wanted |= {(Side.SELL, price): quantity for price, quantity in asks}
        resting = self._house[symbol]
        for key, order in list(resting.items()):
            if key not in wanted or wanted[key] != order.remaining:
                self.books[symbol].remove(order)
                del resting[key]
        for (side, price), quantity in wanted.items():
            if (side, price) not in resting:
                self._house_order(symbol, side, price, quantity, rests=True)

    def print_trade(self, symbol: str, price: Decimal, quantity: Decimal, taker: Side, at_ms: int) -> None:
        """Let two of the crowd trade with each other, at a price that the book need not know."""
        self._publish(symbol, price, quantity, taker, at_ms)

    def house_takes(self, symbol: str, taker: Side, price: Decimal, quantity: Decimal) -> None:
        """Let the house take what rests up to a price, accounts' orders and its own alike, until `quantity` is filled."""
        own = [order for order in self._house[symbol].values() if order.side is taker.opposite]
        for order in own:  # the house does not trade with itself: its better quotes step aside
            if order.price is not None and crosses(taker, price, order.price):
                self.books[symbol].remove(order)
                del self._house[symbol][order.side, order.price]
        self._house_order(symbol, taker, price, quantity, rests=False)

    def thin_out(self, symbol: str, taker: Side, quantity: Decimal) -> None:
        """Leave the taker one house quote of `quantity` at the house's best price on the side that it takes from."""
        resting = self._house[symbol]
        side = taker.opposite
        prices = [price for each, price in resting if each is side]
        if not prices:
            return
        best = min(prices) if side is Side.SELL else max(prices)
        for price in prices:
            self.books[symbol].remove(resting.pop((side, price)))
        if quantity > 0:
            self._house_order(symbol, side, best, quantity, rests=True)

    def _house_order(self, symbol: str, side: Side, price: Decimal, quantity: Decimal, *, rests: bool) -> None:
        self._house_ids -= 1
        now = self._clock.market_ms()
        order = Order(
            id=self._house_ids,
            account=HOUSE,
            client_id="",
            symbol=symbol,
            side=side,
            type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            trigger_price=None,
            time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
            post_only=False,
            reduce_only=False,
            close_position=False,
            quote_quantity=None,
            created_ms=now,
            updated_ms=now,
        )
        self._match(order)
        if rests and order.remaining:
            self.books[symbol].add(order)
            self._house[symbol][side, price] = order

    # Matching.

    def _meet(self, order: Order) -> None:
        """Match a working order; what is left rests, or expires where it may not rest."""
        if order.time_in_force is not TimeInForce.FOK or self._is_whole(order):
            self._match(order)
        if not order.status.is_open:
            return
        is_spent = order.reduce_only and not self._settlement.reducible(order)
        if order.price is None or order.time_in_force is not TimeInForce.GTC or is_spent:
            self.end(order, Status.EXPIRED, OrderChange.EXPIRED)
        else:
            self.books[order.symbol].add(order)

    def _is_whole(self, order: Order) -> bool:
        reachable = self.books[order.symbol].reachable(order.side, order.price)
        return sum((quantity for _, quantity in reachable), ZERO) >= order.quantity

    def _match(self, taker: Order) -> None:
        book = self.books[taker.symbol]
        while taker.status.is_open and taker.remaining:
            maker = book.first(taker.side.opposite)
            if maker is None or maker.price is None or not crosses(taker.side, taker.price, maker.price):
                return
            if maker.account == taker.account != HOUSE:
                self.end(maker, Status.EXPIRED, OrderChange.EXPIRED)  # nobody trades with himself: the maker goes
                continue
            quantity = min(maker.remaining, self._may_fill(taker), self._may_fill(maker))
            if not quantity:
                stuck = taker if not self._may_fill(taker) else maker
                if stuck is taker:
                    return
                self.end(maker, Status.EXPIRED, OrderChange.EXPIRED)
                continue
            self._trade(maker, taker, maker.price, quantity)

    def _may_fill(self, order: Order) -> Decimal:
        if order.reduce_only or order.close_position:
            return min(order.remaining, self._settlement.reducible(order))
        return order.remaining

    def _trade(self, maker: Order, taker: Order, price: Decimal, quantity: Decimal) -> None:
        self.books[maker.symbol].take(maker, quantity)
        now = self._clock.market_ms()
        trade = self._publish(maker.symbol, price, quantity, taker.side, now, maker.id, taker.id)
        for order, is_maker in ((taker, False), (maker, True)):
            if order.account != HOUSE:
                self._fill(order, trade, is_maker=is_maker)
            else:
                order.filled += quantity
                if not order.remaining:
                    order.status = Status.FILLED
                    if order.price is not None:
                        self._house[order.symbol].pop((order.side, order.price), None)

    def _fill(self, order: Order, trade: Trade, *, is_maker: bool) -> None:
        for leg in self.others(order):
            self.end(leg, Status.EXPIRED, OrderChange.EXPIRED)
        instrument = self._instruments[order.symbol]
        rate = instrument.maker_fee if is_maker else instrument.taker_fee
        settled = self._settlement.settle(order, instrument, trade.price, trade.quantity, rate)
        order.filled += trade.quantity
        order.filled_quote += trade.price * trade.quantity
        order.fee += settled.fee
        order.updated_ms = trade.at_ms
        order.status = Status.PARTIALLY_FILLED if order.remaining else Status.FILLED
        fill = Fill(
            trade.id, order.id, order.account, order.symbol, order.side, trade.price, trade.quantity,
            settled.fee, settled.fee_asset, is_maker, trade.at_ms, settled.realized_pnl,
        )  # fmt: skip
        order.fills.append(fill)
        if not order.remaining:
            self._settlement.release(order)
        self._touch(order)
        self._tell(order, OrderChange.TRADE, fill)

    def _publish(
        self,
        symbol: str,
        price: Decimal,
        quantity: Decimal,
        taker: Side,
        at_ms: int,
        maker_id: int = 0,
        taker_id: int = 0,
    ) -> Trade:
        self._trade_ids[symbol] += 1
        if self.trades[symbol]:
            # An account traded between two steps of the crowd: numbers and times of trades rise together.
            at_ms = max(at_ms, self.trades[symbol][-1].at_ms)
        buyer_is_maker = taker is Side.SELL
        trade = Trade(self._trade_ids[symbol], symbol, price, quantity, at_ms, buyer_is_maker, maker_id, taker_id)
        self.last[symbol] = price
        self.trades[symbol].append(trade)
        for listener in self.listeners:
            listener.on_trade(trade)
        return trade

    # Stops.

    def _due(self) -> list[Order]:
        return [
            order
            for symbol, armed in self._armed.items()
            for order in armed.values()
            if self.is_triggered(order, self.last[symbol])
        ]

    def _trigger(self, order: Order) -> None:
        """Let a stop work: its hold is made anew for what it has become, and it expires when it cannot be afforded."""
        for leg in self.others(order):
            self.end(leg, Status.EXPIRED, OrderChange.EXPIRED)
        del self._armed[order.symbol][order.id]
        order.working = True
        order.updated_ms = self._clock.market_ms()
        self._tell(order, OrderChange.TRIGGERED)
        if not order.type.is_limit:
            order.price = None
        instrument = self._instruments[order.symbol]
        if order.close_position:
            order.quantity = self._settlement.reducible(order)
        self._settlement.release(order)
        try:
            self._settlement.admit(order, instrument, self.last[order.symbol] * order.quantity)
        except Refusal:
            self.end(order, Status.EXPIRED, OrderChange.EXPIRED)
            return
        self._meet(order)

    # Telling.

    def _touch(self, order: Order) -> None:
        assets, symbols = self._touched.setdefault(order.account, (set(), set()))
        assets |= self._settlement.assets(self._instruments[order.symbol])
        symbols.add(order.symbol)

    def _tell(self, order: Order, change: OrderChange, fill: Fill | None = None) -> None:
        event = OrderEvent(order, change, self._clock.market_ms(), fill)
        for listener in self.listeners:
            listener.on_order(event)
