"""Reads of signals, and the gate of their sources."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from common.errors import NotFound
from portfolios.models import Portfolio
from portfolios.selectors import within_reach
from trading.signals.models import Signal, SignalSource

RECENT = 20


def source_for_user(user: User, source_id: UUID) -> SignalSource:
    """The gate: a source of one of the user's own portfolios, or NotFound."""
    own = SignalSource.objects.filter(within_reach(user), portfolio__owner=user).select_related("portfolio__owner")
    found = own.filter(pk=source_id).first()
    if found is None:
        raise NotFound("signal source")
    return found


def sources_of(portfolio: Portfolio) -> QuerySet[SignalSource]:
    """Return a portfolio's sources, oldest first."""
    return SignalSource.objects.filter(portfolio=portfolio).order_by("pk")


def sources_of_user(user: User) -> QuerySet[SignalSource]:
    """Return the sources of all portfolios of the user's, oldest first."""
    return SignalSource.objects.filter(within_reach(user), portfolio__owner=user).order_by("pk")


def signals_of(portfolio: Portfolio) -> QuerySet[Signal]:
    """Return what the portfolio's sources sent, newest first, with what became of it."""
    related = ("source", "instrument__market", "order__instrument__market", "order__portfolio")
    return Signal.objects.filter(source__portfolio=portfolio).select_related(*related).order_by("-pk")
