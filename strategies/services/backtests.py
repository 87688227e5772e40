"""A backtest's life: asked for, computed in a child process by whoever claims it, cancelled, forgotten."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import LimitName, User
from accounts.selectors import allowance, check_limit
from accounts.services import audit
from common.clock import wall_now
from common.errors import DomainError, NotFound
from engine.backtest import ENGINE_VERSION, spec_from_json
from engine.strategy.types import Graph
from strategies import tables
from strategies.computing import Answer, Trials, judge_again, trial_hash
from strategies.faces import Face, graph_of, graph_of_version
from strategies.grants.selectors import SEALED_WORDS, is_sealed_for
from strategies.models import UNFINISHED_JOBS, Backtest, BacktestResult, JobState, StrategyVersion
from strategies.selectors import backtests, backtests_of, sweeps_of, trials_of
from strategies.services import jobs
from strategies.services.definitions import check_series
from strategies.specs import Question, data_of, frozen
from strategies.terms import Terms

# Refusals that speak of the terms alone. All others may name what a strategy reads or computes.
_SILENT = frozenset(
    {"NO_CANDLES", "TOO_MANY_CANDLES", "RANGE_EMPTY", "RANGE_IN_FUTURE", "DATA_CHANGED", "TIMED_OUT", "OUT_OF_MEMORY"}
    | {jobs.OUR_FAULT[0]}
)
# What a list shows of a result.
HEADLINES = ("total_return_ratio", "sharpe_ratio", "max_drawdown_ratio", "trades_count", "win_rate_ratio")


def request_backtest(
    *, owner: User, terms: Terms, version: StrategyVersion | None = None, face: Face | None = None, name: str = ""
) -> Backtest:
    """Store a backtest of a version, or of a strategy that was not saved (`face`), and have it computed.

    What was computed before on the same spec is not computed again: the owner's own row is returned, another's answer
    is copied into a new row that is DONE at once. Refusals name the field in their context.
    """
    graph = strategy_asked(version, face)
    check_series(terms.instruments, terms.timeframe)
    try:
        question = frozen(terms, graph, most_candles=allowance(owner, LimitName.BACKTEST_CANDLES))
    except DomainError as error:
        raise _unsealing_nothing(error, owner.pk, version) from error
    with transaction.atomic():
        # The owner's row serialises two requests of one person: the limit, and a double click, are judged on what is.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        mine = backtests().filter(
            owner=owner, spec_hash=question.spec_hash, state__in=[JobState.DONE, *UNFINISHED_JOBS]
        )
        if (found := mine.first()) is not None:
            return found
        check_limit(owner, LimitName.BACKTESTS, stored_studies(owner))
        return _store(owner, terms, version, question, name)


def _unsealing_nothing(error: DomainError, owner_id: UUID, version: StrategyVersion | None) -> DomainError:
    """Return a refusal without what a sealed strategy reads beside what it trades."""
    is_silent = error.code in _SILENT or error.code.endswith("OUT_OF_RANGE") or error.code.startswith("DETAIL_")
    if is_silent or not is_sealed_for(owner_id, version):
        return error
    return DomainError(error.code, f"It cannot be computed on these candles. {SEALED_WORDS}", status=error.status)


def strategy_asked(version: StrategyVersion | None, face: Face | None) -> Graph:
    """Return the graph that is to be tried; raise DomainError where it was not given exactly once."""
    if (version is None) == (face is None):
        message = "Name a version of yours, or give a strategy."
        raise DomainError("STRATEGY_NOT_GIVEN", message, {"field": "version"})
    return graph_of(face) if face is not None else graph_of_version(version)  # type: ignore[arg-type]  # one is there


def stored_studies(owner: User) -> int:
    """Return how many backtests and sweeps a person has stored."""
    return backtests_of(owner).count() + sweeps_of(owner).count()


def study_name(name: str, version: StrategyVersion | None, terms: Terms) -> str:
    """Return what a study is called: as its owner says, or after its strategy and market."""
    strategy = str(version) if version else "Unsaved strategy"
    return (name.strip() or f"{strategy} · {terms.instruments[0].symbol} {terms.timeframe}")[:80]


def _store(owner: User, terms: Terms, version: StrategyVersion | None, question: Question, name: str) -> Backtest:
    answered = Backtest.objects.filter(spec_hash=question.spec_hash, state=JobState.DONE).order_by("pk").first()
    now = wall_now()
    backtest = Backtest.objects.create(
        owner=owner,
        version=version,
        name=study_name(name, version, terms),
        instrument=terms.instruments[0],
        timeframe=terms.timeframe,
        starts_at=terms.start,
        ends_at=terms.end,
        spec=question.spec,
        spec_hash=question.spec_hash,
        engine_version=ENGINE_VERSION,
        trial_hash=trial_hash(spec_from_json(question.spec)),
        claimed_until=now + jobs.LOST_AFTER,
        created_at=now,
    )
    audit(action="backtest.requested", obj=backtest, actor=owner, after={"spec": question.spec_hash})
    if answered is None:
        jobs.send(Backtest, backtest.pk)
    else:
        _answer_again(backtest, answered)
    return backtests().get(pk=backtest.pk)


def _answer_again(backtest: Backtest, answered: Backtest) -> None:
    """Give another's answer to the same spec, judged by this author's own trials."""
    known = answered.result
    simulated, benchmark = tables.simulated_of(known)
    facts = {name: known.summary[name] for name in ("traded_from_ms", "first_bars")}
    found = judge_again(simulated, benchmark, backtest.spec, trials_before(backtest), facts)
    _write_result(backtest, found)
    took = {"seconds": answered.seconds, "peak_memory_bytes": answered.peak_memory_bytes}
    Backtest.objects.filter(pk=backtest.pk).update(claimed_until=None, finished_at=wall_now(), **took, **_end(found))


def trials_before(backtest: Backtest) -> Trials:
    """Return what its author tried on this data before, with this trial counted in."""
    known = trials_of(backtest)
    return Trials(len(known.keys() | {backtest.trial_hash}), tuple(one for one in known.values() if one is not None))


def _end(found: Answer) -> dict[str, Any]:
    metrics = found.summary["metrics"]
    headline = {name: metrics.get(name) for name in HEADLINES} | {"verdict": found.summary["verdict"]["level"]}
    return {"state": JobState.DONE, "progress": 1.0, "summary": headline, "sharpe": metrics.get("sharpe_ratio")}


def _write_result(backtest: Backtest, found: Answer) -> None:
    BacktestResult.objects.create(
        backtest=backtest,
        summary=found.summary,
        trades=tables.packed(found.trades),
        refusals=tables.packed(found.refusals),
        equity=tables.packed_columns(found.equity),
    )


def cancel_backtest(*, actor: User, backtest: Backtest) -> Backtest:
    """End a backtest that is not finished; one that is being computed stops within a second. A repeat is a no-op."""
    ended = Backtest.objects.filter(pk=backtest.pk, owner=actor, state__in=UNFINISHED_JOBS).update(
        state=JobState.CANCELED, claim="", claimed_until=None, finished_at=wall_now()
    )
    if ended:
        audit(action="backtest.canceled", obj=backtest, actor=actor)
        jobs.send_next(backtest.owner_id)
    return backtests().get(pk=backtest.pk)


@transaction.atomic
def delete_backtest(*, actor: User, backtest: Backtest) -> None:
    """Forget a finished backtest with its result; that it was tried still counts."""
    locked = Backtest.objects.select_for_update(no_key=True, of=("self",)).filter(pk=backtest.pk, owner=actor).first()
    if locked is None:
        raise NotFound("backtest")
    if not locked.is_finished:
        raise DomainError("BACKTEST_UNFINISHED", "Cancel it first; then it can be deleted.", status=409)
    audit(action="backtest.deleted", obj=locked, actor=actor)
    if locked.state == JobState.DONE:
        BacktestResult.objects.filter(backtest=locked).delete()
        Backtest.objects.filter(pk=locked.pk).update(summary={}, **forgotten())
    else:
        locked.delete()


def forgotten() -> dict[str, Any]:
    """Return what is written over a study that its owner deletes: nothing is left of it but what counts as a trial."""
    return {"forgotten_at": wall_now(), "version": None, "name": "", "spec": {}, "spec_hash": ""}


def run_backtest_job(*, backtest_id: UUID) -> None:
    """Claim a queued backtest and compute it; a no-op where another has it, it is finished or its owner's turn is not."""
    owner_id = Backtest.objects.filter(pk=backtest_id).values_list("owner", flat=True).first()
    job = None if owner_id is None else jobs.claim(Backtest, backtest_id, owner_id)
    if job is None:
        return
    try:
        _compute(job)
    except jobs.Lost:
        return  # cancelled: whoever did so has asked for the next one
    except DomainError as error:
        _fail(job, error.code, _unsealing_nothing(error, job.owner_id, job.version).message)
    except Exception:
        _fail(job, *jobs.OUR_FAULT)
        raise
    finally:
        jobs.send_next(job.owner_id)


def _compute(job: Backtest) -> None:
    data = data_of(spec_from_json(job.spec))
    found, usage = jobs.compute(
        job, "backtest", job.spec, data, trials_before(job), show=lambda progress: {"progress": progress}
    )
    with transaction.atomic():
        facts = {"seconds": usage.seconds, "peak_memory_bytes": usage.peak_memory_bytes, **_end(found)}
        jobs.finish(job, **facts)
        _write_result(job, found)


def _fail(job: Backtest, code: str, message: str) -> None:
    try:
        jobs.finish(job, state=JobState.FAILED, error_code=code, error_message=message)
    except jobs.Lost:
        return


def recover_backtests() -> None:
    """Give what a dead worker left behind to another, once; send lost tasks again."""
    waiting, dead = jobs.recover(Backtest)
    for key in waiting:
        jobs.send(Backtest, key)
    for job in dead:
        _fail(job, *jobs.INTERRUPTED)
