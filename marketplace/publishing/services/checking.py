"""The gate's job: whoever claims a submission tests its strategy in a child process, as backtests are computed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.selectors import Allowance
from common.clock import market_now
from common.db import lock_rows
from common.errors import DomainError
from common.tasks import enqueue
from engine.backtest import ENGINE_VERSION, spec_from_json
from engine.timeframes import milliseconds, moment, timeframe_ms
from marketplace.models import Listing
from marketplace.publishing.content import content_from_json
from marketplace.publishing.gate import refusal_of
from marketplace.publishing.models import OPEN_OUTCOMES, Submission
from marketplace.publishing.services.submissions import check_may_land, pass_gate, refuse
from markets.selectors import candle_range
from strategies.computing import trial_hash
from strategies.faces import graph_of_version
from strategies.models import Backtest, JobState, StrategyVersion
from strategies.selectors import versions
from strategies.services import jobs
from strategies.services.backtests import trials_before
from strategies.specs import Question, data_of, frozen
from strategies.terms import Terms

# The newest of what is stored: enough to show every kind of market there was, little enough to be computed in seconds.
MOST_CANDLES = 20_000
# All instruments of a version together.
MOST_IN_ALL = 1_000_000


def check_submission_job(*, submission_id: UUID) -> None:
    """Claim a queued submission and test it; a no-op where another has it, or it was overtaken."""
    job = jobs.take(Submission, submission_id)
    if job is None:
        return
    try:
        findings = _test(job)
        _end(job, findings, refusal_of(findings))
    except jobs.Lost:
        return  # overtaken, or taken for dead
    except DomainError as error:
        _fail(job, error.code, error.message)
    except Exception:
        _fail(job, *jobs.OUR_FAULT)
        raise


def _test(job: Submission) -> dict[str, Any]:
    """Return what the child found of the strategy on the newest stored candles."""
    version = versions().get(pk=job.content["version_id"])
    terms = _terms(version)
    question = frozen(terms, graph_of_version(version), most_candles=Allowance(MOST_IN_ALL))
    data = data_of(spec_from_json(question.spec))
    tries = trials_before(_as_trial(version, terms, question))
    found, usage = jobs.compute(job, "inspect_strategy", question.spec, data, tries, show=lambda progress: {})
    facts = {
        "version": str(version.pk),
        "from": terms.start.isoformat(),
        "until": terms.end.isoformat(),
        "trials": tries.count,
        "spec_hash": question.spec_hash,
        "engine_version": ENGINE_VERSION,
        "seconds": usage.seconds,
    }
    return {**found, **facts}


def _terms(version: StrategyVersion) -> Terms:
    """Return the terms of the test: the newest candles that all of the version's instruments have."""
    traded = (version.instrument, *(one.instrument for one in version.further.all()))
    spans = [span for one in traded if (span := candle_range(one, version.timeframe)) is not None]
    if len(spans) < len(traded):
        message = f"There are no {version.timeframe} candles of everything that it trades, so it cannot be tested yet."
        raise DomainError("NO_CANDLES", message, {"field": "version"})
    length = timedelta(milliseconds=timeframe_ms(version.timeframe))
    now = market_now(version.instrument.market.namespace)
    whole = moment(milliseconds(now) // timeframe_ms(version.timeframe) * timeframe_ms(version.timeframe))
    end = min(whole, *(last + length for _, last in spans))
    start = max(end - MOST_CANDLES * length, *(first for first, _ in spans))
    return Terms(traded, version.timeframe, start, end)


def _as_trial(version: StrategyVersion, terms: Terms, question: Question) -> Backtest:
    """Return the test as the backtest that it is, to be counted with its author's trials; it is not stored."""
    return Backtest(
        owner_id=version.strategy.owner_id,
        instrument=terms.instruments[0],
        timeframe=terms.timeframe,
        starts_at=terms.start,
        ends_at=terms.end,
        trial_hash=trial_hash(spec_from_json(question.spec)),
    )


def _end(job: Submission, findings: dict[str, Any], refusal: tuple[str, str] | None) -> None:
    """Write what was found, and what follows from it, in one transaction."""
    with transaction.atomic():
        # As a follow locks: the listing first.
        lock_rows(Listing.objects.filter(pk=job.listing_id))
        jobs.finish(job, state=JobState.DONE, findings={**findings, "passed": refusal is None})
        submission = _open_row(job)
        if submission is None:
            return
        if refusal is None:
            refusal = _refused_since(submission)
        if refusal is None:
            pass_gate(submission)
        else:
            refuse(submission, *refusal)


def _refused_since(submission: Submission) -> tuple[str, str] | None:
    """Return why it may not be published any more, though it might when it was submitted."""
    try:
        check_may_land(submission.listing, content_from_json(submission.content))
    except DomainError as error:
        return error.code, error.message
    return None


def _open_row(job: Submission) -> Submission | None:
    rows = Submission.objects.filter(pk=job.pk, outcome__in=OPEN_OUTCOMES)
    found = lock_rows(rows.select_related("listing__portfolio", "listing__owner"))
    return found[0] if found else None


def _fail(job: Submission, code: str, message: str) -> None:
    """A test that could not be made is no pass: the owner reads why, and may submit again."""
    try:
        with transaction.atomic():
            jobs.finish(job, state=JobState.FAILED, error_code=code, error_message=message)
            if (submission := _open_row(job)) is not None:
                refuse(submission, code, message)
    except jobs.Lost:
        return


def recover_submissions() -> None:
    """Give what a dead worker left behind to another, once; send lost tasks again."""
    from marketplace.tasks import check_submission  # the task's body calls services: one of the two must look late

    waiting, dead = jobs.recover(Submission)
    for key in waiting:
        enqueue(check_submission, str(key))
    for job in dead:
        _fail(job, *jobs.INTERRUPTED)
