"""Gathering the facts that the risk rules judge by, for a whole batch in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from common.clock import market_times
from engine.decimals import ZERO
from engine.execution import taker_fee, taker_price
from engine.risk import OrderFacts, judge
from engine.sizing import reduction_quantity
from markets.prices import Price, latest_prices
from portfolios.models import Balance, Portfolio, PortfolioState
from portfolios.selectors import STALE_AFTER
from trading.models import (
    CauseKind,
    Follow,
    LeadEvent,
    Leg,
    Order,
    OrderState,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
    Side,
)
from trading.rules import costs_of, rules_of

_STRICTNESS = (SafetyLevel.ACTIVE, SafetyLevel.REDUCING, SafetyLevel.HALTED)


def facts_for(orders: Sequence[Order]) -> dict[UUID, OrderFacts]:
    """Return what the rules need to know of each order, as things stand under the portfolios' locks."""
    prices = _prices(orders)
    balances = _free_balances(orders)
    safety = _Safety(orders)
    now = market_times(order.portfolio.namespace for order in orders)
    allowed = _Allowed(orders)
    facts = {}
    for order in orders:
        market, portfolio = order.instrument.market, order.portfolio
        price = prices.get(order.pk)
        facts[order.pk] = OrderFacts(
            is_buy=order.side == Side.BUY,
            reduces=order.leg == Leg.CLOSE,
            quantity=order.requested_quantity,
            market_price=price.price if price else None,
            price_is_stale=price is None or now[portfolio.namespace] - price.at > STALE_AFTER,
            free_quote=balances.get((portfolio.pk, market.quote_id), ZERO),
            held_quantity=balances.get((portfolio.pk, market.base_id), ZERO),
            may_clip=order.cause_kind != CauseKind.HAND,
            portfolio_is_open=portfolio.state == PortfolioState.OPEN,
            instrument_is_allowed=allowed.has(order),
            safety_state=safety.level(order),
        )
    return facts


def judge_batch(orders: Sequence[Order]) -> None:
    """Set quantity, market price, reserved amount, code and (where denied) state of claimed orders, in place.

    Orders of one portfolio see what the ones before them reserved.
    """
    facts = facts_for(orders)
    promised: dict[tuple[UUID, str], Decimal] = {}
    for order in orders:
        market, rules = order.instrument.market, rules_of(order.instrument, order.portfolio)
        own = facts[order.pk]
        own = replace(
            own,
            free_quote=own.free_quote - promised.get((order.portfolio_id, market.quote_id), ZERO),
            held_quantity=own.held_quantity - promised.get((order.portfolio_id, market.base_id), ZERO),
        )
        if order.closed_fraction is not None:
            # Sized only now, on what is really held (rule 9): earlier orders of the follow have ended.
            quantity = reduction_quantity(
                held=own.held_quantity, closed_fraction=order.closed_fraction, lot_step=rules.lot_step
            )
            own = replace(own, quantity=quantity)
            order.requested_quantity = quantity or order.requested_quantity
        verdict = judge(own, rules)
        order.quantity, order.code, order.market_price = verdict.quantity, verdict.code, own.market_price
        if not verdict.quantity:
            order.state = OrderState.DENIED
            continue
        order.reserved = _to_reserve(order)
        asset = market.quote_id if own.is_buy else market.base_id
        promised[order.portfolio_id, asset] = promised.get((order.portfolio_id, asset), ZERO) + order.reserved


def _to_reserve(order: Order) -> Decimal:
    """Return what the order can take: quote units with fee for a purchase, base units for a sale."""
    quantity: Decimal = order.quantity
    if order.side == Side.SELL:
        return quantity
    assert order.market_price is not None
    costs = costs_of(order.instrument, order.portfolio)
    price = taker_price(market_price=order.market_price, is_buy=True, costs=costs)
    return quantity * price + taker_fee(quantity=quantity, price=price, costs=costs)


def _prices(orders: Sequence[Order]) -> dict[UUID, Price]:
    """Return each order's price: the event's one snapshot for copied orders (model.md 9), the newest for the others."""
    newest = latest_prices({order.instrument_id: order.instrument for order in orders}.values())
    event_ids = {order.cause_id for order in orders if order.cause_kind == CauseKind.LEAD_EVENT}
    snapshots = dict(LeadEvent.objects.filter(pk__in=event_ids).values_list("pk", "market_price")) if event_ids else {}
    prices = {}
    for order in orders:
        price = newest.get(order.instrument_id)
        if order.cause_kind == CauseKind.LEAD_EVENT and (snapshot := snapshots[int(order.cause_id)]) is not None:
            price = Price(snapshot, price.at if price else order.created_at)
        if price is not None:
            prices[order.pk] = price
    return prices


def _free_balances(orders: Sequence[Order]) -> dict[tuple[UUID, str], Decimal]:
    assets = {
        asset for order in orders for asset in (order.instrument.market.base_id, order.instrument.market.quote_id)
    }
    found = Balance.objects.filter(portfolio_id__among={order.portfolio_id for order in orders}, asset_id__in=assets)
    rows = found.values_list("portfolio_id", "asset_id", "amount", "reserved")
    return {(portfolio_id, asset_id): amount - reserved for portfolio_id, asset_id, amount, reserved in rows}


class _Safety:
    """The switches that are not ACTIVE: few, read once per batch."""

    def __init__(self, orders: Sequence[Order]) -> None:
        rows = SafetySwitch.objects.exclude(level=SafetyLevel.ACTIVE)
        self._levels = {(row.scope, row.scope_id): row.level for row in rows}
        follows = {order.follow_id for order in orders if order.follow_id} if self._levels else set()
        self._lead_of = dict(Follow.objects.filter(pk__in=follows).values_list("pk", "lead_id")) if follows else {}

    def level(self, order: Order) -> str:
        """Return the strictest level of the order's scopes."""
        if not self._levels:
            return SafetyLevel.ACTIVE
        scopes = [
            (ScopeKind.PLATFORM, ""),
            (ScopeKind.VENUE, order.instrument.exchange.code),
            (ScopeKind.USER, str(order.portfolio.owner_id)),
            (ScopeKind.PORTFOLIO, str(order.portfolio_id)),
        ]
        if order.follow_id is not None:
            scopes += [(ScopeKind.FOLLOW, str(order.follow_id)), (ScopeKind.LEAD, str(self._lead_of[order.follow_id]))]
        levels = [self._levels.get(scope, SafetyLevel.ACTIVE) for scope in scopes]
        return max(levels, key=lambda level: _STRICTNESS.index(SafetyLevel(level)))


class _Allowed:
    """Which instruments the restricted portfolios of a batch may trade."""

    def __init__(self, orders: Sequence[Order]) -> None:
        restricted = {order.portfolio_id for order in orders if order.portfolio.is_restricted}
        through = Portfolio.allowed_instruments.through.objects
        pairs = (
            through.filter(portfolio_id__in=restricted).values_list("portfolio_id", "instrument_id")
            if restricted
            else ()
        )
        self._pairs = set(pairs)

    def has(self, order: Order) -> bool:
        portfolio, market = order.portfolio, order.instrument.market
        if market.namespace != portfolio.namespace or market.quote_id != portfolio.settlement_id:
            return False
        return not portfolio.is_restricted or (portfolio.pk, order.instrument_id) in self._pairs
