"""What must be watched although nobody looks at it: prices on which somebody's money depends."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from engine.decimals import ZERO
from markets.models import InterestKind
from markets.services import renew_interests
from portfolios.models import Position
from trading.models import UNFINISHED, Order, Trigger, TriggerState
from trading.plans.models import UNFINISHED_PLAN, Plan


def renew_trading_interests() -> int:
    """Have the prices of open positions, unfinished orders, armed triggers and unfinished plans watched, at connected exchanges.

    And the order books that unfinished orders on paper may have to walk. Six statements, however many there are;
    returns how many interests that came to.
    """
    unfinished = Order.objects.filter(state__in=UNFINISHED)
    at_stake: dict[str, QuerySet[Any]] = {
        "position": Position.objects.exclude(quantity=ZERO),
        "order": unfinished,
        "trigger": Trigger.objects.filter(state=TriggerState.ARMED),
        "plan": Plan.objects.filter(state__in=UNFINISHED_PLAN),
    }
    wanted = [
        (instrument_id, InterestKind.TICKER, reason)
        for reason, rows in at_stake.items()
        for instrument_id in _instruments_of(rows)
    ]
    on_paper = _instruments_of(unfinished.filter(portfolio__account=None))
    return renew_interests(wanted=wanted + [(instrument_id, InterestKind.BOOK, "order") for instrument_id in on_paper])


def _instruments_of(rows: QuerySet[Any]) -> QuerySet[Any]:
    connected = rows.exclude(instrument__exchange__dialect="").order_by()
    return connected.values_list("instrument", flat=True).distinct()
