"""Jobs as rows: claimed by a conditional UPDATE, held by a lease, computed in a supervised child, found again when lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from accounts.models import LimitName, User
from accounts.selectors import limit
from common.child import ChildError, ChildLimits, Children, ChildUsage
from common.clock import monotonic, wall_now
from common.errors import DomainError
from common.ids import new_token
from common.tasks import enqueue
from strategies.models import Backtest, Job, JobState, SweepChunk

logger = logging.getLogger(__name__)
AnyJob = TypeVar("AnyJob", bound=Job)

# A worker silent for so long is dead; one that works says so every few seconds.
LEASE = timedelta(seconds=15)
_RENEW_SECONDS = 4.0
# Progress is written this often at most.
_SHOW_SECONDS = 0.5
# A task that has not come after so long is sent once more.
LOST_AFTER = timedelta(seconds=30)
_TOLD_AT_ONCE = 500
# What a job of which nobody can say why it failed says to its owner.
OUR_FAULT = (
    "COMPUTING_FAILED",
    "The computation ended unexpectedly, which is our fault. Try again; if it repeats, tell your operator.",
)
INTERRUPTED = ("INTERRUPTED", "It was interrupted twice, by a restart or for want of memory. Try again later.")
# A job whose worker died is given to another once: a second death is likely the job's own doing.
MAX_ATTEMPTS = 2


class Lost(Exception):
    """The claim is no longer ours: somebody cancelled the job, or took us for dead. There is nothing left to write."""


@cache
def children() -> Children:
    """Return this process's children, in which jobs are computed."""
    return Children("strategies.computing", {"NUMBA_CACHE_DIR": settings.NUMBA_CACHE_DIR})


def job_limits() -> ChildLimits:
    """Return what one job may take."""
    return ChildLimits(settings.BACKTEST_SECONDS, settings.BACKTEST_MEMORY_MIB << 20)


# --- claims ---------------------------------------------------------------------------------------------------------
def running_jobs(owner_id: UUID) -> int:
    """Return how many jobs of this person are being computed."""
    mine = SweepChunk.objects.filter(sweep__owner=owner_id, state=JobState.RUNNING).count()
    return mine + Backtest.objects.filter(owner=owner_id, state=JobState.RUNNING).count()


@transaction.atomic
def claim(model: type[AnyJob], key: Any, owner_id: UUID) -> AnyJob | None:
    """Take a queued job; None where another has it, it is finished, or its owner has as many running as they may."""
    # The owner's row serialises claims of one person: the limit is judged on what is really running.
    owner = User.objects.select_for_update(no_key=True).get(pk=owner_id)
    if running_jobs(owner_id) >= limit(owner, LimitName.RUNNING_BACKTESTS):
        return None
    now, token = wall_now(), new_token(16)
    taken = model._default_manager.filter(pk=key, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        claim=token,
        claimed_until=now + LEASE,
        attempts=F("attempts") + 1,
        started_at=now,
    )
    return model._default_manager.get(pk=key) if taken else None


def held(job: AnyJob) -> QuerySet[AnyJob]:
    """Return the job's row as long as the claim is ours; whatever a worker writes goes through it."""
    model: type[AnyJob] = type(job)
    return model._default_manager.filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)


def finish(job: AnyJob, **facts: Any) -> None:
    """Write the end of a job that we hold, or raise Lost."""
    if not held(job).update(claim="", claimed_until=None, finished_at=wall_now(), **facts):
        raise Lost


class Watch:
    """Keeps a job's row in step with the child that computes it."""

    def __init__(self, job: AnyJob, show: Callable[[float], dict[str, Any]]) -> None:
        self._held: QuerySet[Any] = held(job)
        self._show = show
        self._progress, self._shown = 0.0, 0.0
        self._wrote_at = monotonic()

    def heard(self, progress: float) -> None:
        self._progress = progress

    def stopped(self) -> bool:
        """Write progress and renew the lease where that is due; say whether the claim has been lost."""
        silent = monotonic() - self._wrote_at
        moved = self._progress > self._shown and silent >= _SHOW_SECONDS
        if not moved and silent < _RENEW_SECONDS:
            return not self._held.exists()
        self._wrote_at, self._shown = monotonic(), self._progress
        facts = {"claimed_until": wall_now() + LEASE, **self._show(self._progress)}
        return not self._held.update(**facts)


def compute(job: AnyJob, function: str, *args: Any, show: Callable[[float], dict[str, Any]]) -> tuple[Any, ChildUsage]:
    """Return what the child found, and what it took; raise Lost, or DomainError in words for the owner."""
    watch, limits = Watch(job, show), job_limits()
    try:
        return children().run(function, *args, limits=limits, on_progress=watch.heard, stopped=watch.stopped)
    except ChildError as error:
        if error.code == "STOPPED":
            raise Lost from error
        raise _in_words(error, limits) from error


def _in_words(error: ChildError, limits: ChildLimits) -> DomainError:
    if error.code == "TIMED_OUT":
        message = (
            f"It took longer than {limits.seconds:g} seconds and was stopped: choose a shorter range or less to try."
        )
        return DomainError("TIMED_OUT", message)
    if error.code == "OUT_OF_MEMORY":
        message = (
            f"It needed more than {limits.memory_bytes >> 20} MiB of memory and was stopped:"
            " choose a shorter range, a coarser timeframe or fewer instruments."
        )
        return DomainError("OUT_OF_MEMORY", message)
    if "code" in error.facts:
        return DomainError(error.facts["code"], error.detail)
    logger.error("A job failed: %s %s %s", error.code, error.kind, error.detail)
    return DomainError(*OUR_FAULT)


# --- tasks ----------------------------------------------------------------------------------------------------------
def send(model: type[Backtest | SweepChunk], key: Any) -> None:
    """Send a job's task after the present transaction."""
    from strategies import tasks  # the tasks' bodies call services: one of the two must look late

    if model is Backtest:
        enqueue(tasks.run_backtest, str(key))
    else:
        enqueue(tasks.run_sweep_chunk, key)


def send_next(owner_id: UUID) -> None:
    """Send the tasks of a person's jobs that may run now: when theirs came first, it was not their turn."""
    for model, key in next_of(owner_id):
        send(model, key)


# --- whose turn it is, and what was lost ----------------------------------------------------------------------------
def next_of(owner_id: UUID) -> list[tuple[type[Backtest | SweepChunk], Any]]:
    """Return the person's oldest queued jobs, as many as may run now beside those that do: (model, key)."""
    owner = User.objects.get(pk=owner_id)
    room = limit(owner, LimitName.RUNNING_BACKTESTS) - running_jobs(owner_id)
    if room <= 0:
        return []
    single = Backtest.objects.filter(owner=owner_id, state=JobState.QUEUED).order_by("pk")
    chunks = SweepChunk.objects.filter(sweep__owner=owner_id, state=JobState.QUEUED).order_by("sweep", "first")
    found: list[tuple[type[Backtest | SweepChunk], Any]] = [
        (Backtest, key) for key in single.values_list("pk", flat=True)[:room]
    ]
    found += [(SweepChunk, key) for key in chunks.values_list("pk", flat=True)[:room]]
    return found[:room]


def recover(model: type[AnyJob]) -> tuple[list[Any], list[AnyJob]]:
    """Return the keys of jobs whose task is to be sent (again), and the jobs on which a second worker has died.

    A lapsed claim is given back once. A queued job whose task has not come in time is told once more.
    """
    now = wall_now()
    lapsed = model._default_manager.filter(state=JobState.RUNNING, claimed_until__lt=now)
    lapsed.filter(attempts__lt=MAX_ATTEMPTS).update(state=JobState.QUEUED, claim="", claimed_until=now)
    due = model._default_manager.filter(state=JobState.QUEUED, claimed_until__lte=now)
    keys = list(due.order_by("pk").values_list("pk", flat=True)[:_TOLD_AT_ONCE])
    due.filter(pk__in=keys).update(claimed_until=now + LOST_AFTER)
    return keys, list(lapsed.filter(attempts__gte=MAX_ATTEMPTS))
