"""What must be watched although nobody looks at it: prices on which somebody's money depends."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from engine.decimals import ZERO
from markets.models import InterestKind
from markets.services import renew_interests
from portfolios.models import Position
from trading.models import UNFINISHED, Order, Trigger, TriggerState


def renew_trading_interests() -> int:
    """Have the prices of open positions, unfinished orders and armed triggers watched, at connected exchanges.

    Four statements, however many there are; returns how many interests that came to.
    """
    at_stake: dict[str, QuerySet[Any]] = {
        "position": Position.objects.exclude(quantity=ZERO),
        "order": Order.objects.filter(state__in=UNFINISHED),
        "trigger": Trigger.objects.filter(state=TriggerState.ARMED),
    }
    return renew_interests(
        wanted=[
            (instrument_id, InterestKind.TICKER, reason)
            for reason, rows in at_stake.items()
            for instrument_id in _instruments_of(rows)
        ]
    )


def _instruments_of(rows: QuerySet[Any]) -> QuerySet[Any]:
    connected = rows.exclude(instrument__exchange__dialect="").order_by()
    return connected.values_list("instrument", flat=True).distinct()
