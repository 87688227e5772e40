"""Liquidation on paper: a position that no longer carries its maintenance margin is closed at the market, once.

Whoever notices asks again under the portfolio's lock. (An exchange liquidates the accounts that it keeps.)
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.services import audit, notify
from common.fields import canonical
from engine.decimals import ONE, ZERO
from markets.selectors import instruments_by_id
from portfolios.margin import tiers_by_instrument, to_liquidate
from portfolios.margin_models import MarginMode
from portfolios.models import Portfolio
from portfolios.selectors import Holding, worth_of
from portfolios.services.books import lock_portfolios
from trading.models import UNFINISHED, CauseKind, Leg, Order, Side
from trading.services.orders import Cause, new_order, store_orders
from trading.services.withdrawing import withdraw_opens


@transaction.atomic
def liquidate(*, portfolio_id: UUID) -> list[Order]:
    """Write the closing orders of what a portfolio no longer carries at the newest prices; [] where it carries everything.

    What waits to open there is canceled first: its promise may be all that was missing. Called again while the orders are
    under way it writes none.
    """
    portfolio = lock_portfolios([portfolio_id])[portfolio_id]
    if portfolio.account_id is not None:
        return []
    under_way = Order.objects.filter(portfolio=portfolio, cause_kind=CauseKind.LIQUIDATION, state__in=UNFINISHED)
    closing = set(under_way.values_list("instrument_id", flat=True))
    gone = [one for one in due_for_liquidation(portfolio) if one.position.instrument_id not in closing]
    if not gone:
        return []
    instruments = {one.position.instrument_id for one in gone}
    opens = Q(instrument__in=instruments)
    if any(one.position.margin_mode == MarginMode.CROSS for one in gone):
        opens = Q()
    if withdraw_opens(Order.objects.filter(opens, portfolio=portfolio), code="LIQUIDATION"):
        gone = [one for one in due_for_liquidation(portfolio) if one.position.instrument_id in instruments]
    return [order for one in gone for order in _close(portfolio, one)]


def due_for_liquidation(portfolio: Portfolio) -> list[Holding]:
    """Return the positions that a portfolio no longer carries at the newest prices."""
    worth = worth_of([portfolio])[portfolio.pk]
    held = {one.position.instrument_id for one in worth.holdings if one.position.on_margin}
    return to_liquidate(worth, tiers_by_instrument(held)) if held else []


def _close(portfolio: Portfolio, holding: Holding) -> list[Order]:
    """Store the closing order of a position, the n-th of its kind, and tell the owner."""
    position = holding.position
    instrument = instruments_by_id([position.instrument_id])[position.instrument_id]
    before = Order.objects.filter(portfolio=portfolio, instrument=instrument, cause_kind=CauseKind.LIQUIDATION).count()
    order = new_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.SELL if position.quantity > ZERO else Side.BUY,
        leg=Leg.CLOSE,
        quantity=abs(position.quantity),
        cause=Cause(CauseKind.LIQUIDATION, f"{position.pk}:{before + 1}"),
        closed_fraction=ONE,
    )
    [stored] = store_orders([order])
    assert holding.price is not None, "what has no price is not liquidated"
    side, price = "long" if position.quantity > ZERO else "short", canonical(holding.price.price)
    size = canonical(abs(position.quantity))
    told = {"instrument": instrument.symbol, "side": side, "quantity": size, "price": price}
    audit(action="position.liquidated", obj=stored, after=told)
    context = {"portfolio": str(portfolio.pk), "name": portfolio.name, "order": str(stored.pk), **told}
    notify(user=portfolio.owner, event="position.liquidated", context=context)
    return [stored]
