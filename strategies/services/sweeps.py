"""A sweep's life: one job of many points, worked off in chunks; what a chunk found is never computed again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from accounts.models import LimitName, User
from accounts.selectors import Allowance, allowance, check_limit
from accounts.services import audit
from common.clock import wall_now
from common.db import bulk_insert
from common.errors import DomainError, NotFound
from common.ids import new_token
from engine.backtest import ENGINE_VERSION, BacktestError, spec_from_json
from engine.backtest_spec import json_hash
from engine.strategy.types import Graph
from engine.sweep import Point, grid_points, random_points
from engine.timeframes import timeframe_ms
from strategies import tables
from strategies.computing import ChunkAnswer
from strategies.faces import Face
from strategies.models import UNFINISHED_JOBS, JobState, StrategyVersion, Sweep, SweepChunk, SweepPoint
from strategies.selectors import sweeps
from strategies.services import jobs
from strategies.services.backtests import forgotten, stored_studies, strategy_asked, study_name
from strategies.services.definitions import check_series
from strategies.specs import Question, data_of, frozen
from strategies.terms import Terms

# A chunk walks about so many candles over all of its points, seconds of work, and computes what its points share once.
CHUNK_CANDLES = 150_000_000
CHUNK_POINTS = 500
MIN_CHUNK_POINTS = 20


@dataclass(frozen=True, slots=True)
class Search:
    """Which points: all of a grid (name → values), or `count` random ones between the parameters' bounds (seeded)."""

    grid: Mapping[str, Sequence[float]] = field(default_factory=dict)
    random: Sequence[str] = ()
    count: int = 0
    seed: int = 1


def request_sweep(
    *,
    owner: User,
    terms: Terms,
    search: Search,
    version: StrategyVersion | None = None,
    face: Face | None = None,
    name: str = "",
) -> Sweep:
    """Store a sweep with its chunks and have them computed; the owner's own one with the same spec is returned as it is.

    Refusals name the field in their context.
    """
    graph = strategy_asked(version, face)
    points = _points(graph, search, allowance(owner, LimitName.SWEEP_POINTS))
    check_series(terms.instruments, terms.timeframe)
    question = frozen(terms, graph, most_candles=allowance(owner, LimitName.BACKTEST_CANDLES))
    spec = {**question.spec, "points": points}
    asked = Question(spec, json_hash(spec))
    with transaction.atomic():
        # The owner's row serialises two requests of one person.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        mine = sweeps().filter(owner=owner, spec_hash=asked.spec_hash, state__in=[JobState.DONE, *UNFINISHED_JOBS])
        if (found := mine.first()) is not None:
            return found
        check_limit(owner, LimitName.BACKTESTS, stored_studies(owner))
        return _store(owner, terms, version, asked, study_name(name, version, terms))


def _points(graph: Graph, search: Search, most: Allowance) -> list[dict[str, float]]:
    if bool(search.grid) == bool(search.random):
        message = "Give values for a grid, or names of parameters to draw at random."
        raise DomainError("SEARCH_NOT_GIVEN", message, {"field": "grid"})
    asked = math.prod(len(values) for values in search.grid.values()) if search.grid else search.count
    where = {"field": "grid" if search.grid else "count"}
    if asked > most.value:
        message = f"These are {asked:,} points, and {most}: try fewer values."
        raise DomainError("TOO_MANY_POINTS", message, {**where, "points": asked, "limit": most.value}, status=409)
    if asked < 2:
        raise DomainError("TOO_FEW_POINTS", "Try at least two points.", where)
    try:
        if search.grid:
            points = grid_points(graph.parameters, search.grid)
        else:
            points = random_points(graph.parameters, search.random, search.count, np.random.default_rng(search.seed))
    except BacktestError as error:
        raise DomainError(error.code, error.message, where) from error
    return list({tuple(point.items()): point for point in points}.values())


def _store(owner: User, terms: Terms, version: StrategyVersion | None, asked: Question, name: str) -> Sweep:
    points = asked.spec["points"]
    now = wall_now()
    sweep = Sweep.objects.create(
        owner=owner,
        version=version,
        name=name,
        instrument=terms.instruments[0],
        timeframe=terms.timeframe,
        starts_at=terms.start,
        ends_at=terms.end,
        spec=asked.spec,
        spec_hash=asked.spec_hash,
        engine_version=ENGINE_VERSION,
        points=len(points),
        parameters=list(points[0]),
        created_at=now,
    )
    size = _chunk_size(terms)
    due = now + jobs.LOST_AFTER
    SweepChunk.objects.bulk_create(
        SweepChunk(sweep=sweep, first=first, count=min(size, len(points) - first), claimed_until=due)
        for first in range(0, len(points), size)
    )
    audit(action="sweep.requested", obj=sweep, actor=owner, after={"spec": asked.spec_hash, "points": len(points)})
    for key in sweep.chunks.values_list("pk", flat=True):
        jobs.send(SweepChunk, key)
    return sweeps().get(pk=sweep.pk)


def _chunk_size(terms: Terms) -> int:
    candles = (terms.end - terms.start).total_seconds() * 1000 / timeframe_ms(terms.timeframe) * len(terms.instruments)
    return int(min(CHUNK_POINTS, max(MIN_CHUNK_POINTS, CHUNK_CANDLES // max(1, candles))))


def cancel_sweep(*, actor: User, sweep: Sweep) -> Sweep:
    """End a sweep that is not finished; what was found stays. A repeat is a no-op."""
    with transaction.atomic():
        if _end(sweep, JobState.CANCELED, owner=actor):
            audit(action="sweep.canceled", obj=sweep, actor=actor)
            jobs.send_next(sweep.owner_id)
    return sweeps().get(pk=sweep.pk)


@transaction.atomic
def _end(sweep: Sweep, state: JobState, code: str = "", message: str = "", **owned: Any) -> bool:
    """End a sweep that is not finished, with the chunks that wait or run; their workers find their claims lost."""
    facts = {"state": state, "error_code": code, "error_message": message}
    now = wall_now()
    rows = Sweep.objects.filter(pk=sweep.pk, state__in=UNFINISHED_JOBS, **owned)
    if not rows.update(claim="", claimed_until=None, finished_at=now, **facts):
        return False
    chunks = SweepChunk.objects.filter(sweep=sweep, state__in=UNFINISHED_JOBS)
    chunks.update(state=JobState.CANCELED, claim="", claimed_until=None, finished_at=now)
    return True


@transaction.atomic
def delete_sweep(*, actor: User, sweep: Sweep) -> None:
    """Forget a finished sweep; that its points were tried still counts."""
    locked = Sweep.objects.select_for_update(no_key=True, of=("self",)).filter(pk=sweep.pk, owner=actor).first()
    if locked is None:
        raise NotFound("sweep")
    if not locked.is_finished:
        raise DomainError("SWEEP_UNFINISHED", "Cancel it first; then it can be deleted.", status=409)
    audit(action="sweep.deleted", obj=locked, actor=actor)
    if locked.results.exists():
        locked.chunks.all().delete()
        Sweep.objects.filter(pk=locked.pk).update(overfitting={}, parameters=[], **forgotten())
    else:
        locked.delete()


def run_chunk_job(*, chunk_id: int) -> None:
    """Claim a queued chunk and compute it; a no-op where another has it, it is finished or its owner's turn is not."""
    owner_id = SweepChunk.objects.filter(pk=chunk_id).values_list("sweep__owner", flat=True).first()
    chunk = None if owner_id is None else jobs.claim(SweepChunk, chunk_id, owner_id)
    if chunk is None:
        _finish_after_another(chunk_id)
        return
    Sweep.objects.filter(pk=chunk.sweep_id, state=JobState.QUEUED).update(state=JobState.RUNNING, started_at=wall_now())
    try:
        _compute(chunk)
        _finish_when_complete(chunk.sweep)
    except jobs.Lost:
        return
    except DomainError as error:
        _end(chunk.sweep, JobState.FAILED, error.code, error.message)
    except Exception:
        _end(chunk.sweep, JobState.FAILED, *jobs.OUR_FAULT)
        raise
    finally:
        jobs.send_next(chunk.sweep.owner_id)


def _finish_after_another(chunk_id: int) -> None:
    """End a sweep where whoever computed its last chunk died before that."""
    sweep = Sweep.objects.filter(chunks=chunk_id, state=JobState.RUNNING).first()
    if sweep is not None:
        with suppress(jobs.Lost):
            _finish_when_complete(sweep)


def _compute(chunk: SweepChunk) -> None:
    spec = dict(chunk.sweep.spec)
    points: list[Point] = spec.pop("points")[chunk.first : chunk.first + chunk.count]
    data = data_of(spec_from_json(spec))

    def show(progress: float) -> dict[str, Any]:
        # A chunk's own row says nothing of progress: the sweep's does.
        _show_progress(chunk.sweep, progress * chunk.count)
        return {}

    found, usage = jobs.compute(chunk, "sweep_chunk", spec, points, data, show=show)
    with transaction.atomic():
        returns = {str(place): column for place, column in enumerate(found.returns.T)}
        jobs.finish(chunk, state=JobState.DONE, returns=tables.packed_columns(returns))
        bulk_insert(SweepPoint, _rows(chunk, points, found))
        sweep = Sweep.objects.select_for_update(no_key=True).get(pk=chunk.sweep_id)
        sweep.seconds = (sweep.seconds or 0.0) + usage.seconds
        sweep.peak_memory_bytes = max(sweep.peak_memory_bytes or 0, usage.peak_memory_bytes)
        sweep.save(update_fields=["seconds", "peak_memory_bytes"])
    _show_progress(chunk.sweep, 0.0)


def _show_progress(sweep: Sweep, underway: float) -> None:
    """Write how far a sweep is: its finished chunks, and of those under way the one that tells."""
    finished = SweepChunk.objects.filter(sweep=sweep, state=JobState.DONE).aggregate(done=Sum("count"))["done"] or 0
    progress = min(1.0, (finished + underway) / sweep.points)
    Sweep.objects.filter(pk=sweep.pk, state=JobState.RUNNING, progress__lt=progress).update(progress=progress)


def _rows(chunk: SweepChunk, points: Sequence[Point], found: ChunkAnswer) -> list[SweepPoint]:
    def known(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return [
        SweepPoint(
            sweep_id=chunk.sweep_id,
            number=chunk.first + place,
            values=list(point.values()),
            trial_hash=trial,
            trades=int(row["trades_count"]),
            total_return=float(row["total_return_ratio"]),
            sharpe=known(float(row["sharpe_ratio"])),
            max_drawdown_ratio=float(row["max_drawdown_ratio"]),
            profit_factor=known(float(row["profit_factor"])),
            win_rate=known(float(row["win_rate_ratio"])),
        )
        for place, (point, row, trial) in enumerate(zip(points, found.rows, found.hashes, strict=True))
    ]


def _finish_when_complete(sweep: Sweep) -> None:
    """Judge and end a sweep whose chunks are all done; of several workers that find it so, one takes it."""
    if sweep.chunks.exclude(state=JobState.DONE).exists():
        return
    now, token = wall_now(), new_token(16)
    if not _to_finish().filter(pk=sweep.pk).update(claim=token, claimed_until=now + jobs.LEASE):
        return
    sweep.claim = token
    returns = [
        np.column_stack(list(tables.columns_of(one).values()))
        for one in sweep.chunks.order_by("first").values_list("returns", flat=True)
    ]
    try:
        judged, _ = jobs.compute(sweep, "overfitting", returns, show=lambda progress: {})
    except DomainError:
        judged = {}  # the points stand without it
    with transaction.atomic():
        jobs.finish(sweep, state=JobState.DONE, progress=1.0, overfitting=judged)
        sweep.chunks.update(returns=b"")


def _to_finish() -> QuerySet[Sweep]:
    """Return the sweeps under way that nobody is judging."""
    return Sweep.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=wall_now()), state=JobState.RUNNING)


def recover_chunks() -> None:
    """Give what a dead worker left behind to another, once; send lost tasks again; have sweeps ended whose last worker died."""
    waiting, dead = jobs.recover(SweepChunk)
    for key in waiting:
        jobs.send(SweepChunk, key)
    for chunk in dead:
        _end(chunk.sweep, JobState.FAILED, *jobs.INTERRUPTED)
    for sweep in _to_finish().exclude(chunks__state__in=UNFINISHED_JOBS):
        jobs.send(SweepChunk, sweep.chunks.values_list("pk", flat=True)[0])
