"""Reads of competitions: public, with a ranking that is live while they run and frozen afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, QuerySet

from accounts.models import User
from common import display
from common.clock import announced_time, market_now
from common.errors import NotFound
from community.models import Competition, CompetitionEntry, CompetitionState
from portfolios.selectors import worth_of

Asker = User | AnonymousUser | None


def competitions() -> QuerySet[Competition]:
    """Return competitions, newest first, with what showing them needs and how many `entrants` each has."""
    related = Competition.objects.select_related("exchange", "settlement")
    return related.annotate(entrants=Count("entries")).order_by("-pk")


def competition_for_reader(competition_id: UUID | str) -> Competition:
    """The gate of readers: competitions are public, so everybody may see each."""
    try:
        found = competitions().filter(pk=UUID(str(competition_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("competition")
    return found


def entry_of(user: Asker, competition: Competition) -> CompetitionEntry | None:
    """Return the user's own entry, if there is one."""
    if user is None or not user.is_authenticated:
        return None
    return CompetitionEntry.objects.filter(competition=competition, user=user.pk).select_related("portfolio").first()


def entries_of(user: User) -> QuerySet[CompetitionEntry]:
    """Return what the user took part in, newest first."""
    return CompetitionEntry.objects.filter(user=user).select_related("competition__settlement").order_by("-pk")


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a competition stands: UPCOMING, RUNNING, CLOSING (over, not yet ranked for good) or CLOSED."""

    name: str
    now: datetime

    @property
    def is_running(self) -> bool:
        return self.name == "RUNNING"


def phase_of(competition: Competition) -> Phase:
    """Return the phase by the market time of the competition's exchange."""
    now = market_now(competition.exchange.namespace)
    if competition.state == CompetitionState.CLOSED:
        return Phase("CLOSED", now)
    if now < competition.starts_at:
        return Phase("UPCOMING", now)
    return Phase("RUNNING" if now < competition.ends_at else "CLOSING", now)


@dataclass(frozen=True, slots=True)
class Standing:
    """One line of a ranking; `return_ratio` is measured on the starting capital."""

    rank: int
    entry: CompetitionEntry
    equity: Decimal
    return_ratio: Decimal


def ranking(competition: Competition) -> list[Standing]:
    """Return the standings, best first: live equity while it is open, the stored result once it is closed.

    A constant number of statements. Equal equity shares a rank; then whoever entered first stands first.
    """
    rows = CompetitionEntry.objects.filter(competition=competition).select_related("user__profile", "portfolio")
    entries = list(rows.order_by("pk"))
    capital = competition.starting_capital
    return [
        Standing(rank, entry, equity, equity / capital - 1)
        for rank, entry, equity in ranked(entries, equity_of(entries))
    ]


def equity_of(entries: Sequence[CompetitionEntry]) -> dict[UUID, Decimal]:
    """Return each entry's equity: what was stored at the close, else what its portfolio is worth now."""
    final = {one.pk: one.final_equity for one in entries if one.final_equity is not None}
    open_entries = [one for one in entries if one.pk not in final]
    worth = worth_of([one.portfolio for one in open_entries])
    return final | {one.pk: worth[one.portfolio_id].equity for one in open_entries}


def ranked(
    entries: Sequence[CompetitionEntry], equity: dict[UUID, Decimal]
) -> list[tuple[int, CompetitionEntry, Decimal]]:
    """Return (rank, entry, equity), best first; `entries` come in the order in which they were entered."""
    ordered = sorted(entries, key=lambda one: -equity[one.pk])
    rows: list[tuple[int, CompetitionEntry, Decimal]] = []
    for place, entry in enumerate(ordered, start=1):
        shares = bool(rows) and rows[-1][2] == equity[entry.pk]
        rows.append((rows[-1][0] if shares else place, entry, equity[entry.pk]))
    return rows


def due_competitions() -> list[UUID]:
    """Return the open competitions whose end has come by their own market's time.

    Closing is for good, so it needs a time that the market itself announced: one whose feed is away has none.
    """
    open_ones = Competition.objects.filter(state=CompetitionState.OPEN)
    namespaces = set(open_ones.values_list("exchange__namespace", flat=True))
    now = {namespace: at for namespace in namespaces if (at := announced_time(namespace))}
    rows = open_ones.order_by("ends_at").values_list("pk", "ends_at", "exchange__namespace")
    return [pk for pk, ends_at, namespace in rows if namespace in now and ends_at <= now[namespace]]


def has_due_competition(namespace: str) -> bool:
    """Say whether market time should wait: a competition is over and not yet closed."""
    due = Competition.objects.filter(
        state=CompetitionState.OPEN, exchange__namespace=namespace, ends_at__lte=market_now(namespace)
    )
    return due.exists()


def running_competitions() -> list[Competition]:
    """Return the competitions whose ranking moves at the moment."""
    open_ones = competitions().filter(state=CompetitionState.OPEN)
    return [one for one in open_ones if phase_of(one).is_running]


def competition_cells(competition: Competition, standings: Sequence[Standing]) -> dict[str, str]:
    """Return the figures of a competition's page by the names of their cells: `entry.<id>.equity` and so on."""
    cells = {"now": f"{phase_of(competition).now:%-d %b, %H:%M}", "entrants": str(len(standings))}
    for one in standings:
        key = f"entry.{one.entry.pk}"
        cells[f"{key}.rank"] = str(one.rank)
        cells[f"{key}.equity"] = display.money(one.equity)
        cells[f"{key}.return"] = display.signed(display.percent(one.return_ratio))
    return cells


def competition_snapshot(user: Asker, key: str) -> dict[str, Any]:
    """Gate and snapshot of the topic `competition:<id>`."""
    competition = competition_for_reader(key)
    return {"cells": competition_cells(competition, ranking(competition))}
