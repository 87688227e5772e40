"""Reads of signals, and the gate of their sources."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from accounts.teams.models import Permission
from portfolios.access import reachable
from portfolios.models import Portfolio
from trading.selectors import row_for_user
from trading.signals.models import Signal, SignalSource

RECENT = 20


def source_for_user(user: User, source_id: UUID) -> SignalSource:
    """The gate: a source of a portfolio whose keys the user may manage; NotFound, or 403 ROLE_FORBIDS if they may only look."""
    sources = SignalSource.objects.select_related("portfolio__owner")
    return row_for_user(user, sources, source_id, "signal source", Permission.MANAGE_KEYS)


def sources_of(portfolio: Portfolio) -> QuerySet[SignalSource]:
    """Return a portfolio's sources, oldest first."""
    return SignalSource.objects.filter(portfolio=portfolio).order_by("pk")


def sources_of_user(user: User) -> QuerySet[SignalSource]:
    """Return the sources of all portfolios whose keys the user may manage, oldest first."""
    return SignalSource.objects.filter(reachable(user, Permission.MANAGE_KEYS, "portfolio__")).order_by("pk")


def signals_of(portfolio: Portfolio) -> QuerySet[Signal]:
    """Return what the portfolio's sources sent, newest first, with what became of it."""
    related = ("source", "instrument__market", "order__instrument__market", "order__portfolio")
    return Signal.objects.filter(source__portfolio=portfolio).select_related(*related).order_by("-pk")
