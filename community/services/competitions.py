"""Competitions: set up by an operator, entered by people, closed once by market time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import market_now
from common.db import bulk_update, lock_rows
from common.errors import DomainError
from common.realtime import publish
from community.models import Competition, CompetitionEntry, CompetitionState
from community.selectors import Phase, competition_cells, entry_of, equity_of, phase_of, ranked, ranking
from markets.models import Asset, Exchange, Instrument, InstrumentState
from portfolios.models import Portfolio
from portfolios.selectors import portfolios_of
from portfolios.services.cash import check_amount, open_portfolio
from portfolios.services.states import freeze_portfolios
from strategies.selectors import running_ids
from strategies.services.runs import stop_runs

MAX_TITLE, MAX_DESCRIPTION = 80, 4_000
STOPPED_BY_CLOSE = "COMPETITION_CLOSED"


@transaction.atomic
def create_competition(
    *,
    operator: User,
    title: str,
    description: str,
    exchange: Exchange,
    settlement: Asset,
    starting_capital: Decimal,
    allowed_instruments: Sequence[Instrument],
    starts_at: datetime,
    ends_at: datetime,
) -> Competition:
    """Set up a competition. Its window is market time of the exchange; refusals name the field in their context."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may set up a competition.", status=403)
    title, description = _checked_words(title, description)
    _check_window(exchange, starts_at, ends_at)
    _check_instruments(exchange, settlement, allowed_instruments)
    try:
        check_amount(starting_capital)
    except DomainError as error:
        error.context["field"] = "starting_capital"
        raise
    competition = Competition.objects.create(
        title=title,
        description=description,
        exchange=exchange,
        settlement=settlement,
        starting_capital=starting_capital,
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=operator,
    )
    competition.allowed_instruments.set(allowed_instruments)
    after = {"title": title, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
    audit(action="competition.created", obj=competition, actor=operator, after=after)
    return competition


def _checked_words(title: str, description: str) -> tuple[str, str]:
    title, description = title.strip(), description.strip()
    if not title or len(title) > MAX_TITLE:
        message = f"Give the competition a title of 1 to {MAX_TITLE} characters."
        raise DomainError("TITLE_INVALID", message, {"field": "title"})
    if len(description) > MAX_DESCRIPTION:
        message = f"Describe it in at most {MAX_DESCRIPTION:,} characters."
        raise DomainError("DESCRIPTION_TOO_LONG", message, {"field": "description"})
    return title, description


def _check_window(exchange: Exchange, starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise DomainError("WINDOW_INVALID", "Let the competition end after it starts.", {"field": "ends_at"})
    now = market_now(exchange.namespace)
    if ends_at <= now:
        message = f"Choose an end in the future: it is {now:%Y-%m-%d %H:%M} UTC on {exchange} already."
        raise DomainError("WINDOW_OVER", message, {"field": "ends_at", "now": now.isoformat()})


def _check_instruments(exchange: Exchange, settlement: Asset, instruments: Sequence[Instrument]) -> None:
    if not instruments:
        message = "Choose at least one instrument to trade."
        raise DomainError("INSTRUMENTS_MISSING", message, {"field": "allowed_instruments"})
    for one in instruments:
        fits = one.exchange_id == exchange.pk and one.market.quote_id == settlement.pk
        if not fits or one.state != InstrumentState.ACTIVE:
            message = f"{one.symbol} is not traded on {exchange} against {settlement}; choose others."
            raise DomainError("INSTRUMENT_DOES_NOT_FIT", message, {"field": "allowed_instruments"})


@transaction.atomic
def enter_competition(*, user: User, competition: Competition) -> CompetitionEntry:
    """Take part: opens a portfolio with the starting capital that trades the allowed instruments and nothing else."""
    # Locked, so that nobody slips in while it is being closed, nor twice.
    locked = lock_rows(Competition.objects.filter(pk=competition.pk).select_related("exchange", "settlement"))[0]
    _refuse_entry(phase_of(locked), locked)
    if entry_of(user, locked) is not None:
        raise DomainError("ALREADY_ENTERED", "You take part in this competition already.", status=409)
    entry = CompetitionEntry.objects.create(
        competition=locked,
        user=user,
        portfolio=_open_portfolio(user, locked),
        entered_at=market_now(locked.exchange.namespace),
    )
    audit(action="competition.entered", obj=entry, actor=user, after={"competition": str(locked.pk)})
    publish([(f"competition:{locked.pk}", {"refresh": ["ranking"]})])
    return entry


def _refuse_entry(phase: Phase, competition: Competition) -> None:
    if phase.name == "UPCOMING":
        message = f"This competition starts at {competition.starts_at:%Y-%m-%d %H:%M} UTC; enter it then."
        raise DomainError("COMPETITION_NOT_STARTED", message, status=409)
    if not phase.is_running:
        raise DomainError("COMPETITION_OVER", "This competition is over; look for the next one.", status=409)


def _open_portfolio(user: User, competition: Competition) -> Portfolio:
    taken = set(portfolios_of(user).filter(owner=user).values_list("name", flat=True))
    names = (competition.title, *(f"{competition.title[:70]} ({number})" for number in range(2, len(taken) + 3)))
    return open_portfolio(
        owner=user,
        name=next(name for name in names if name not in taken),
        exchange=competition.exchange,
        settlement=competition.settlement,
        amount=competition.starting_capital,
        only_instruments=list(competition.allowed_instruments.all()),
        cash_is_locked=True,
    )


@transaction.atomic
def close_competition(*, competition_id: UUID) -> bool:
    """End a competition whose time has come: runs stop, portfolios freeze, equity and rank are stored once.

    Return whether this call closed it; a repeat, or one that comes early, changes nothing.
    """
    rows = Competition.objects.filter(pk=competition_id, state=CompetitionState.OPEN).select_related("exchange")
    competition = next(iter(lock_rows(rows)), None)
    if competition is None or phase_of(competition).name != "CLOSING":
        return False
    entries = list(CompetitionEntry.objects.filter(competition=competition).order_by("pk").select_related("portfolio"))
    portfolio_ids = [one.portfolio_id for one in entries]
    # Frozen portfolios stay locked until the commit: no run starts and no fill comes before all is measured.
    freeze_portfolios(portfolio_ids=portfolio_ids)
    stop_runs(run_ids=running_ids(portfolio_ids), code=STOPPED_BY_CLOSE)
    for rank, entry, equity in ranked(entries, equity_of(entries)):
        entry.final_rank, entry.final_equity = rank, equity
    bulk_update(CompetitionEntry, entries, ["final_rank", "final_equity"])
    competition.state = CompetitionState.CLOSED
    competition.save(update_fields=["state"])
    audit(action="competition.closed", obj=competition, after={"entrants": len(entries)})
    publish([(f"competition:{competition.pk}", {"refresh": ["ranking", "state"]})])
    return True


def publish_ranking(*, competition: Competition) -> None:
    """Tell open pages where everybody stands. A page whose order no longer fits fetches it anew."""
    standings = ranking(competition)
    cells = competition_cells(competition, standings)
    publish([(f"competition:{competition.pk}", {"cells": cells, "refresh": ["ranking"]})])
