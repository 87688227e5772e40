"""What an open portfolio page shows: the snapshot of topic `portfolio:<id>`, for its owner alone, and the same cells later.

Cells: `equity`, `cash`, `free`, `exposure`, `profit`, `unrealized`, and `<instrument id>.value` and `.unrealized` of what is
held. A message may also have `refresh`, the parts of the page that have new rows: summary, positions, orders, fills,
ledger, follow, plans.
"""

from __future__ import annotations

from typing import Any

from accounts.teams.models import Permission
from common import display
from common.realtime import Payload
from portfolios.selectors import Worth, portfolio_for_user, worth_of

TOPIC = "portfolio"


def topic(portfolio_id: object) -> str:
    return f"{TOPIC}:{portfolio_id}"


def portfolio_snapshot(user: Any, key: str) -> Payload:
    """Return the cells of the user's own portfolio; NotFound for anybody else's."""
    portfolio = portfolio_for_user(user, key, Permission.VIEW)
    return {"cells": worth_cells(worth_of([portfolio])[portfolio.pk])}


def worth_cells(worth: Worth) -> dict[str, str]:
    """Return a portfolio's worth as texts for marked cells, in its settlement currency."""
    cells = {
        "equity": display.money(worth.equity),
        "cash": display.money(worth.cash),
        "free": display.money(worth.free),
        "exposure": display.money(worth.exposure),
        "profit": display.signed(display.money(worth.profit)),
        "unrealized": display.signed(display.money(worth.unrealized_pnl)),
    }
    for holding in worth.holdings:
        key = holding.position.instrument_id
        cells[f"{key}.value"] = display.money(holding.value)
        cells[f"{key}.unrealized"] = display.signed(display.money(holding.unrealized_pnl))
    return cells
