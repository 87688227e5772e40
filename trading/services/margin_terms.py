"""Leverage and margin mode of a position, chosen by hand."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now
from common.errors import DomainError
from common.realtime import publish
from markets.models import Instrument
from portfolios.margin_models import MarginMode
from portfolios.models import Portfolio, Position
from portfolios.services.margin import change_terms
from trading.models import UNFINISHED, Leg, Order
from trading.services.orders import lock_by_hand, refuse_foreign
from trading.services.triggers import hint_at_margins


@transaction.atomic
def set_margin_terms(
    *, actor: User, portfolio: Portfolio, instrument: Instrument, leverage: int, mode: MarginMode
) -> Position:
    """Choose what a portfolio's position in a perpetual is traded on; the same again changes nothing.

    Beside what `change_terms` refuses: NOT_ON_MARGIN for spot, MARGIN_ORDERS_OPEN while opens wait that were promised at the
    terms as they are (exchanges refuse the same), and TERMS_AT_THE_VENUE while a position is open on an exchange account,
    which hears of them before the next open.
    """
    if not instrument.is_perpetual:
        message = f"{instrument.symbol} is not traded on margin: it has no leverage."
        raise DomainError("NOT_ON_MARGIN", message, {"field": "instrument"})
    refuse_foreign(portfolio, instrument)
    locked = lock_by_hand(portfolio)
    held = Position.objects.filter(portfolio=locked, instrument=instrument).first()
    before = {"leverage": held.leverage, "margin_mode": held.margin_mode} if held else None
    after = {"leverage": leverage, "margin_mode": str(mode)}
    if held is not None and before == after:
        return held
    waiting = Order.objects.filter(portfolio=locked, instrument=instrument, leg=Leg.OPEN, state__in=UNFINISHED)
    if waiting.exists():
        message = "Cancel what waits to open in this market first: it was promised at the terms as they are."
        raise DomainError("MARGIN_ORDERS_OPEN", message, {"field": "leverage"}, status=409)
    if locked.account_id is not None and held is not None and held.quantity:
        message = "Close the position first: on an exchange account its terms stay as long as it is open."
        raise DomainError("TERMS_AT_THE_VENUE", message, {"field": "leverage"}, status=409)
    at = market_now(locked.namespace)
    position = change_terms(portfolio=locked, instrument=instrument, leverage=leverage, mode=mode, at=at)
    audit(action="position.terms_changed", obj=position, actor=actor, before=before, after=after)
    hint_at_margins([locked.namespace])
    publish([(f"portfolio:{locked.pk}", {"refresh": ["positions", "summary", "ledger"]})])
    return position
