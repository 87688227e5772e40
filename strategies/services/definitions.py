"""Strategies as their authors write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError, NotFound
from engine.timeframes import TIMEFRAMES
from markets.models import Instrument, InstrumentState
from strategies.models import Strategy, StrategyVersion, Template
from strategies.parameters import parse_parameters


@transaction.atomic
def save_strategy(
    *,
    owner: User,
    name: str,
    instrument: Instrument,
    timeframe: str,
    parameters: Mapping[str, Any],
    strategy: Strategy | None = None,
) -> StrategyVersion:
    """Save a new strategy, or edit one, and return the version that now holds these settings.

    A version that has run is never changed: an edit then makes the next one. Saving what is there already changes
    nothing. Refusals name the field in their context.
    """
    settings = parse_parameters(parameters).stored()
    _check_series(instrument, timeframe)
    # The owner's row serialises two saves of one person: the limit and the name are judged on what is really there.
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    saved = _create(owner, name) if strategy is None else _rename(owner, strategy, name)
    newest = StrategyVersion.objects.filter(strategy=saved).order_by("-number").first()
    if newest and (newest.instrument_id, newest.timeframe, newest.parameters) == (instrument.pk, timeframe, settings):
        return newest
    version = _version_to_write(saved, newest)
    version.instrument, version.timeframe, version.parameters = instrument, timeframe, settings
    version.save()
    after = {"version": version.number, "instrument": instrument.symbol, "timeframe": timeframe, **settings}
    audit(action="strategy.saved", obj=saved, actor=owner, after=after)
    return version


def _check_series(instrument: Instrument, timeframe: str) -> None:
    if timeframe not in TIMEFRAMES:
        message = f"Choose one of the timeframes {', '.join(TIMEFRAMES)}."
        raise DomainError("TIMEFRAME_UNKNOWN", message, {"field": "timeframe"})
    if instrument.state != InstrumentState.ACTIVE:
        message = f"{instrument.symbol} is no longer traded here; choose another instrument."
        raise DomainError("INSTRUMENT_NOT_TRADABLE", message, {"field": "instrument"})


def _create(owner: User, name: str) -> Strategy:
    mine = Strategy.objects.filter(owner=owner)
    check_limit(owner, LimitName.STRATEGIES, mine.count())
    return Strategy.objects.create(
        owner=owner, name=_free_name(owner, name), template=Template.EMA_CROSS, created_at=wall_now()
    )


def _rename(owner: User, strategy: Strategy, name: str) -> Strategy:
    # Locked, so that a version cannot be started (services/runs.py) while it is being edited.
    locked = Strategy.objects.select_for_update(no_key=True).filter(pk=strategy.pk, owner=owner).first()
    if locked is None:
        raise NotFound("strategy")
    renamed = _free_name(owner, name, besides=locked)
    if renamed != locked.name:
        audit(action="strategy.renamed", obj=locked, actor=owner)
        locked.name = renamed
        locked.save(update_fields=["name"])
    return locked


def _free_name(owner: User, name: str, besides: Strategy | None = None) -> str:
    name = name.strip()
    if not name or len(name) > 80:
        raise DomainError("NAME_INVALID", "Give the strategy a name of 1 to 80 characters.", {"field": "name"})
    namesake = Strategy.objects.filter(owner=owner, name=name).first()
    if namesake is not None and namesake != besides:
        message = f"You already have a strategy named {name!r}; choose another name."
        raise DomainError("NAME_TAKEN", message, {"field": "name"}, status=409)
    return name


def _version_to_write(strategy: Strategy, newest: StrategyVersion | None) -> StrategyVersion:
    """Return the newest version while it is still free to change, else a new one with the next number."""
    if newest is not None and not newest.runs.exists():
        return newest
    number = 1 if newest is None else newest.number + 1
    return StrategyVersion(strategy=strategy, number=number, created_at=wall_now())
