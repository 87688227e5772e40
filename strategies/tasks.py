"""Deciding, after a candle closed, and computing, when it is asked for; both also for what a lost task left behind."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from strategies import selectors
from strategies.services import backtests, interests, sweeps
from strategies.services.runs import decide_each


@shared_task(name="strategies.decide_runs")
def decide_runs(instrument_id: str, timeframe: str) -> None:
    """A candle of this series closed."""
    decide_each(due=selectors.runs_to_decide(UUID(instrument_id), timeframe))


@shared_task(name="strategies.sweep_runs")
def sweep_runs() -> None:
    """Decide for the runs whose task was lost; runs every few seconds."""
    for namespace in selectors.running_namespaces():
        decide_each(due=selectors.undecided_runs(namespace))


@shared_task(name="strategies.run_backtest")
def run_backtest(backtest_id: str) -> None:
    """A backtest was asked for, or it is its owner's turn."""
    backtests.run_backtest_job(backtest_id=UUID(backtest_id))


@shared_task(name="strategies.run_sweep_chunk")
def run_sweep_chunk(chunk_id: int) -> None:
    """A part of a sweep was asked for, or it is its owner's turn."""
    sweeps.run_chunk_job(chunk_id=chunk_id)


@shared_task(name="strategies.sweep_jobs")
def sweep_jobs() -> None:
    """Give jobs whose worker died to another, and send lost tasks again; runs every few seconds."""
    backtests.recover_backtests()
    sweeps.recover_chunks()


@shared_task(name="strategies.renew_interests")
def renew_interests() -> None:
    """Have watched what runs decide on; runs a few times a minute."""
    interests.renew_run_interests()
