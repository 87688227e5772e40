"""Backtests that a listing names, and readers who repeat them: computed anew from the frozen spec, and compared by hash."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.ids import new_key
from common.tasks import enqueue
from engine.backtest import ENGINE_VERSION, spec_from_json
from engine.backtest_spec import json_hash
from engine.records.trades import trades_hash
from engine.simulation.types import TRADE_DTYPE
from marketplace.models import Listing
from marketplace.proofs.models import PublishedBacktest, Reproduction
from strategies import tables
from strategies.computing import Trials
from strategies.models import UNFINISHED_JOBS, Backtest, JobState
from strategies.services import jobs
from strategies.services.backtests import HEADLINES
from strategies.specs import data_of


@transaction.atomic
def publish_backtest(*, owner: User, listing: Listing, backtest: Backtest) -> PublishedBacktest:
    """Name a finished backtest of one's own as the one that a listing shows; the one before is no longer shown."""
    locked = lock_rows(Listing.objects.filter(pk=listing.pk, owner=owner))
    if not locked or backtest.owner_id != owner.pk:
        raise NotFound("listing or backtest")
    if backtest.version is not None and backtest.version.strategy.owner_id != owner.pk:
        # One may use it and not show it as one's own; and what is published keeps the graph, which may be sealed for them.
        message = "This backtest is of somebody else's strategy: publish one of your own."
        raise DomainError("BACKTEST_OF_OTHERS", message, {"field": "backtest"}, status=409)
    if backtest.state != JobState.DONE:
        message = "Only a finished backtest can be published; wait until it is computed."
        raise DomainError("BACKTEST_UNFINISHED", message, {"field": "backtest"}, status=409)
    trades = tables.unpacked(backtest.result.trades, TRADE_DTYPE)
    before = PublishedBacktest.objects.filter(listing=locked[0], spec=backtest.spec).first()
    salt = before.salt if before is not None else new_key(32).hex()
    facts = {
        "backtest": backtest,
        "spec": backtest.spec,
        "salt": salt,
        "spec_hash": salted_hash(backtest.spec, salt),
        "manifest": manifest_of(backtest.spec, salt),
        "trades_hash": trades_hash(trades),
        "summary": backtest.summary,
        "published_at": wall_now(),
    }
    published, _ = PublishedBacktest.objects.update_or_create(listing=locked[0], defaults=facts)
    after = {"spec": published.spec_hash, "trades": published.trades_hash}
    audit(action="listing.backtest_published", obj=locked[0], actor=owner, after=after)
    return published


def salted_hash(facts: dict[str, Any], salt: str) -> str:
    """Return the hash by which something is named that may be sealed: nobody finds it by hashing what it might be."""
    return json_hash({**facts, "salt": salt})


def manifest_of(spec: dict[str, Any], salt: str) -> dict[str, Any]:
    """Return what readers may see of a spec: all but the strategy itself, of which it has the salted hash."""
    sealed = {"graph": spec["graph"], "values": spec["values"]}
    shown = {name: value for name, value in spec.items() if name not in sealed}
    return {**shown, "strategy_hash": salted_hash(sealed, salt)}


@transaction.atomic
def request_reproduction(*, reader: User, listing: Listing) -> Reproduction:
    """Have the listing's published backtest computed anew for a reader. One at a time: a second click returns the first."""
    User.objects.select_for_update(no_key=True).get(pk=reader.pk)
    published = PublishedBacktest.objects.filter(listing=listing).first()
    if published is None:
        raise DomainError("NO_BACKTEST", "This listing shows no backtest that could be repeated.", status=409)
    under_way = Reproduction.objects.filter(reader=reader, state__in=UNFINISHED_JOBS).first()
    if under_way is not None:
        if under_way.published_id == published.pk:
            return under_way
        message = "You are repeating another backtest: wait until that is done."
        raise DomainError("REPRODUCTION_UNDER_WAY", message, status=409)
    now = wall_now()
    made = Reproduction.objects.create(
        published=published,
        reader=reader,
        spec_hash=published.spec_hash,
        expected_hash=published.trades_hash,
        claimed_until=now + jobs.LOST_AFTER,
        asked_at=now,
    )
    audit(action="reproduction.requested", obj=made, actor=reader, after={"spec": made.spec_hash})
    _send(made.pk)
    return made


def _send(key: UUID) -> None:
    from marketplace.tasks import run_reproduction  # the task's body calls services: one of the two must look late

    enqueue(run_reproduction, str(key))


def run_reproduction_job(*, reproduction_id: UUID) -> None:
    """Claim a repetition and compute it; a no-op where another has it, it is finished or its reader's turn is not."""
    reader_id = Reproduction.objects.filter(pk=reproduction_id).values_list("reader", flat=True).first()
    job = None if reader_id is None else jobs.claim(Reproduction, reproduction_id, reader_id)
    if job is None:
        return
    try:
        _compute(job)
    except jobs.Lost:
        return
    except DomainError as error:
        _fail(job, error.code, error.message)
    except Exception:
        _fail(job, *jobs.OUR_FAULT)
        raise


def _compute(job: Reproduction) -> None:
    published = PublishedBacktest.objects.get(pk=job.published_id)
    if published.spec_hash != job.spec_hash:
        raise DomainError("BACKTEST_REPLACED", "Another backtest was published meanwhile: repeat that one.")
    if published.spec["engine_version"] != ENGINE_VERSION:
        message = "It was computed by another version of the engine, which may trade otherwise: ask for a new one."
        raise DomainError("ENGINE_CHANGED", message)
    data = data_of(spec_from_json(published.spec))
    found, _ = jobs.compute(job, "backtest", published.spec, data, Trials(), show=lambda progress: {})
    metrics = found.summary["metrics"]
    summary = {name: metrics.get(name) for name in HEADLINES}
    jobs.finish(job, state=JobState.DONE, trades_hash=trades_hash(found.trades), summary=summary)


def _fail(job: Reproduction, code: str, message: str) -> None:
    try:
        jobs.finish(job, state=JobState.FAILED, error_code=code, error_message=message)
    except jobs.Lost:
        return


def recover_reproductions() -> None:
    """Give what a dead worker left behind to another, once; send lost tasks again."""
    waiting, dead = jobs.recover(Reproduction)
    for key in waiting:
        _send(key)
    for job in dead:
        _fail(job, *jobs.INTERRUPTED)
