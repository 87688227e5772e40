"""A fill that was made at the venue itself, given to a portfolio by its owner: from then on it is that portfolio's."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.db import bulk_insert, lock_rows
from common.errors import DomainError
from engine.decimals import ZERO
from engine.margin import initial_margin
from markets.gateway.protocol import AccountTrade
from markets.gateway.protocol import Side as VenueSide
from portfolios.margin import position_on_margin
from portfolios.models import Portfolio, PortfolioState, RemainderReason
from portfolios.services.books import Holdings, lock_portfolios
from portfolios.services.remainders import Change, change_remainders, lock_account
from trading.models import CauseKind, ForeignFill, Leg, Order, OrderState, Side
from trading.selectors import is_following
from trading.services.account_fees import broker_fill, rates_of
from trading.services.account_margin import moved_on_margin
from trading.services.fills import record_fills
from trading.services.orders import Cause, new_order


@transaction.atomic
def assign_fill(*, actor: User, fill: ForeignFill, portfolio: Portfolio) -> Order:
    """Take a venue's fill out of its account's remainder and book it in a portfolio of that account; return its order.

    Raises DomainError FILL_ASSIGNED, PORTFOLIO_NOT_ON_ACCOUNT, PORTFOLIO_NOT_OPEN, PORTFOLIO_IS_FOLLOWING, and
    NOT_COVERED where the portfolio does not hold what the fill took; on margin OPPOSITE_SIDE_ON_ACCOUNT, where it stands on
    the other side.
    """
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    lock_account(fill.account_id)
    [held] = lock_rows(ForeignFill.objects.filter(pk=fill.pk).select_related("instrument__market"))
    _refuse_unfit(held, locked)
    order = _order(held, locked)
    trade = _trade(held)
    booked = broker_fill(order, trade, rates_of([(order, trade)]))
    _refuse_uncovered(held, locked, booked.fee if not booked.base_fee else ZERO)
    bulk_insert(Order, [order])
    record_fills([booked])
    change_remainders(held.account_id, _given_back(held))
    held.assigned_to = order
    held.save(update_fields=["assigned_to"])
    audit(action="foreign_fill.assigned", obj=locked, actor=actor, after={"fill": held.venue_fill_id})
    return order


def _refuse_unfit(fill: ForeignFill, portfolio: Portfolio) -> None:
    if fill.assigned_to_id is not None:
        raise DomainError("FILL_ASSIGNED", "This trade is in a portfolio already.", status=409)
    if portfolio.account_id != fill.account_id or portfolio.settlement_id != fill.instrument.market.quote_id:
        message = "Choose a portfolio on this account that settles in the trade's currency."
        raise DomainError("PORTFOLIO_NOT_ON_ACCOUNT", message, {"field": "portfolio"})
    if portfolio.state != PortfolioState.OPEN:
        raise DomainError("PORTFOLIO_NOT_OPEN", "This portfolio is frozen or closed.", status=409)
    if is_following(portfolio):
        message = "This portfolio copies a lead; stop the follow before giving it trades of your own."
        raise DomainError("PORTFOLIO_IS_FOLLOWING", message, status=409)


def _refuse_uncovered(fill: ForeignFill, portfolio: Portfolio, fee: Decimal) -> None:
    """Refuse what would leave the portfolio with less than nothing, or with less than it has promised."""
    market = fill.instrument.market
    holdings = Holdings({portfolio.pk}, {market.base_id, market.quote_id})
    asset, amount = (market.base_id, fill.quantity)
    if fill.instrument.is_perpetual:
        asset, amount = market.quote_id, _needed_on_margin(fill, portfolio, fee)
    elif fill.side == Side.BUY:
        asset, amount = market.quote_id, fill.quantity * fill.price + fee
    free = holdings.free(portfolio.pk, asset)
    if free < amount:
        message = (
            f"Only {free.normalize():f} {asset} is free in this portfolio, and the trade took {amount.normalize():f}."
        )
        raise DomainError("NOT_COVERED", message, {"free": str(free)}, status=409)


def _needed_on_margin(fill: ForeignFill, portfolio: Portfolio, fee: Decimal) -> Decimal:
    """Return what a position takes along when it gets a trade; what closed something was booked there when it was found."""
    position = position_on_margin(portfolio, fill.instrument)
    if position.quantity * _change(fill) < ZERO:
        message = "This portfolio stands on the other side; close its position first, or choose another portfolio."
        raise DomainError("OPPOSITE_SIDE_ON_ACCOUNT", message, {"field": "portfolio"}, status=409)
    return initial_margin(fill.quantity * fill.price, position.leverage) + fee


def _change(fill: ForeignFill) -> Decimal:
    quantity: Decimal = fill.quantity
    return quantity if fill.side == Side.BUY else -quantity


def _order(fill: ForeignFill, portfolio: Portfolio) -> Order:
    side, is_on_margin = Side(fill.side), fill.instrument.is_perpetual
    order = new_order(
        portfolio=portfolio,
        instrument=fill.instrument,
        side=side,
        leg=Leg.OPEN if is_on_margin or side == Side.BUY else Leg.CLOSE,
        quantity=fill.quantity,
        cause=Cause(CauseKind.VENUE, str(fill.pk)),
    )
    if is_on_margin:
        order.leverage = position_on_margin(portfolio, fill.instrument).leverage
    order.quantity, order.state, order.claimed_at = fill.quantity, OrderState.OPEN, fill.recorded_at
    # (Not the venue's own name for it: an order there may have filled in several parts, each assigned for itself.)
    return order


def _trade(fill: ForeignFill) -> AccountTrade:
    symbol, _, trade_id = fill.venue_fill_id.rpartition(":")
    return AccountTrade(
        symbol=symbol,
        trade_id=trade_id,
        venue_order_id=fill.venue_order_id,
        client_order_id="",
        at=fill.happened_at,
        side=VenueSide.BUY if fill.side == Side.BUY else VenueSide.SELL,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        is_maker=None,
    )


def _given_back(fill: ForeignFill) -> list[Change]:
    """Return the opposite of what the fill did to the remainder when it was found.

    A fee in a third asset: booking the fill takes it from the remainder once more, so it is given back here as well.
    """
    market, change = fill.instrument.market, _change(fill)
    if fill.instrument.is_perpetual:
        return moved_on_margin(
            fill.account_id,
            fill.instrument,
            change=-change,
            price=fill.price,
            fee=-fill.fee,
            fee_asset=fill.fee_asset,
            reason=RemainderReason.ASSIGNED,
            note=fill.venue_fill_id,
        )
    sides = (
        (market.base_id, -change),
        (market.quote_id, change * fill.price),
        (fill.fee_asset, fill.fee),
    )
    return [Change(asset, amount, RemainderReason.ASSIGNED, fill.venue_fill_id) for asset, amount in sides if amount]
