"""Comparing the money of a futures account: its wallet without what open positions cost.

Of a position that several portfolios share a venue knows one average price, so what it has realized is not what they have
realized. But a wallet less what its positions cost moves with each trade by just what changed hands, on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from common.fields import DecimalSum
from engine.decimals import ZERO
from markets.gateway.protocol import Position as VenuePosition
from markets.models import Instrument, MarketKind
from portfolios.models import AccountBalance, ExchangeAccount, Position
from portfolios.selectors import account_kind


class MarginCosts:
    """What an account's positions cost at its venue, beyond what our books say; nothing is asked of one that trades spot.

    `symbols` are those of `rows` that are positions.
    """

    def __init__(
        self, account: ExchangeAccount, rows: Mapping[str, AccountBalance], positions: Sequence[VenuePosition]
    ) -> None:
        self._quotes: dict[str, str] = {}
        self._beyond: dict[str, Decimal] = {}
        self._rows = rows
        self.symbols = {one.symbol for one in positions}
        if account_kind(account) != MarketKind.PERPETUAL:
            return
        known = Instrument.objects.filter(exchange=account.exchange_id, gateway_symbol__in=list(rows))
        self._quotes = dict(known.values_list("gateway_symbol", "market__quote"))
        self.symbols |= self._quotes.keys()
        mine = Position.objects.filter(portfolio__account=account.pk).exclude(margin_mode="")
        booked = dict(mine.values_list("instrument__gateway_symbol").annotate(DecimalSum("cost")))
        told = {one.symbol: one for one in positions}
        for symbol in self.symbols:
            ours, theirs = booked.get(symbol, ZERO) + rows[symbol].cost, ZERO
            if (one := told.get(symbol)) is not None:
                theirs = ours if one.entry_price is None else one.quantity * one.entry_price
            self._beyond[symbol] = theirs - ours

    def without_costs(self, gaps: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Return differences of money without what positions cost; where a position itself differs, it takes that along."""
        found = dict(gaps)
        for symbol, beyond in self._beyond.items():
            if symbol in self._quotes and symbol not in gaps:
                asset = self._quotes[symbol]
                found[asset] = found.get(asset, ZERO) - beyond
        return {asset: gap for asset, gap in sorted(found.items()) if gap}

    def cost_of_gap(self, asset: str, gap: Decimal) -> Decimal:
        """Return what a position's difference adds to what its remainder was opened for: nothing is left of a flat one."""
        if asset not in self._beyond:
            return ZERO
        row = self._rows[asset]
        return self._beyond[asset] if row.remainder + gap else -row.cost
