"""What an open portfolio page shows: the snapshot of topic `portfolio:<id>`, for its owner alone."""

from __future__ import annotations

from typing import Any

from common import display
from common.realtime import Payload
from portfolios.models import Portfolio
from portfolios.selectors import Worth, portfolio_for_user, worth_of

TOPIC = "portfolio"


def topic(portfolio_id: object) -> str:
    return f"{TOPIC}:{portfolio_id}"


def portfolio_snapshot(user: Any, key: str) -> Payload:
    """Return the cells of the user's own portfolio; NotFound for anybody else's."""
    portfolio = portfolio_for_user(user, key)
    return {"cells": worth_cells(portfolio, worth_of([portfolio])[portfolio.pk])}


def worth_cells(portfolio: Portfolio, worth: Worth) -> dict[str, str]:
    """Return a portfolio's worth as texts for marked cells, in its settlement currency."""
    profit = worth.realized_pnl + worth.unrealized_pnl - worth.fees_paid
    return {
        "equity": display.money(worth.equity),
        "cash": display.money(worth.cash),
        "free": display.money(worth.free),
        "exposure": display.money(worth.exposure),
        "profit": display.signed(display.money(profit)),
        "unrealized": display.signed(display.money(worth.unrealized_pnl)),
    }
