"""Leverage and margin mode at the venue: set before the first open of a perpetual that is to be traded on others than the last.

The row is written when the venue has answered. A signer that dies before asks again, which changes nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.services import notify
from common.clock import wall_now
from common.db import bulk_save
from markets.models import MarketKind
from portfolios.margin_models import MarginMode, VenueTerms
from portfolios.models import AccountState, ExchangeAccount, Position
from portfolios.services.books import lock_portfolios
from trading.brokers import Answer, Terms
from trading.brokers.choosing import account_broker
from trading.models import Leg, Order, OrderState
from trading.services.fills import with_instruments
from trading.services.netting import stands_of
from trading.services.withdrawing import end_orders, take_off_targets

OPENS = Q(leg=Leg.OPEN, instrument__market__kind=MarketKind.PERPETUAL)


@dataclass(frozen=True, slots=True)
class _Open:
    """An order that waits to open a perpetual, and the terms of its position."""

    pk: UUID
    portfolio_id: UUID
    instrument_id: UUID
    terms: Terms


def on_terms(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Return of PENDING orders of an account those that may be sent: what opens a perpetual only on the terms its venue has.

    Asks the venue where they differ from what it took last; what it refuses ends DENIED, what it does not answer waits.
    Not inside a transaction.
    """
    works = Q(portfolio__account__state=AccountState.READY)
    opens = _opens(orders.filter(works))
    first: dict[UUID, _Open] = {}
    for one in opens:
        first.setdefault(one.instrument_id, one)
    ready = _told_alike(list(first.values())) if first else set()
    asked = [one for one in first.values() if one.instrument_id not in ready]
    answers = account_broker().set_terms([one.terms for one in asked]) if asked else []
    for one, answer in zip(asked, answers, strict=True):
        _keep(one, answer)
        if answer.refusal:
            _deny(orders, one, answer)
        elif answer.is_taken:
            ready.add(one.instrument_id)
    # Those of other portfolios on other terms come after: by then the first ones stand there.
    sent = [one.pk for one in opens if one.instrument_id in ready and one.terms == first[one.instrument_id].terms]
    # What opens with a key that does not work is judged, and denied; one that comes this moment waits for the next look.
    return orders.filter(~OPENS | ~works | Q(pk__in=sent))


def _opens(orders: QuerySet[Order]) -> list[_Open]:
    """Return what waits to open perpetuals, the oldest first, with the terms of its position."""
    names = ("pk", "portfolio_id", "instrument_id", "portfolio__account_id", "instrument__gateway_symbol")
    rows = list(orders.filter(OPENS).order_by("recorded_at", "pk").values_list(*names))
    if not rows:
        return []
    found = Position.objects.filter(portfolio__in={row[1] for row in rows}, instrument__in={row[2] for row in rows})
    kept = {
        (portfolio, instrument): (leverage, mode)
        for portfolio, instrument, leverage, mode in found.values_list(
            "portfolio_id", "instrument_id", "leverage", "margin_mode"
        )
    }
    return [
        _Open(pk, portfolio, instrument, Terms(account, symbol, *kept.get((portfolio, instrument), _AT_FIRST)))
        for pk, portfolio, instrument, account, symbol in rows
    ]


_AT_FIRST = (1, str(MarginMode.ISOLATED))


def _told_alike(opens: Sequence[_Open]) -> set[UUID]:
    """Return the instruments whose venue took these terms last, or where others stand: judging tells whether on the same."""
    account_id = opens[0].terms.account_id
    rows = VenueTerms.objects.filter(
        account=account_id, instrument__in=[one.instrument_id for one in opens], refusal=""
    )
    taken = {row.instrument_id: (row.leverage, row.margin_mode) for row in rows}
    stands = stands_of({account_id}, {one.terms.symbol for one in opens})
    return {
        one.instrument_id
        for one in opens
        if taken.get(one.instrument_id) == (one.terms.leverage, one.terms.margin_mode)
        or any(row.symbol == one.terms.symbol and row.portfolio_id not in (None, one.portfolio_id) for row in stands)
    }


def _keep(one: _Open, answer: Answer) -> None:
    """Write down what a venue said to terms; silence says nothing."""
    if not answer.is_taken and not answer.refusal:
        return
    row = VenueTerms.objects.filter(account=one.terms.account_id, instrument=one.instrument_id).first()
    row = row or VenueTerms(account_id=one.terms.account_id, instrument_id=one.instrument_id)
    row.leverage, row.margin_mode, row.refusal = one.terms.leverage, one.terms.margin_mode, answer.refusal
    row.asked_at = wall_now()
    bulk_save(VenueTerms, [row], ["leverage", "margin_mode", "refusal", "asked_at"])


@transaction.atomic
def _deny(orders: QuerySet[Order], one: _Open, answer: Answer) -> None:
    """End what waits to open on terms that the venue refuses, and tell their owner its reason."""
    waiting = orders.filter(OPENS, portfolio=one.portfolio_id, instrument=one.instrument_id)
    portfolios = lock_portfolios([one.portfolio_id])
    found = with_instruments(Order.objects.filter(pk__in=list(waiting.values_list("pk", flat=True))), portfolios)
    pending = [order for order in found if order.state == OrderState.PENDING]
    denied = end_orders(pending, OrderState.DENIED, "TERMS_REFUSED_BY_VENUE")
    if not denied:
        return
    take_off_targets((order, order.requested_quantity) for order in denied)
    account = ExchangeAccount.objects.select_related("owner").get(pk=one.terms.account_id)
    notify(
        user=account.owner,
        event="exchange_account.terms_refused",
        context={
            "label": account.label,
            "account": str(account.pk),
            "symbol": one.terms.symbol,
            "terms": f"{one.terms.leverage}x {one.terms.margin_mode.lower()}",
            "reason": answer.refusal,
        },
    )
