"""Strategies as their authors write them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.models import LimitName, User
from accounts.selectors import check_limit
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError, NotFound
from engine.strategy.encode import to_json
from engine.strategy.graph import graph_hash
from engine.strategy.types import Graph
from engine.timeframes import TIMEFRAMES
from markets.models import Instrument, InstrumentState
from strategies.faces import Face, graph_of, template_name
from strategies.models import FurtherInstrument, Strategy, StrategyVersion

MAX_INSTRUMENTS = 20


@transaction.atomic
def save_strategy(
    *,
    owner: User,
    name: str,
    instruments: Sequence[Instrument],
    timeframe: str,
    face: Face,
    strategy: Strategy | None = None,
) -> StrategyVersion:
    """Save a new strategy, or edit one, and return the version that now holds these settings.

    A version that has run or was tried is never changed: an edit then makes the next one. Saving what is there already changes
    nothing. Refusals name the field in their context.
    """
    graph = graph_of(face)
    check_series(instruments, timeframe)
    # The owner's row serialises two saves of one person: the limit and the name are judged on what is really there.
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    saved = _create(owner, name) if strategy is None else _rename(owner, strategy, name)
    newest = StrategyVersion.objects.filter(strategy=saved).order_by("-number").first()
    if newest and _holds(newest, instruments, timeframe, graph):
        return newest
    saved.template = template_name(graph)
    saved.save(update_fields=["template"])
    version = _version_to_write(saved, newest)
    version.instrument, version.timeframe = instruments[0], timeframe
    version.graph, version.graph_hash = to_json(graph), graph_hash(graph)
    version.save()
    _write_further(version, instruments[1:])
    after = {"version": version.number, "instrument": instruments[0].symbol, "timeframe": timeframe}
    audit(action="strategy.saved", obj=saved, actor=owner, after={**after, "graph": version.graph_hash})
    return version


def check_series(instruments: Sequence[Instrument], timeframe: str) -> None:
    """Raise DomainError for instruments that no strategy could trade together, or an unknown timeframe."""
    if timeframe not in TIMEFRAMES:
        message = f"Choose one of the timeframes {', '.join(TIMEFRAMES)}."
        raise DomainError("TIMEFRAME_UNKNOWN", message, {"field": "timeframe"})
    where = {"field": "instrument"}
    if not 1 <= len(instruments) <= MAX_INSTRUMENTS:
        raise DomainError("INSTRUMENTS_COUNT", f"Choose 1 to {MAX_INSTRUMENTS} instruments.", where)
    if len({one.pk for one in instruments}) != len(instruments):
        raise DomainError("INSTRUMENT_TWICE", "Name each instrument once.", where)
    for one in instruments:
        if one.state != InstrumentState.ACTIVE:
            message = f"{one.symbol} is no longer traded here; choose another instrument."
            raise DomainError("INSTRUMENT_NOT_TRADABLE", message, where)
    if len({(one.exchange_id, one.market.quote_id) for one in instruments}) > 1:
        message = "Choose instruments of one exchange that settle in one currency: they share one account."
        raise DomainError("INSTRUMENTS_APART", message, where)


def _create(owner: User, name: str) -> Strategy:
    mine = Strategy.objects.filter(owner=owner)
    check_limit(owner, LimitName.STRATEGIES, mine.count())
    return Strategy.objects.create(owner=owner, name=_free_name(owner, name), created_at=wall_now())


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


def _holds(version: StrategyVersion, instruments: Sequence[Instrument], timeframe: str, graph: Graph) -> bool:
    """Say whether a version is already what is to be saved."""
    held = [version.instrument_id, *version.further.values_list("instrument", flat=True)]
    wanted = ([one.pk for one in instruments], timeframe, graph_hash(graph))
    return (held, version.timeframe, version.graph_hash) == wanted


def _version_to_write(strategy: Strategy, newest: StrategyVersion | None) -> StrategyVersion:
    """Return the newest version while nothing was ever done with it, else a new one with the next number."""
    if newest is not None and not newest.is_pinned and not _was_used(newest):
        return newest
    number = 1 if newest is None else newest.number + 1
    return StrategyVersion(strategy=strategy, number=number, created_at=wall_now())


def _was_used(version: StrategyVersion) -> bool:
    return version.runs.exists() or version.backtests.exists() or version.sweeps.exists() or version.grants.exists()


def _write_further(version: StrategyVersion, instruments: Sequence[Instrument]) -> None:
    version.further.all().delete()
    FurtherInstrument.objects.bulk_create(
        FurtherInstrument(version=version, place=place, instrument=one) for place, one in enumerate(instruments, 1)
    )
