"""The pit's market as a perpetual: alice trades it on margin, with tiers that can be told in the head."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.margin import tiers_of
from markets.models import MarketKind
from portfolios.margin_models import MarginMode
from portfolios.models import LedgerLine, Portfolio, Position
from portfolios.selectors import Worth, worth_of
from portfolios.services.margin import set_tiers
from tests.fixtures_trading import plain
from tests.fixtures_waiting import Waiting
from trading.services.margin_terms import set_margin_terms
from trading.services.sweeping import run_due

# Up to 50,000 USDT 20x and 1 %, beyond it 10x and 2 %.
TIERS = tiers_of([(Decimal(0), 20, Decimal("0.01")), (Decimal(50_000), 10, Decimal("0.02"))])


class Perpetual:
    """Alice's book of 10,000 USDT and a perpetual at 100, met by the engine at every price; no fee, no slippage."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting, self.pit = waiting, waiting.pit
        self.book = self.pit.lead
        self.instrument = self.pit.instrument
        market = self.instrument.market
        market.kind, market.contract = MarketKind.PERPETUAL, "PERP"
        market.save()
        set_tiers(instrument=self.instrument, tiers=TIERS)

    def terms(self, leverage: int, mode: MarginMode = MarginMode.ISOLATED, book: Portfolio | None = None) -> Position:
        chosen = book or self.book
        return set_margin_terms(
            actor=chosen.owner, portfolio=chosen, instrument=self.instrument, leverage=leverage, mode=mode
        )

    def position(self, book: Portfolio | None = None) -> Position:
        return Position.objects.get(portfolio=book or self.book, instrument=self.instrument)

    def told(self, book: Portfolio | None = None) -> dict[str, str]:
        """Return the position in plain figures."""
        row = self.position(book)
        names = ("quantity", "cost", "realized_pnl", "margin", "funding_paid", "insured")
        return {name: plain(getattr(row, name)) for name in names if getattr(row, name)}

    def worth(self, book: Portfolio | None = None) -> Worth:
        chosen = book or self.book
        return worth_of([Portfolio.objects.get(pk=chosen.pk)])[chosen.pk]

    def lines(self, kind: str, book: Portfolio | None = None) -> list[tuple[str, str]]:
        """Return the ledger's lines of a kind, oldest first: account and amount."""
        rows = LedgerLine.objects.filter(portfolio=book or self.book, kind=kind).order_by("pk")
        return [(row.account, plain(row.amount)) for row in rows]

    def pass_hours(self, hours: int, price: int | str = 100) -> int:
        """Let market time go on, and do what is due by then."""
        self.pit.desk.step({self.instrument: price}, at=self.pit.desk.at + timedelta(hours=hours))
        with self.pit.working():
            return run_due(namespace=self.pit.desk.namespace, until=self.pit.desk.at)


@pytest.fixture
def perpetual(waiting: Waiting) -> Perpetual:
    return Perpetual(waiting)
