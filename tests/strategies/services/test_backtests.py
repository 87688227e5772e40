"""Backtests as jobs: asked once, computed once, limited, stopped, found again when lost, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site

from accounts.models import AuditEntry, Limit, LimitName, User
from common.clock import wall_now
from common.errors import DomainError, NotFound
from engine.simulation.types import TRADE_DTYPE, FillRule, SlippageKind
from strategies import specs, tables, tasks
from strategies.faces import Face
from strategies.models import Backtest, BacktestResult, JobState
from strategies.selectors import backtest_for_user, backtests
from strategies.services import jobs
from strategies.services.backtests import (
    cancel_backtest,
    delete_backtest,
    recover_backtests,
    request_backtest,
    run_backtest_job,
    stored_studies,
)
from strategies.services.definitions import save_strategy
from tests.fixtures_desk import NOON, Working
from tests.fixtures_past import CROSSING, Past, ema_cross, waves


def test_a_backtest_is_asked_for_and_computed(alice: User, past: Past, working: Working) -> None:
    version = save_strategy(owner=alice, name="Waves", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), version=version)
        assert (asked.state, asked.progress, asked.name) == (JobState.QUEUED, 0.0, "Waves v1 · BTC-USDT 5m")
    done = Backtest.objects.get()
    assert (done.state, done.progress, done.attempts, done.claim) == (JobState.DONE, 1.0, 1, "")
    assert done.started_at is not None and done.finished_at is not None
    assert done.seconds is not None and 0 < done.seconds < 30
    assert done.peak_memory_bytes is not None and 50 << 20 < done.peak_memory_bytes < 2 << 30
    trades = tables.unpacked(done.result.trades, TRADE_DTYPE)
    metrics = done.result.summary["metrics"]
    assert len(trades) == metrics["trades_count"] == done.summary["trades_count"] > 20
    equity = tables.columns_of(done.result.equity)
    assert equity["equity"][0] == 10_000
    assert equity["equity"][-1] == pytest.approx(10_000 + trades["profit"].sum())
    assert done.result.summary["luck"]["sharpe"]["trials"] == 1
    assert done.summary["verdict"] == done.result.summary["verdict"]["level"]
    assert AuditEntry.objects.filter(action="backtest.requested", actor=alice).count() == 1


def test_the_same_spec_is_the_same_row_and_another_owner_gets_a_copy(
    alice: User, bob: User, past: Past, working: Working
) -> None:
    with working():
        first = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
        assert request_backtest(owner=alice, terms=past.terms(), face=CROSSING).pk == first.pk
    again = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    assert (again.pk, again.state) == (first.pk, JobState.DONE)
    # The same thing said as a formula is the same spec.
    formula = (
        'fast = parameter(3, 2, 500, "Fast period")\nslow = parameter(8, 2, 500, "Slow period")\n'
        'share = parameter(0.5, 0.01, 1.0, "Share of equity")\n'
        "fast_line = ema(close, fast)\nslow_line = ema(close, slow)\n"
        "enter_long = crosses_above(fast_line, slow_line)\nexit_long = crosses_below(fast_line, slow_line)\n"
        "size = share_of_equity(share)\n"
    )
    assert request_backtest(owner=alice, terms=past.terms(), face=Face(formula=formula)).pk == first.pk
    # Nobody computes: no task is sent, and the row is done at once.
    copy = request_backtest(owner=bob, terms=past.terms(), face=CROSSING)
    assert (copy.state, copy.owner, copy.attempts) == (JobState.DONE, bob, 0)
    assert copy.result.summary == again.result.summary
    assert bytes(copy.result.trades) == bytes(again.result.trades)
    assert copy.summary == again.summary
    delete_backtest(actor=alice, backtest=first)
    assert list(BacktestResult.objects.values_list("backtest", flat=True)) == [copy.pk]


def test_an_author_s_trials_are_counted_on_this_data(alice: User, bob: User, past: Past, working: Working) -> None:
    def trials(owner: User, fast: int, **terms: Any) -> int:
        face = Face(template="ema_cross", values={"fast": fast, "slow": 8})
        with working():
            asked = request_backtest(owner=owner, terms=past.terms(**terms), face=face)
        return int(BacktestResult.objects.get(backtest=asked).summary["luck"]["sharpe"]["trials"])

    assert [trials(alice, fast) for fast in (3, 4, 5)] == [1, 2, 3]
    # Another fee makes no other trial; another stretch of time without overlap makes another data set.
    assert trials(alice, 3, taker_fee=0.0005) == 3
    before = {"start": NOON - timedelta(days=6), "end": NOON - timedelta(days=5)}
    assert trials(alice, 6, **before) == 1
    # Other words for the same lines, and a line that nothing takes, make no other trial.
    said = (
        "quick = ema(close, 5)\nlasting = ema(close, 8)\nidle = rsi(close, 14)\nsize = share_of_equity(0.2)\n"
        "enter_long = crosses_above(quick, lasting)\nexit_long = crosses_below(quick, lasting)\n"
    )
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), face=Face(formula=said))
    assert BacktestResult.objects.get(backtest=asked).summary["luck"]["sharpe"]["trials"] == 3
    assert trials(bob, 3) == 1


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"start": NOON, "end": NOON}, "RANGE_EMPTY", "start"),
        ({"end": NOON + timedelta(days=1)}, "RANGE_IN_FUTURE", "end"),
        ({"start": NOON - timedelta(days=900), "end": NOON - timedelta(days=800)}, "NO_CANDLES", "start"),
        ({"timeframe": "1h"}, "NO_CANDLES", "start"),
        ({"timeframe": "7m"}, "TIMEFRAME_UNKNOWN", "timeframe"),
        ({"instruments": ()}, "INSTRUMENTS_COUNT", "instrument"),
        ({"initial_cash": 0.0}, "INITIAL_CASH_OUT_OF_RANGE", "initial_cash"),
        ({"initial_cash": float("nan")}, "INITIAL_CASH_OUT_OF_RANGE", "initial_cash"),
        ({"taker_fee": 0.2}, "TAKER_FEE_OUT_OF_RANGE", "taker_fee"),
        ({"maker_fee": -0.01}, "MAKER_FEE_OUT_OF_RANGE", "maker_fee"),
        ({"leverage": float("inf")}, "LEVERAGE_OUT_OF_RANGE", "leverage"),
        ({"slippage": SlippageKind.BPS, "slippage_value": 1001.0}, "SLIPPAGE_OUT_OF_RANGE", "slippage_value"),
        ({"slippage_value": 1.0}, "SLIPPAGE_OUT_OF_RANGE", "slippage_value"),
        ({"fill_rule": FillRule.DETAIL}, "DETAIL_TIMEFRAME_NEEDED", "detail_timeframe"),
        ({"fill_rule": FillRule.DETAIL, "detail_timeframe": "5m"}, "DETAIL_TIMEFRAME_UNFIT", "detail_timeframe"),
        ({"fill_rule": FillRule.DETAIL, "detail_timeframe": "1m"}, "NO_CANDLES", "detail_timeframe"),
    ],
)
def test_bad_terms_are_refused_by_field_and_nothing_is_stored(
    alice: User, past: Past, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        request_backtest(owner=alice, terms=past.terms(**changes), face=CROSSING)
    assert (refused.value.code, refused.value.context["field"]) == (code, field)
    assert not Backtest.objects.exists()


@pytest.mark.parametrize(
    ("face", "code", "field"),
    [
        (None, "STRATEGY_NOT_GIVEN", "version"),
        (Face(), "STRATEGY_NOT_GIVEN", "formula"),
        (Face(template="ema_cross", formula="enter_long = close > 1"), "STRATEGY_GIVEN_TWICE", "formula"),
        (Face(template="crystal_ball"), "TEMPLATE_UNKNOWN", "template"),
        (Face(template="ema_cross", values={"fast": 30, "slow": 20}), "FAST_NOT_BELOW_SLOW", "fast"),
        (Face(formula='enter_long = other("ETH-USDT", close) > 1'), "SYMBOL_UNKNOWN", "formula"),
    ],
)
def test_bad_strategies_are_refused_by_field(alice: User, past: Past, face: Face | None, code: str, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        request_backtest(owner=alice, terms=past.terms(), face=face)
    assert (refused.value.code, refused.value.context["field"]) == (code, field)


def test_limits_on_candles_and_on_stored_backtests(alice: User, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    candles = Limit.objects.get(plan__is_default=True, name=LimitName.BACKTEST_CANDLES)
    # Five days, and the 98 candles before them that a run would see.
    Limit.objects.filter(pk=candles.pk).update(value=5 * 288 + 97)
    with pytest.raises(DomainError) as refused, monkeypatch.context() as unread:
        # Refused before a single candle is read: what a page's process reads nothing limits.
        unread.setattr(specs, "candle_arrays", None)
        request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    assert (refused.value.code, refused.value.status) == ("TOO_MANY_CANDLES", 409)
    assert refused.value.context["candles"] == 5 * 288 + 98
    Limit.objects.filter(pk=candles.pk).update(value=refused.value.context["candles"])
    request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    Limit.objects.filter(name=LimitName.BACKTESTS).update(value=1)
    with pytest.raises(DomainError) as full:
        request_backtest(owner=alice, terms=past.terms(taker_fee=0.0), face=CROSSING)
    assert full.value.code == "LIMIT_REACHED"
    assert Backtest.objects.count() == 1


def test_a_person_s_jobs_run_as_many_at_a_time_as_they_may(
    alice: User, bob: User, past: Past, working: Working
) -> None:
    Limit.objects.filter(name=LimitName.RUNNING_BACKTESTS).update(value=1)
    rows = [request_backtest(owner=alice, terms=past.terms(taker_fee=fee), face=CROSSING) for fee in (0.0, 0.001)]
    Backtest.objects.filter(pk=rows[0].pk).update(state=JobState.RUNNING, claim="another", claimed_until=wall_now())
    run_backtest_job(backtest_id=rows[1].pk)
    assert Backtest.objects.get(pk=rows[1].pk).state == JobState.QUEUED
    # Another person's turn is another matter.
    theirs = request_backtest(owner=bob, terms=past.terms(), face=CROSSING)
    run_backtest_job(backtest_id=theirs.pk)
    assert Backtest.objects.get(pk=theirs.pk).state == JobState.DONE
    # When the first ends, the next is sent.
    with working():
        cancel_backtest(actor=alice, backtest=rows[0])
    assert Backtest.objects.get(pk=rows[1].pk).state == JobState.DONE


def test_a_backtest_that_needs_too_much_memory_is_really_stopped_and_says_so(
    alice: User, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = past.instrument_with(300_000, "ETH")
    monkeypatch.setattr(site, "BACKTEST_MEMORY_MIB", 8)
    terms = past.terms(instruments=(big,), start=NOON - timedelta(days=1000))
    asked = request_backtest(owner=alice, terms=terms, face=CROSSING)
    run_backtest_job(backtest_id=asked.pk)
    failed = Backtest.objects.get()
    assert (failed.state, failed.error_code) == (JobState.FAILED, "OUT_OF_MEMORY")
    assert failed.error_message.startswith(
        "It needed more than 8 MiB of memory and was stopped: choose a shorter range"
    )


def test_a_cancelled_backtest_is_not_computed(alice: User, charlie: User, past: Past, working: Working) -> None:
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
        # A stranger's wish is none.
        assert cancel_backtest(actor=charlie, backtest=asked).state == JobState.QUEUED
        assert cancel_backtest(actor=alice, backtest=asked).state == JobState.CANCELED
    again = cancel_backtest(actor=alice, backtest=asked)
    assert (again.state, again.attempts) == (JobState.CANCELED, 0)
    assert AuditEntry.objects.filter(action="backtest.canceled").count() == 1


def test_candles_that_changed_since_are_not_passed_off_as_those_that_were_asked_about(alice: User, past: Past) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    past.store(past.instrument, waves(10, NOON, seed=4))
    run_backtest_job(backtest_id=asked.pk)
    failed = Backtest.objects.get()
    assert (failed.state, failed.error_code) == (JobState.FAILED, "DATA_CHANGED")


def test_a_job_whose_worker_died_is_given_to_another_once(alice: User, past: Past, working: Working) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    mine = Backtest.objects.filter(pk=asked.pk)
    dead = {"state": JobState.RUNNING, "claim": "gone", "claimed_until": wall_now() - timedelta(seconds=1)}
    mine.update(**dead, attempts=1)
    with working():
        tasks.sweep_jobs()
    done = mine.get()
    assert (done.state, done.attempts) == (JobState.DONE, 2)
    # A second death is the job's own doing, or a third worker's loss.
    mine.update(**dead, attempts=2)
    with working():
        recover_backtests()
    failed = mine.get()
    assert (failed.state, failed.error_code, failed.claim) == (JobState.FAILED, "INTERRUPTED", "")


def test_a_job_that_is_held_is_left_alone(alice: User, past: Past) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    assert jobs.claim(Backtest, asked.pk, alice.pk) is not None
    assert jobs.claim(Backtest, asked.pk, alice.pk) is None
    recover_backtests()
    held = Backtest.objects.get()
    assert (held.state, held.attempts) == (JobState.RUNNING, 1)


def test_a_lost_task_is_sent_again(alice: User, past: Past, working: Working) -> None:
    asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
    with working():
        recover_backtests()
    # Its task still has time to come.
    assert Backtest.objects.get().state == JobState.QUEUED
    Backtest.objects.filter(pk=asked.pk).update(claimed_until=wall_now() - timedelta(seconds=1))
    with working():
        recover_backtests()
    assert Backtest.objects.get().state == JobState.DONE


def test_what_is_unfinished_or_another_s_is_not_deleted(alice: User, bob: User, past: Past, working: Working) -> None:
    with working():
        asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
        with pytest.raises(DomainError, match="BACKTEST_UNFINISHED"):
            delete_backtest(actor=alice, backtest=asked)
    with pytest.raises(NotFound):
        delete_backtest(actor=bob, backtest=asked)
    assert BacktestResult.objects.count() == 1
    delete_backtest(actor=alice, backtest=asked)
    assert (backtests().count(), BacktestResult.objects.count()) == (0, 0)


def test_what_was_deleted_is_gone_but_still_counts_as_tried(alice: User, past: Past, working: Working) -> None:
    version = save_strategy(owner=alice, name="Waves", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    with working():
        tried = request_backtest(owner=alice, terms=past.terms(), version=version, name="mine")
        ended = request_backtest(owner=alice, terms=past.terms(taker_fee=0.0), version=version)
        cancel_backtest(actor=alice, backtest=ended)
    delete_backtest(actor=alice, backtest=tried)
    delete_backtest(actor=alice, backtest=ended)
    kept = Backtest.objects.get()
    assert (kept.pk, kept.name, kept.version, kept.spec, kept.summary) == (tried.pk, "", None, {}, {})
    assert not BacktestResult.objects.exists()
    with pytest.raises(NotFound):
        backtest_for_user(alice, tried.pk)
    assert (stored_studies(alice), version.backtests.count()) == (0, 0)
    with working():
        other = request_backtest(owner=alice, terms=past.terms(), face=ema_cross(4, 9, share="0.5"))
        again = request_backtest(owner=alice, terms=past.terms(), version=version)
    assert again.pk != tried.pk
    trials = [BacktestResult.objects.get(backtest=one).summary["luck"]["sharpe"]["trials"] for one in (other, again)]
    assert trials == [2, 2]
