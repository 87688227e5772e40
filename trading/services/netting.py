"""Where a venue nets: which way an account's portfolios stand in its perpetuals, and on which terms, for a batch of orders.

One net position and one leverage a market is all that an account has there. So its portfolios stand on one side of a market,
on the same terms, or what opens is denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, Value

from common.db import lock_rows
from engine.decimals import ZERO
from portfolios.models import AccountBalance, ExchangeAccount, Position
from trading.models import AT_VENUE, UNANSWERED, Leg, Order, Side


class Stand(NamedTuple):
    """What somebody holds, or is about to, of a market of an account: a portfolio, or nobody (None) where it is in none.

    What nobody holds has no terms of ours; of an order under way the margin mode is not asked.
    """

    account_id: UUID
    symbol: str
    portfolio_id: UUID | None
    is_long: bool
    leverage: int | None
    margin_mode: str


class Netting:
    """Who stands where. One statement where a batch opens perpetuals on accounts, else none."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._stands = list(stands_of(*_keys(orders)))

    def refusal(self, order: Order, margin_mode: str) -> str:
        """Return why an order, on a position of this margin mode, must not open beside what others hold; "" where it may."""
        if not _nets(order):
            return ""
        others = [one for one in self._stands if _same_market(one, order) and one.portfolio_id != order.portfolio_id]
        if any(one.is_long != (order.side == Side.BUY) for one in others):
            return "OPPOSITE_SIDE_ON_ACCOUNT"
        if any(not _on_terms(one, order.leverage, margin_mode) for one in others):
            return "TERMS_DIFFER_ON_ACCOUNT"
        return ""

    def took(self, order: Order, margin_mode: str) -> None:
        """Count an order of the batch, for those after it."""
        if _nets(order) and order.quantity:
            account_id, symbol = order.portfolio.account_id, order.instrument.gateway_symbol
            assert account_id is not None
            is_long = order.side == Side.BUY
            self._stands.append(Stand(account_id, symbol, order.portfolio_id, is_long, order.leverage, margin_mode))


def lock_netting(orders: Sequence[Order]) -> None:
    """Lock the accounts at which orders open perpetuals: two portfolios judged at once must see each other."""
    account_ids, _ = _keys(orders)
    if account_ids:
        lock_rows(ExchangeAccount.objects.filter(pk__in=account_ids))


def stands_of(account_ids: set[UUID], symbols: set[str]) -> list[Stand]:
    """Return who stands where in these markets of these accounts, in one statement."""
    if not account_ids:
        return []
    is_long = ExpressionWrapper(Q(quantity__gt=ZERO), output_field=BooleanField())
    mine = {"portfolio__account__in": account_ids, "instrument__gateway_symbol__in": symbols}
    whose = ("portfolio__account", "instrument__gateway_symbol", "portfolio")
    held = Position.objects.filter(**mine).exclude(quantity=ZERO).annotate(is_long=is_long)
    opens = Order.objects.filter(Q(state__in=UNANSWERED) | AT_VENUE, leg=Leg.OPEN, **mine)
    opens = opens.annotate(is_long=ExpressionWrapper(Q(side=Side.BUY), output_field=BooleanField()), any_mode=Value(""))
    nobodys = AccountBalance.objects.filter(account__in=account_ids, asset__in=symbols).exclude(remainder=ZERO)
    nobodys = nobodys.annotate(
        nobody=Value(None, output_field=Position._meta.get_field("portfolio").target_field),
        is_long=ExpressionWrapper(Q(remainder__gt=ZERO), output_field=BooleanField()),
        leverage=Value(None, output_field=Position._meta.get_field("leverage")),
        any_mode=Value(""),
    )
    rows = (
        held.order_by()
        .values_list(*whose, "is_long", "leverage", "margin_mode")
        .union(
            opens.order_by().values_list(*whose, "is_long", "leverage", "any_mode"),
            nobodys.order_by().values_list("account", "asset", "nobody", "is_long", "leverage", "any_mode"),
        )
    )
    # (A union gives SQLite's own truth values.)
    return [Stand(*row)._replace(is_long=bool(row[3])) for row in rows]


def _keys(orders: Sequence[Order]) -> tuple[set[UUID], set[str]]:
    opens = [order for order in orders if _nets(order)]
    accounts = {order.portfolio.account_id for order in opens}
    return {pk for pk in accounts if pk is not None}, {order.instrument.gateway_symbol for order in opens}


def _nets(order: Order) -> bool:
    return order.leg == Leg.OPEN and order.portfolio.account_id is not None and order.instrument.is_perpetual


def _same_market(stand: Stand, order: Order) -> bool:
    return (stand.account_id, stand.symbol) == (order.portfolio.account_id, order.instrument.gateway_symbol)


def _on_terms(stand: Stand, leverage: int, margin_mode: str) -> bool:
    return stand.leverage in (None, leverage) and stand.margin_mode in ("", margin_mode)
