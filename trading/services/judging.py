"""Gathering the facts that the risk rules judge by, for a whole batch in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.clock import market_times
from common.prepared import Prepared
from engine.risk import InstrumentRules, OrderFacts, Verdict, judge
from engine.sizing import reduction_quantity
from markets.prices import Price, latest_prices
from portfolios.models import Portfolio, PortfolioState
from portfolios.selectors import STALE_AFTER
from portfolios.services.books import Holdings
from trading.approvals.limits import refusal_of as value_refusal
from trading.kinds import GroupRole, OrderKind
from trading.margins import Margins
from trading.models import (
    CauseKind,
    Follow,
    LeadEvent,
    Leg,
    Order,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
    Side,
)
from trading.risk.facts import RiskOfBatch
from trading.risk.services.log import keep_decisions
from trading.rules import named_price, reserved_asset, rules_for, to_reserve
from trading.selectors import counts_for
from trading.services.accounts import Accounts, whole_lots
from trading.services.netting import lock_netting

# By hand a refusal is better than less than was asked for; a plan counts on what it wished for, and pauses instead.
_WHOLE = (CauseKind.HAND, CauseKind.PLAN)
_STRICTNESS = (SafetyLevel.ACTIVE, SafetyLevel.REDUCING, SafetyLevel.HALTED)


def holdings_of(orders: Sequence[Order]) -> Holdings:
    """Return what the orders' portfolios hold of what they trade."""
    markets = [order.instrument.market for order in orders]
    assets = {market.base_id for market in markets} | {market.quote_id for market in markets}
    return Holdings({order.portfolio_id for order in orders}, assets)


def facts_of(orders: Sequence[Order], holdings: Holdings, *, ahead: bool = False) -> Iterator[OrderFacts]:
    """Yield what the rules need to know of each order, as things stand under the portfolios' locks.

    Each is looked at in its turn: what was reserved in `holdings` for those before it is not free. An order on margin learns
    its leverage. `ahead`: a reversal's open is looked at as if its position were closed already.
    """
    now = market_times(order.portfolio.namespace for order in orders)
    events = _events(orders)
    prices, safety, allowed = _prices(orders, events), _Safety(orders, now), _Allowed(orders)
    risk = RiskOfBatch(orders, _meant_prices(orders, events))
    accounts, margins = Accounts(orders), Margins(orders, holdings)
    for order in orders:
        market, portfolio = order.instrument.market, order.portfolio
        price = prices.get(order.pk)
        known = price.price if price else None
        is_on_margin = order.instrument.is_perpetual
        if is_on_margin:
            order.leverage = margins.leverage(order)
        yield OrderFacts(
            is_buy=order.side == Side.BUY,
            reduces=order.leg == Leg.CLOSE,
            quantity=order.requested_quantity,
            market_price=known,
            price_is_stale=price is None or now[portfolio.namespace] - price.at > STALE_AFTER,
            free_quote=holdings.free(portfolio.pk, market.quote_id),
            held_quantity=margins.closeable(order) if is_on_margin else holdings.free(portfolio.pk, market.base_id),
            # What was set off has been let through once: it takes what there is by now.
            may_clip=order.cause_kind not in _WHOLE or order.triggered_at is not None,
            portfolio_is_open=portfolio.state == PortfolioState.OPEN,
            instrument_is_allowed=allowed.has(order),
            safety_state=safety.level(order),
            risk=risk.facts(order, price, margins),
            account_refusal=accounts.refusal(order, margins.mode(order)) or value_refusal(order, known),
            named_price=named_price(order, known),
            room=margins.room(order, known) if is_on_margin and known and order.leg == Leg.OPEN else None,
        )
        # Back here the order has been judged.
        risk.took(order)
        if is_on_margin:
            accounts.took(order, margins.mode(order))
            # What waits to reduce closes what is there when its time comes; a market order is counted on at once.
            if order.leg == Leg.OPEN or order.kind == OrderKind.MARKET:
                margins.took(order, order.quantity)
            if ahead and order.group_role == GroupRole.TURN and order.leg == Leg.CLOSE:
                margins.let_go(order, holdings)


def judge_batch(orders: Sequence[Order], holdings: Holdings) -> None:
    """Set quantity (0: denied), market price, reserved amount and code of orders to be claimed, in place.

    What they reserve is taken from `holdings`, unsaved: orders of one portfolio see what the ones before them left.
    """
    lock_netting(orders)
    decided: list[tuple[Order, Verdict, datetime]] = []
    for order, own in zip(orders, facts_of(orders, holdings), strict=True):
        rules = rules_for(order)
        verdict = judge(own if order.closed_fraction is None else _sized(order, own, rules), rules)
        order.quantity, order.market_price = verdict.quantity, own.market_price
        # What a copy was cut to before it was written stays said.
        order.code = verdict.code or (order.code if order.follow_id else "")
        if verdict.code and own.risk is not None:
            decided.append((order, verdict, own.risk.now))
        if order.portfolio.account_id is not None:
            whole_lots(order)
        if not order.quantity:
            continue
        order.reserved = to_reserve(order, order.quantity)
        holdings.change(order.portfolio_id, reserved_asset(order), reserved=order.reserved)
    keep_decisions(decided)


def _sized(order: Order, own: OrderFacts, rules: InstrumentRules) -> OrderFacts:
    """Size a closing order: only now, on what is really held (rule 9), since earlier orders of the follow have ended."""
    assert order.closed_fraction is not None
    quantity = reduction_quantity(
        held=own.held_quantity, closed_fraction=order.closed_fraction, lot_step=rules.lot_step
    )
    order.requested_quantity = quantity or order.requested_quantity
    return replace(own, quantity=quantity)


# The one snapshot of a lead event that its copies meet (model.md 9), and the price of the lead's own fill.
_Events = dict[int, tuple[Decimal | None, Decimal]]


def _events(orders: Sequence[Order]) -> _Events:
    ids = {order.cause_id for order in orders if order.cause_kind == CauseKind.LEAD_EVENT}
    rows = LeadEvent.objects.filter(pk__in=ids).values_list("pk", "market_price", "price") if ids else ()
    return {pk: (snapshot, price) for pk, snapshot, price in rows}


def _prices(orders: Sequence[Order], events: _Events) -> dict[UUID, Price]:
    """Return each order's price: the event's snapshot for copied orders, the newest for the others."""
    newest = latest_prices({order.instrument_id: order.instrument for order in orders}.values())
    prices = {}
    for order in orders:
        price = newest.get(order.instrument_id)
        if order.cause_kind == CauseKind.LEAD_EVENT and (snapshot := events[int(order.cause_id)][0]) is not None:
            price = Price(snapshot, price.at if price else order.created_at)
        if price is not None:
            prices[order.pk] = price
    return prices


def _meant_prices(orders: Sequence[Order], events: _Events) -> dict[UUID, Decimal | None]:
    """Return the price that an order was meant at: the lead's fill for a copy."""
    return {order.pk: events[int(order.cause_id)][1] for order in orders if order.cause_kind == CauseKind.LEAD_EVENT}


def halted(orders: Sequence[Order]) -> list[Order]:
    """Return those of the orders that fall under a halt."""
    safety = _Safety(orders, market_times(order.portfolio.namespace for order in orders))
    return [order for order in orders if safety.level(order) == SafetyLevel.HALTED]


_SWITCHES = Prepared(
    lambda: SafetySwitch.objects.exclude(level=SafetyLevel.ACTIVE).values_list(
        "scope", "scope_id", "level", "until", "set_by"
    )
)


class _Safety:
    """The switches that are not ACTIVE: few, read once per batch."""

    def __init__(self, orders: Sequence[Order], now: Mapping[str, datetime]) -> None:
        self._now = now
        self._levels = {(scope, scope_id): rest for scope, scope_id, *rest in _SWITCHES.rows()}
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
        found = [(scope, self._levels[scope]) for scope in scopes if scope in self._levels]
        set_ones = [(level, until) for scope, (level, until, by) in found if counts_for(*scope, by, order.portfolio)]
        now = self._now[order.portfolio.namespace]
        # A pause that is over counts no more, whether or not the watch has come by to undo it.
        levels = [level for level, until in set_ones if until is None or until > now]
        return max(levels, key=lambda level: _STRICTNESS.index(SafetyLevel(level)), default=SafetyLevel.ACTIVE)


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
        if market.namespace != portfolio.namespace or not market.settles_in(portfolio.settlement_id):
            return False
        return not portfolio.is_restricted or (portfolio.pk, order.instrument_id) in self._pairs
