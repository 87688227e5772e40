"""Walks the candles: every step's price is made true, and market time goes on only when all that it set off is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from common import clock
from common.bus import bus
from common.errors import DomainError
from common.tasks import inline_tasks
from markets.feed import apply_step, settled
from markets.steps import PriceSource, Step
from portfolios.services.equity import take_snapshots
from strategies.tasks import sweep_runs
from trading.services.sweeping import run_due, sweep
from trading.services.triggers import channel
from trading.trigger_engine import TriggerEngine

# With workers of its own, a replay that hears nothing for so long gives up rather than hang.
STUCK_SECONDS = 60.0
# When a worker was killed: how soon its claims count as abandoned and its tasks as lost.
LEASE_SECONDS = 1.0
_SWEEP_EVERY_SECONDS = 0.5
_POLL_SECONDS = 0.002

Finish = Callable[[], None]


@contextmanager
def inline_workers(chooser: Random) -> Iterator[Finish]:
    """Run tasks in this process, in an order drawn from `chooser`."""
    with inline_tasks(chooser) as queue:

        def finish() -> None:
            queue.drain()

        yield finish


def wait_for_workers(namespace: str, keep_workers: Callable[[], None]) -> Finish:
    """Return a function that waits until real workers have finished everything; what a killed one lost is swept up."""

    def finish() -> None:
        began = last_sweep = clock.monotonic()
        while not settled(namespace):
            clock.sleep(_POLL_SECONDS)
            now = clock.monotonic()
            if now - last_sweep > _SWEEP_EVERY_SECONDS:
                last_sweep = now
                keep_workers()
                sweep(older_than_seconds=_SWEEP_EVERY_SECONDS, lease_seconds=LEASE_SECONDS)
                sweep_runs()
            if now - began > STUCK_SECONDS:
                raise DomainError(
                    "REPLAY_STUCK", f"Work was still unfinished after {STUCK_SECONDS:.0f} s; look at the workers' log."
                )

    return finish


def walk(
    steps: Iterable[Step],
    source: PriceSource,
    *,
    finish: Finish,
    progress: Callable[[int], None],
    hears_all: bool,
    snapshot_every: timedelta = timedelta(days=1),
) -> int:
    """Walk a source's steps to their end; return how many candles closed.

    Unless it `hears_all` hints about new stops (a killed worker's is lost), the stops' rows are asked at every candle.
    """
    engine = TriggerEngine(source.namespace)
    candles, snapshot_at = 0, None
    with bus().listen(channel(source.namespace)) as hints:
        engine.refresh()
        for step in steps:
            apply_step(source.namespace, step, persists_candles=source.persists_candles)
            if hints.get(0) is not None or (step.closed and not hears_all):
                _refresh(engine, hints.get)
            if step.closed:
                run_due(namespace=source.namespace, until=step.at)
            if engine.on_prices(step.prices) or step.closed:
                finish()  # a price that closes no candle and crosses no stop sets nothing off
            if (due := _floor(step.at, snapshot_every)) != snapshot_at:
                snapshot_at = due
                take_snapshots(namespace=source.namespace, at=due)
            if step.closed:
                candles += len(step.closed)
                progress(candles)
    return candles


def _refresh(engine: TriggerEngine, next_hint: Callable[[float], object]) -> None:
    while next_hint(0) is not None:
        pass
    engine.refresh()


def _floor(at: datetime, every: timedelta) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=UTC)) % every
