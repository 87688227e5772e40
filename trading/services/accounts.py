"""What a portfolio on an exchange account adds to judging its orders: facts of the account, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence

from common.clock import wall_now
from engine.decimals import floor_to_step
from portfolios.models import AccountState, ExchangeAccount, PortfolioKind
from portfolios.selectors import account_kind
from portfolios.services.remainders import RECONCILED_FOR
from trading.models import Order
from trading.services.netting import Netting


class Accounts:
    """The exchange accounts of a batch of orders; none asked where all is paper, one statement more where perpetuals open."""

    def __init__(self, orders: Sequence[Order]) -> None:
        ids = {order.portfolio.account_id for order in orders if order.portfolio.account_id is not None}
        self._by_id = ExchangeAccount.objects.select_related("exchange").in_bulk(ids) if ids else {}
        self._netting = Netting(orders)
        self._oldest = wall_now() - RECONCILED_FOR

    def refusal(self, order: Order, margin_mode: str = "") -> str:
        """Return why an order must not open anything at its account; "" where nothing keeps it, and on paper.

        `margin_mode` is that of its position, on margin.
        """
        portfolio, instrument = order.portfolio, order.instrument
        if portfolio.account_id is None:
            return ""
        account = self._by_id[portfolio.account_id]
        if instrument.exchange_id != account.exchange_id or instrument.market.kind != account_kind(account):
            return "INSTRUMENT_NOT_ON_VENUE"
        if portfolio.kind == PortfolioKind.LIVE and not portfolio.is_live_trading_on:
            return "LIVE_TRADING_OFF"
        if account.state != AccountState.READY:
            return "ACCOUNT_NOT_READY"
        is_reconciled = account.reconciled_at is not None and account.reconciled_at >= self._oldest
        return self._netting.refusal(order, margin_mode) if is_reconciled else "ACCOUNT_NOT_RECONCILED"

    def took(self, order: Order, margin_mode: str = "") -> None:
        """Count an order of the batch that was judged, for those after it."""
        self._netting.took(order, margin_mode)


def whole_lots(order: Order) -> None:
    """Cut an order down to what its venue takes: what is left of a lot stays as dust, also when a position is closed."""
    if not order.quantity:
        return
    order.quantity = floor_to_step(order.quantity, order.instrument.lot_step)
    if not order.quantity:
        order.code = "QUANTITY_BELOW_MINIMUM"
