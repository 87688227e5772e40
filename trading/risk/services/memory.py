"""What risk remembers of a portfolio: its marks, and the trades that ended; only portfolios that have limits are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from common.db import bulk_update
from common.fields import canonical
from engine.decimals import ZERO
from engine.risk.marks import Marks
from portfolios.models import Position
from portfolios.services.books import Booked
from trading.models import CauseKind, Fill, Order
from trading.risk.facts import profiles_of
from trading.risk.models import RiskState

# More than any limit counts back; a trade is some 80 bytes.
TRADES_KEPT = 200
# What went out because the price went against it.
_BY_STOP = (CauseKind.TRIGGER, CauseKind.LIQUIDATION, CauseKind.PROTECTION)


def set_marks(state: RiskState, marks: Marks) -> None:
    """Write marks into a state, unsaved."""
    state.day, state.day_equity, state.week_equity = marks.day, marks.day_equity, marks.week_equity
    state.peak_equity, state.net_deposits = marks.peak_equity, marks.net_deposits


def remember_trades(fills: Sequence[Fill], orders: Mapping[UUID, Order], booked: Mapping[UUID, Booked]) -> None:
    """Write down the round trips that these fills ended, in the transaction that books them; caller holds the portfolios' locks.

    One statement where a position became flat and no portfolio has limits, none where no position did.
    """
    ends = [fill for fill in fills if not booked[fill.pk].held]
    profiles = profiles_of(fill.portfolio_id for fill in ends) if ends else {}
    ends = [fill for fill in ends if fill.portfolio_id in profiles]
    if not ends:
        return
    earned = _earned({fill.portfolio_id for fill in ends}, {fill.instrument_id for fill in ends})
    states = {pk: profile.state for pk, profile in profiles.items()}
    for fill in ends:
        order = orders[fill.order_id]
        total = earned[fill.portfolio_id, fill.instrument_id]
        _add_trade(states[fill.portfolio_id], order, total, fill.happened_at)
    bulk_update(RiskState, list(states.values()), ["trades", "settled"])


def _earned(portfolio_ids: set[UUID], instrument_ids: set[UUID]) -> dict[tuple[UUID, UUID], Decimal]:
    """Return what each position has earned so far, after fees."""
    rows = Position.objects.filter(portfolio_id__among=portfolio_ids, instrument_id__among=instrument_ids)
    return {(row.portfolio_id, row.instrument_id): row.earned for row in rows}


def _add_trade(state: RiskState, order: Order, total: Decimal, at: datetime) -> None:
    key = str(order.instrument_id)
    profit = total - Decimal(state.settled.get(key, "0"))
    state.settled[key] = canonical(total)
    trade = [at.isoformat(), order.instrument.symbol, canonical(profit), order.cause_kind in _BY_STOP]
    state.trades = [*state.trades, trade][-TRADES_KEPT:]


def settled_now(portfolio_id: UUID) -> dict[str, str]:
    """Return what each position of a portfolio has earned up to now: trades that are remembered begin here."""
    rows = Position.objects.filter(portfolio_id=portfolio_id)
    return {str(row.instrument_id): canonical(row.earned) for row in rows if row.earned != ZERO}
