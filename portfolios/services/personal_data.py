"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from portfolios.models import Balance, LedgerLine, Portfolio, PortfolioState, Position
from portfolios.services.states import freeze_portfolios

_BOOK = ("id", "name", "kind", "namespace", "settlement_id", "state", "net_deposits", "opened_at")
_LINE = ("booking_id", "kind", "portfolio_id", "account", "asset_id", "amount", "happened_at", "recorded_at")


def export_portfolios(user: User) -> dict[str, Any]:
    """Return the user's portfolios with what they hold and every line that proves it."""
    mine = {"portfolio__owner": user}
    balances = Balance.objects.filter(**mine).order_by("pk")
    positions = Position.objects.filter(**mine).order_by("pk")
    held = ("portfolio_id", "instrument__symbol", "quantity", "cost", "realized_pnl", "fees_paid")
    return {
        "portfolios": list(Portfolio.objects.filter(owner=user).order_by("pk").values(*_BOOK)),
        "balances": list(balances.values("portfolio_id", "asset_id", "amount", "reserved")),
        "positions": list(positions.values(*held)),
        "ledger": list(LedgerLine.objects.filter(**mine).order_by("pk").values(*_LINE)),
    }


def erase_portfolios(user: User) -> None:
    """Freeze the user's portfolios and take their names off; the books stay, for other people's rest on them."""
    mine = Portfolio.objects.filter(owner=user).exclude(state=PortfolioState.CLOSED)
    freeze_portfolios(portfolio_ids=mine.values_list("pk", flat=True))
    for portfolio in Portfolio.objects.filter(owner=user):
        portfolio.name = f"Portfolio {portfolio.pk.hex}"
        portfolio.save(update_fields=["name"])
