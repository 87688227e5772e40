"""Sweeps: points asked for, chunks computed once, judged together, cancelled with what was found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Limit, LimitName, User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from strategies.models import Backtest, JobState, Sweep, SweepChunk, SweepPoint
from strategies.selectors import sweeps_of, trials_of
from strategies.services import sweeps
from strategies.services.backtests import request_backtest
from strategies.services.sweeps import (
    Search,
    cancel_sweep,
    delete_sweep,
    recover_chunks,
    request_sweep,
    run_chunk_job,
)
from tests.fixtures_desk import Working
from tests.fixtures_past import Past, ema_cross

GRID = Search(grid={"fast": [3, 4], "slow": [8, 9, 10]})
FACE = ema_cross(3, 8, share="0.5")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make six points two chunks."""
    monkeypatch.setattr(sweeps, "CHUNK_POINTS", 4)


def test_a_sweep_s_points_are_those_of_single_backtests(alice: User, past: Past, working: Working) -> None:
    with working():
        asked = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
        assert (asked.state, asked.points, asked.parameters) == (JobState.QUEUED, 6, ["fast", "slow"])
    done = Sweep.objects.get()
    assert (done.state, done.progress) == (JobState.DONE, 1.0)
    points = list(done.results.all())
    assert [one.number for one in points] == [0, 1, 2, 3, 4, 5]
    assert [one.values for one in points] == [[3, 8], [3, 9], [3, 10], [4, 8], [4, 9], [4, 10]]
    with working():
        single = request_backtest(owner=alice, terms=past.terms(), face=ema_cross(4, 9, share="0.5"))
    single.refresh_from_db()
    metrics, point = single.result.summary["metrics"], points[4]
    shown = (point.trades, point.total_return, point.sharpe, point.max_drawdown_ratio, point.profit_factor)
    names = ("trades_count", "total_return_ratio", "sharpe_ratio", "max_drawdown_ratio", "profit_factor")
    assert [one is None for one in shown] == [metrics[name] is None for name in names]
    assert [one or 0 for one in shown] == pytest.approx([metrics[name] or 0 for name in names], rel=1e-9)
    # The single one was tried before, as a point: six trials in all.
    assert point.trial_hash == single.trial_hash
    assert single.result.summary["luck"]["sharpe"]["trials"] == 6
    assert len(trials_of(single)) == 6
    assert [(one.first, one.count, one.state, bytes(one.returns)) for one in done.chunks.all()] == [
        (0, 4, JobState.DONE, b""),
        (4, 2, JobState.DONE, b""),
    ]


def test_a_sweep_over_days_enough_is_judged_for_overfitting(alice: User, past: Past, working: Working) -> None:
    instrument = past.instrument_with(60 * 288, "ETH")
    terms = past.terms(instruments=(instrument,), start=past.desk.at - timedelta(days=50))
    with working():
        request_sweep(owner=alice, terms=terms, face=FACE, search=GRID)
    judged = Sweep.objects.get().overfitting
    assert 0 <= judged["probability_of_overfitting"] <= 1
    assert len(judged["logits"]) == 924


def test_the_same_sweep_is_the_same_row(alice: User, bob: User, past: Past, working: Working) -> None:
    with working():
        first = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
        assert request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID).pk == first.pk
        assert request_sweep(owner=bob, terms=past.terms(), face=FACE, search=GRID).pk != first.pk
    random = Search(random=["fast", "slow"], count=5, seed=3)
    drawn = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=random)
    assert request_sweep(owner=alice, terms=past.terms(), face=FACE, search=random).pk == drawn.pk
    assert (drawn.points, drawn.spec["points"] != first.spec["points"]) == (5, True)


@pytest.mark.parametrize(
    ("search", "code", "field"),
    [
        (Search(), "SEARCH_NOT_GIVEN", "grid"),
        (Search(grid={"fast": [3, 4]}, random=["slow"], count=3), "SEARCH_NOT_GIVEN", "grid"),
        (Search(grid={"fast": [3]}), "TOO_FEW_POINTS", "grid"),
        (Search(random=["fast"], count=0), "TOO_FEW_POINTS", "count"),
        (Search(grid={"quick": [3, 4]}), "UNKNOWN_PARAMETER", "grid"),
        (Search(grid={"fast": [3, 600]}), "OUT_OF_BOUNDS", "grid"),
        (Search(grid={"fast": [3, 3.5]}), "NOT_WHOLE", "grid"),
        (Search(grid={"fast": list(range(2, 500)), "slow": list(range(2, 500))}), "TOO_MANY_POINTS", "grid"),
        (Search(random=["fast"], count=10**9), "TOO_MANY_POINTS", "count"),
    ],
)
def test_bad_searches_are_refused_by_field(alice: User, past: Past, search: Search, code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        request_sweep(owner=alice, terms=past.terms(), face=FACE, search=search)
    assert (refused.value.code, refused.value.context["field"]) == (code, field)
    assert not Sweep.objects.exists()


def test_a_cancelled_sweep_keeps_what_was_found_and_computes_no_more(
    alice: User, charlie: User, past: Past, working: Working
) -> None:
    asked = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
    first, second = asked.chunks.all()
    run_chunk_job(chunk_id=first.pk)
    assert cancel_sweep(actor=charlie, sweep=asked).state == JobState.RUNNING
    assert cancel_sweep(actor=alice, sweep=asked).state == JobState.CANCELED
    run_chunk_job(chunk_id=second.pk)
    assert SweepPoint.objects.count() == 4
    assert [one.state for one in asked.chunks.all()] == [JobState.DONE, JobState.CANCELED]
    with pytest.raises(NotFound):
        delete_sweep(actor=charlie, sweep=asked)
    delete_sweep(actor=alice, sweep=asked)
    # What was tried still counts: the four points stay, and nothing that tells of the sweep.
    kept = Sweep.objects.get()
    assert (sweeps_of(alice).count(), kept.name, kept.spec, kept.parameters) == (0, "", {}, [])
    assert (SweepChunk.objects.count(), SweepPoint.objects.count()) == (0, 4)
    other = request_backtest(owner=alice, terms=past.terms(), face=ema_cross(30, 90, share="0.5"))
    assert len(trials_of(other)) == 4


def test_a_dead_worker_s_chunk_is_computed_by_another_and_no_finished_one_again(
    alice: User, past: Past, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
    first, second = asked.chunks.all()
    run_chunk_job(chunk_id=first.pk)
    dead: dict[str, Any] = {"state": JobState.RUNNING, "claim": "gone"}
    SweepChunk.objects.filter(pk=second.pk).update(**dead, claimed_until=wall_now() - timedelta(seconds=1), attempts=1)
    with monkeypatch.context() as dying:
        # The other worker dies in its turn, between the last chunk and the end of the sweep.
        dying.setattr(sweeps, "_finish_when_complete", lambda sweep: None)
        recover_chunks()
        run_chunk_job(chunk_id=second.pk)
    assert [(one.state, one.attempts) for one in asked.chunks.all()] == [(JobState.DONE, 1), (JobState.DONE, 2)]
    assert Sweep.objects.get().state == JobState.RUNNING
    # It is judged by one worker, which holds the sweep while it does so; the sweeper itself computes nothing.
    Sweep.objects.update(claim="another", claimed_until=wall_now() + timedelta(seconds=9))
    with working():
        recover_chunks()
        run_chunk_job(chunk_id=second.pk)
    assert Sweep.objects.get().state == JobState.RUNNING
    Sweep.objects.update(claimed_until=wall_now() - timedelta(seconds=1))
    with working():
        recover_chunks()
        assert Sweep.objects.get().state == JobState.RUNNING
    ended = Sweep.objects.get()
    assert (ended.state, ended.claim, ended.claimed_until) == (JobState.DONE, "", None)


def test_a_chunk_that_cannot_be_computed_fails_the_sweep_in_words(alice: User, past: Past, settings: Any) -> None:
    settings.BACKTEST_SECONDS = 0.001
    asked = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
    run_chunk_job(chunk_id=asked.chunks.all()[0].pk)
    failed = Sweep.objects.get()
    assert (failed.state, failed.error_code) == (JobState.FAILED, "TIMED_OUT")
    assert {one.state for one in asked.chunks.all()} == {JobState.CANCELED}


def test_chunks_and_backtests_share_a_person_s_limit(alice: User, past: Past) -> None:
    Limit.objects.filter(name=LimitName.RUNNING_BACKTESTS).update(value=1)
    asked = request_sweep(owner=alice, terms=past.terms(), face=FACE, search=GRID)
    backtest = request_backtest(owner=alice, terms=past.terms(), face=FACE)
    held = {"state": JobState.RUNNING, "claim": "another", "claimed_until": wall_now() + timedelta(minutes=1)}
    Backtest.objects.filter(pk=backtest.pk).update(**held)
    run_chunk_job(chunk_id=asked.chunks.all()[0].pk)
    assert {one.state for one in asked.chunks.all()} == {JobState.QUEUED}
