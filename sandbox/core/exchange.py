"""The exchange: takes orders, matches them by price and time, arms stops, keeps what everybody did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from engine.decimals import ZERO, floor_to_step
from sandbox.core.book import OrderBook
from sandbox.core.clock import VenueClock
from sandbox.core.errors import Reason, Refusal
from sandbox.core.events import OrderChange
from sandbox.core.instruments import Instrument
from sandbox.core.matching import HOUSE, Matcher
from sandbox.core.orders import Fill, Order, OrderRequest, OrderType, Side, Status, made_id
from sandbox.core.settlement import Settlement

__all__ = ["HOUSE", "Exchange", "Interference"]


class Interference(Protocol):
    """What faults may do in the market itself."""

    def before_place(self, exchange: Exchange, order: Order) -> None:
        """Act before an order meets the book."""

    def before_cancel(self, exchange: Exchange, order: Order) -> None:
        """Act before an order is cancelled."""


class Exchange:
    """One place of trading. Not thread-safe: everything happens on the server's loop."""

    def __init__(self, instruments: Iterable[Instrument], settlement: Settlement, clock: VenueClock) -> None:
        self.instruments = {i.symbol: i for i in instruments}
        self.matcher = Matcher(self.instruments, settlement, clock)
        self.interference: Interference | None = None
        self.clock = clock
        self._settlement = settlement
        self._orders: dict[int, Order] = {}
        self._by_client: dict[tuple[str, str, str], Order] = {}
        self._of_account: dict[str, list[Order]] = {}
        self._next_order = 1_000_000
        self._next_list = 100

    # Reading.

    def instrument(self, symbol: str) -> Instrument:
        """Return a market's rules."""
        found = self.instruments.get(symbol)
        if found is None:
            raise Refusal(Reason.UNKNOWN_SYMBOL, symbol)
        return found

    def book(self, symbol: str) -> OrderBook:
        """Return a market's book."""
        return self.matcher.books[self.instrument(symbol).symbol]

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the last trade, 0 before the first."""
        return self.matcher.last[symbol]

    def find(self, account: str, symbol: str, order_id: int | None = None, client_id: str | None = None) -> Order:
        """Return an order by either id (the newest that used the client id)."""
        named = self._by_client.get((account, symbol, client_id or ""))
        order = named if order_id is None else self._orders.get(order_id)
        if order is None or order.account != account or symbol not in ("", order.symbol):
            raise Refusal(Reason.ORDER_NOT_FOUND, symbol)
        return order

    def find_anywhere(self, account: str, client_id: str) -> Order:
        """Return an order by its client id in whichever market."""
        for order in reversed(self._of_account.get(account, [])):
            if order.client_id == client_id:
                return order
        raise Refusal(Reason.ORDER_NOT_FOUND, client_id)

    def orders(self, account: str, symbol: str | None = None, *, open_only: bool = False) -> list[Order]:
        """Return an account's orders, oldest first."""
        return [
            order
            for order in self._of_account.get(account, [])
            if symbol in (None, order.symbol) and (order.status.is_open or not open_only)
        ]

    def fills(self, account: str, symbol: str | None = None) -> list[Fill]:
        """Return an account's fills, oldest first."""
        found = [fill for order in self.orders(account, symbol) for fill in order.fills]
        return sorted(found, key=lambda fill: (fill.at_ms, fill.trade_id))

    # Trading.

    def place(self, account: str, request: OrderRequest) -> Order:
        """Take an order in; Refusal when it breaks a rule, else it rests, fills, waits for its trigger or has expired."""
        order = self._accepted(account, request)
        self._settlement.admit(order, self.instrument(order.symbol), self._cost(order))
        self._register(order)
        self._start(order)
        return order

    def place_list(self, account: str, limit: OrderRequest, stop: OrderRequest, client_id: str = "") -> list[Order]:
        """Take two orders of which one cancels the other (OCO): a limit order that rests, and a stop; one hold for both."""
        if limit.symbol != stop.symbol or limit.side is not stop.side or limit.quantity != stop.quantity:
            raise Refusal(Reason.BAD_LIST, limit.symbol)
        self._check_list_prices(limit, stop)
        first, second = self._accepted(account, replace(limit, post_only=True)), self._accepted(account, stop)
        dearer = max((first, second), key=lambda leg: leg.price or leg.trigger_price or ZERO)
        self._settlement.admit(dearer, self.instrument(dearer.symbol), ZERO)
        if dearer.hold is not None:
            dearer.hold.users = 2
        self._next_list += 1
        legs = [second, first]
        for leg in legs:
            leg.hold, leg.list_id = dearer.hold, self._next_list
            leg.list_client_id = client_id or f"list-{self._next_list}"
            self._register(leg)
        self.matcher.link(legs)
        for leg in legs:
            self._start(leg)
        return legs

    def cancel(
        self, account: str, symbol: str, order_id: int | None = None, client_id: str | None = None
    ) -> list[Order]:
        """Cancel an open order and return it, with the other leg of its list if it has one."""
        try:
            order = self.find(account, symbol, order_id, client_id)
        except Refusal as missing:
            raise Refusal(Reason.CANCEL_UNKNOWN, symbol) from missing
        if self.interference is not None and order.status.is_open:
            self.interference.before_cancel(self, order)
        if not order.status.is_open:
            raise Refusal(Reason.CANCEL_UNKNOWN, symbol)
        gone = [order, *self.matcher.others(order)]
        for each in gone:
            self.matcher.end(each, Status.CANCELED, OrderChange.CANCELED)
        self.matcher.finish()
        return gone

    def cancel_all(self, account: str, symbol: str | None = None) -> list[Order]:
        """Cancel an account's open orders, in one market or all."""
        gone = self.orders(account, symbol, open_only=True)
        for order in gone:
            if order.status.is_open:  # the cancel of one leg may have taken the other
                self.matcher.end(order, Status.CANCELED, OrderChange.CANCELED)
        self.matcher.finish()
        return gone

    # What outlives the process.

    def kept(self) -> list[Order]:
        """Return every order there ever was, which is all that must be remembered of them."""
        return list(self._orders.values())

    def recall(self, orders: Iterable[Order]) -> None:
        """Take orders up again in an exchange that has none, where they were; the house has to quote anew."""
        for order in orders:
            self._register(order)
            self._next_order = max(self._next_order, order.id)
            self._next_list = max(self._next_list, order.list_id)
        self.matcher.recall(self._orders.values())

    # What faults do.

    def thin_out(self, symbol: str, taker: Side, quantity: Decimal) -> None:
        """Leave a taker no more than `quantity` of the house's quotes, at its best price."""
        self.matcher.thin_out(symbol, taker, floor_to_step(quantity, self.instrument(symbol).step))

    def fill_resting(self, order: Order) -> None:
        """Let the house take a resting order whole."""
        if order.price is not None and order.working:
            self.matcher.house_takes(order.symbol, order.side.opposite, order.price, order.remaining)
            self.matcher.finish()

    # Inside.

    def _accepted(self, account: str, request: OrderRequest) -> Order:
        """Return the order that a request asks for, after every check that needs no money."""
        instrument = self.instrument(request.symbol)
        self._check_client_id(account, request)
        quantity = self._quantity(request, instrument)
        self._check_prices(request, instrument, quantity)
        now = self.clock.market_ms()
        self._next_order += 1
        order = Order(
            id=self._next_order,
            account=account,
            client_id=request.client_id or made_id(self._next_order),
            symbol=request.symbol,
            side=request.side,
            type=request.type,
            quantity=quantity,
            price=request.price if request.type.is_limit else None,
            trigger_price=request.trigger_price,
            time_in_force=request.time_in_force,
            post_only=request.post_only,
            reduce_only=request.reduce_only,
            close_position=request.close_position,
            quote_quantity=request.quote_quantity,
            userref=request.userref,
            created_ms=now,
            updated_ms=now,
            working=not request.type.is_conditional,
        )
        self._check_meeting(order)
        return order

    def _check_client_id(self, account: str, request: OrderRequest) -> None:
        """Refuse a client id that an open order of the account bears; one of a finished order may be used again."""
        known = self._by_client.get((account, request.symbol, request.client_id))
        if request.client_id and known is not None and known.status.is_open:
            raise Refusal(Reason.DUPLICATE_CLIENT_ID, request.client_id)

    def _quantity(self, request: OrderRequest, instrument: Instrument) -> Decimal:
        if request.close_position:
            return instrument.max_quantity
        if request.quote_quantity is not None and request.type is OrderType.MARKET:
            quantity = self._bought_for(request, instrument)
        elif request.quantity is None:
            raise Refusal(Reason.MISSING_PARAMETER, "quantity")
        else:
            quantity = request.quantity
        instrument.check_quantity(quantity)
        return quantity

    def _bought_for(self, request: OrderRequest, instrument: Instrument) -> Decimal:
        """Return how much the book gives for the quote quantity, whole lots."""
        left, quantity = request.quote_quantity or ZERO, ZERO
        for price, available in self.book(request.symbol).reachable(request.side, None):
            part = min(available, left / price)
            quantity += part
            left -= part * price
            if left <= 0:
                break
        return floor_to_step(quantity, instrument.step)

    def _check_prices(self, request: OrderRequest, instrument: Instrument, quantity: Decimal) -> None:
        if request.type.is_limit:
            if request.price is None:
                raise Refusal(Reason.MISSING_PARAMETER, "price")
            instrument.check_price(request.price)
        if request.type.is_conditional:
            if request.trigger_price is None:
                raise Refusal(Reason.MISSING_PARAMETER, "stopPrice")
            instrument.check_price(request.trigger_price)
        if not (request.reduce_only or request.close_position):
            price = request.price if request.type.is_limit else None
            instrument.check_notional((price or request.trigger_price or self.last_price(request.symbol)) * quantity)

    def _check_meeting(self, order: Order) -> None:
        """Refuse a stop that would trigger at once, and a post-only order that would take."""
        if not order.working:
            if self.matcher.is_triggered(order, self.last_price(order.symbol)):
                raise Refusal(Reason.WOULD_TRIGGER, order.symbol)
        elif order.post_only and any(self.book(order.symbol).reachable(order.side, order.price)):
            raise Refusal(Reason.WOULD_TAKE, order.symbol)

    def _check_list_prices(self, limit: OrderRequest, stop: OrderRequest) -> None:
        """Refuse a list whose prices do not stand around the last one: selling, limit above and stop below; buying, reversed."""
        if limit.price is None or stop.trigger_price is None:
            raise Refusal(Reason.MISSING_PARAMETER, "price")
        sign = limit.side.sign
        last = self.last_price(limit.symbol)
        if not sign * limit.price < sign * last < sign * stop.trigger_price:
            raise Refusal(Reason.BAD_LIST, limit.symbol)

    def _cost(self, order: Order) -> Decimal:
        """Return what the book asks for an order's quantity now, at its limit or trigger where it has one."""
        price = order.price or order.trigger_price
        if price is not None:
            return price * order.quantity
        left, cost = order.quantity, ZERO
        for level, available in self.book(order.symbol).reachable(order.side, None):
            part = min(left, available)
            cost += part * level
            left -= part
        return cost or self.last_price(order.symbol) * order.quantity

    def _register(self, order: Order) -> None:
        self._orders[order.id] = order
        self._by_client[order.account, order.symbol, order.client_id] = order
        self._of_account.setdefault(order.account, []).append(order)

    def _start(self, order: Order) -> None:
        if self.interference is not None and order.working:
            self.interference.before_place(self, order)
        self.matcher.start(order)
        self.matcher.finish()
