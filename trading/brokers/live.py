"""Orders at a venue, over its account's warm client. Only the signer has one, for only it can open keys.

`submit` and `query` are called in threads and wait for the signer's loop, in which several accounts and orders are at
work at once, within what their venues allow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import close_old_connections

from common.failpoints import failpoint
from engine.decimals import ZERO
from engine.execution import taker_price
from markets.gateway.errors import BackOff, GatewayError, OrderNotFound, Rejected, Retry, Skip, Stop
from markets.gateway.protocol import (
    AccountAccess,
    AccountTrade,
    OrderRequest,
    OrderState,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from markets.gateway.protocol import MarginMode as VenueMode
from markets.gateway.protocol import Side as VenueSide
from portfolios.margin_models import MarginMode
from trading.brokers import SEND_WITHIN, Answer, OrderResult, Outcome, Terms, may_send
from trading.brokers.places import is_native_stop
from trading.models import Leg, Order, Side
from trading.rules import costs_of
from trading.services.account_fees import Rates, broker_fill, rates_of

# How to get an account's client; raises GatewayError or SealError.
Access = Callable[[UUID], Awaitable[AccountAccess]]

AT_ONCE = 8
# Refused at the door: asked again after this, as long as the order may be sent.
_PAUSE_SECONDS = 0.25
# A venue's list of fills lags behind its answer to the order.
_FILL_LOOKS, _FILL_PAUSE_SECONDS = 3, 0.3
# Clocks differ, and so do the moments at which an order is claimed and filled.
_BEFORE = timedelta(minutes=1)
_OUTCOMES = {
    OrderStatus.OPEN: Outcome.OPEN,
    OrderStatus.PARTIALLY_FILLED: Outcome.OPEN,
    OrderStatus.FILLED: Outcome.FILLED,
    OrderStatus.CANCELED: Outcome.CANCELED,
    OrderStatus.EXPIRED: Outcome.EXPIRED,
    OrderStatus.REJECTED: Outcome.REJECTED,
}


_FORCES = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}


@dataclass(frozen=True, slots=True)
class Told:
    """What a venue told of an order."""

    order: Order
    outcome: Outcome
    code: str = ""
    filled: Decimal = ZERO
    venue_order_id: str = ""
    trades: tuple[AccountTrade, ...] = ()


class LiveBroker:
    """Orders of exchange accounts. What it cannot tell is UNKNOWN, never a refusal."""

    # What venues are told of a request's age (recvWindow and its like), and the longest that a connection waits.
    valid_for = timedelta(seconds=10)

    def __init__(self, access: Access, loop: asyncio.AbstractEventLoop) -> None:
        self._access, self._loop = access, loop

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        return self._results(orders, _sent)

    def query(self, orders: Sequence[Order]) -> list[OrderResult]:
        return self._results(orders, _asked)

    def cancel(self, orders: Sequence[Order]) -> list[OrderResult]:
        return self._results(orders, _canceled)

    def set_terms(self, terms: Sequence[Terms]) -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            return [await _set(self._access, one) for one in terms]

        return asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result()

    def _results(self, orders: Sequence[Order], ask: _Ask) -> list[OrderResult]:
        """Ask for all in the loop, and wait for it in this thread, which keeps no connection from those that book meanwhile."""
        close_old_connections()
        return self.results(asyncio.run_coroutine_threadsafe(self._all(orders, ask), self._loop).result())

    async def sent(self, access: Awaitable[AccountAccess], orders: Sequence[Order]) -> Answered:
        """Send orders of one account from within the loop; `results` reads what was told."""
        return await _of_account(access, orders, _sent)

    def results(self, told: Sequence[Told]) -> list[OrderResult]:
        """Return what was told as results, in a thread: what fees in third assets are worth is read from the database."""
        rates = rates_of((one.order, trade) for one in told for trade in one.trades)
        return [_result(one, rates) for one in told]

    async def _all(self, orders: Sequence[Order], ask: _Ask) -> list[Told]:
        by_account: dict[UUID, list[Order]] = {}
        for order in orders:
            assert order.portfolio.account_id is not None
            by_account.setdefault(order.portfolio.account_id, []).append(order)

        async def of_one(account_id: UUID, part: Sequence[Order]) -> list[Told]:
            return await (await _of_account(self._access(account_id), part, ask)).with_fills()

        parts = await asyncio.gather(*(of_one(pk, part) for pk, part in by_account.items()))
        return [one for part in parts for one in part]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a venue answered to orders of one account; which fills they had is asked for afterwards."""

    told: list[Told]
    access: AccountAccess | None = None

    async def with_fills(self) -> list[Told]:
        """Return what was told, with the fills that the venue lists."""
        return self.told if self.access is None else await _with_trades(self.access, self.told)


async def _of_account(opening: Awaitable[AccountAccess], orders: Sequence[Order], ask: _Ask) -> Answered:
    try:
        access = await opening
    except Exception:
        # Nothing was sent; but it was claimed, so the answer is asked for before it is sent again.
        return Answered([Told(order, Outcome.UNKNOWN) for order in orders])
    width = asyncio.Semaphore(AT_ONCE)

    async def one(order: Order) -> Told:
        async with width:
            return await ask(access, order)

    return Answered(await asyncio.gather(*(one(order) for order in orders)), access)


async def _set(access: Access, terms: Terms, *, tries: int = 2) -> Answer:
    mode = VenueMode.CROSS if terms.margin_mode == MarginMode.CROSS else VenueMode.ISOLATED
    try:
        await (await access(terms.account_id)).set_terms(terms.symbol, terms.leverage, mode)
    except Retry as error:
        # Where clocks differ, the client has measured by how much since.
        await asyncio.sleep(_pause(error))
        return await _set(access, terms, tries=tries - 1) if tries > 1 else Answer(terms, is_taken=False)
    except Skip as error:
        return Answer(terms, is_taken=False, refusal=error.message or error.code)
    except Exception:
        # No answer, or a key that does not open just now: it is asked for again before anything is sent.
        return Answer(terms, is_taken=False)
    failpoint("terms-set")
    return Answer(terms, is_taken=True)


_Ask = Callable[[AccountAccess, Order], Awaitable[Told]]


async def _sent(access: AccountAccess, order: Order) -> Told:
    """Send an order while it may be sent; what was refused at the door (nothing was ordered) is sent again meanwhile."""
    if not order.is_at_venue:
        return Told(order, Outcome.OPEN)
    while may_send(order):
        try:
            state = await access.create_order(request_of(order))
        except Rejected as error:
            return Told(order, Outcome.REJECTED, error.code)
        except Stop as error:
            return Told(order, Outcome.REJECTED if error.code != "CLOSED" else Outcome.UNKNOWN, error.code)
        except (Retry, BackOff) as error:
            await asyncio.sleep(_pause(error))
            continue
        except GatewayError:
            return Told(order, Outcome.UNKNOWN)
        failpoint("accepted")
        # Some venues answer with no more than a number: the account's streams tell the rest.
        return _of_state(order, state)
    return Told(order, Outcome.UNKNOWN)


def _pause(error: Retry | BackOff) -> float:
    """Return how long to wait before an order is sent again; never longer than until it is too old for that."""
    wanted = error.retry_after if isinstance(error, BackOff) else _PAUSE_SECONDS
    return min(wanted, SEND_WITHIN.total_seconds())


async def _canceled(access: AccountAccess, order: Order) -> Told:
    """Cancel an order and return what the venue then says of it: answers to cancels leave out what has filled meanwhile."""
    # Too late, refused or unanswered: what counts is what became of the order.
    with suppress(GatewayError):
        await access.cancel_order(order.client_order_id, order.instrument.gateway_symbol)
    failpoint("canceled")
    return await _asked(access, order)


async def _asked(access: AccountAccess, order: Order) -> Told:
    if not order.is_at_venue:
        return Told(order, Outcome.OPEN)
    try:
        state = await access.order(order.client_order_id, order.instrument.gateway_symbol)
    except OrderNotFound:
        return Told(order, Outcome.NOT_FOUND)
    except GatewayError:
        return Told(order, Outcome.UNKNOWN)
    return _of_state(order, state)


def _of_state(order: Order, state: OrderState) -> Told:
    outcome = _OUTCOMES[state.status]
    if outcome == Outcome.FILLED and state.filled < order.quantity:
        outcome = Outcome.EXPIRED  # "closed" is what some call both
    return Told(order, outcome, "", state.filled, state.venue_order_id)


async def _with_trades(access: AccountAccess, told: Sequence[Told]) -> list[Told]:
    """Add the fills of those that were filled at all: one list a market, asked for again while it lags."""
    trades: dict[str, list[AccountTrade]] = {}
    found = list(told)
    for look in range(_FILL_LOOKS):
        missing = {one.order.instrument.gateway_symbol for one in found if _filled_of(one) < one.filled}
        if not missing:
            break
        if look:
            await asyncio.sleep(_FILL_PAUSE_SECONDS)
        since = min(one.order.claimed_at for one in found if one.order.claimed_at is not None) - _BEFORE
        for symbol in sorted(missing):
            try:
                trades[symbol] = await access.my_trades(symbol, since=since)
            except GatewayError:
                trades.setdefault(symbol, [])
        found = [_joined(one, trades.get(one.order.instrument.gateway_symbol, ())) for one in found]
    return found


def _filled_of(told: Told) -> Decimal:
    return sum((one.quantity for one in told.trades), ZERO)


def _joined(told: Told, trades: Iterable[AccountTrade]) -> Told:
    own = (one for one in trades if one.venue_order_id == told.venue_order_id and told.venue_order_id)
    return replace(told, trades=tuple(own))


def _result(told: Told, rates: Rates) -> OrderResult:
    """Return a result; an end whose fills the venue does not list yet is no answer yet."""
    order = told.order
    fills = tuple(broker_fill(order, trade, rates) for trade in told.trades)
    is_told_whole = _filled_of(told) >= told.filled
    outcome = told.outcome if is_told_whole or told.outcome == Outcome.OPEN else Outcome.UNKNOWN
    return OrderResult(order.pk, outcome, fills, told.code, told.filled, told.venue_order_id)


def request_of(order: Order) -> OrderRequest:
    """Return an order as its venue gets it.

    What names a limit goes as that. Else a sale goes to the market, and a purchase as an order that takes at once what it
    can get up to the price that its promise was made for: no fill of it ever costs more than the book has set aside. What
    closes on margin promised nothing, goes to the market on either side, and only reduces.
    """
    is_buy = order.side == Side.BUY
    price = order.limit_price
    force = _force_of(order)
    if price is None and _is_bounded(order):
        assert order.market_price is not None, "an order is judged before it is sent"
        costs = costs_of(order.instrument, order.portfolio)
        price = taker_price(market_price=order.market_price, is_buy=True, costs=costs)
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.instrument.gateway_symbol,
        side=VenueSide.BUY if is_buy else VenueSide.SELL,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=order.quantity,
        price=price,
        stop_price=order.trigger_price if is_native_stop(order) else None,
        time_in_force=force,
        is_reduce_only=order.instrument.is_perpetual and order.leg == Leg.CLOSE,
    )


def _is_bounded(order: Order) -> bool:
    """Say whether an order that names no limit costs what it promised at most: a purchase, unless it closes on margin."""
    return order.side == Side.BUY and (order.leg == Leg.OPEN or not order.instrument.is_perpetual)


def _force_of(order: Order) -> TimeInForce:
    """Return how long an order waits at its venue. The end of one that has a time is ours to see to: venues differ in it."""
    if order.limit_price is None:
        return TimeInForce.IOC if _is_bounded(order) else TimeInForce.GTC
    if order.post_only:
        return TimeInForce.POST_ONLY
    return _FORCES.get(order.time_in_force, TimeInForce.GTC)
