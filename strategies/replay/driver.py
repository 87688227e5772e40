"""Walks the candles: every step's price is made true, and market time goes on only when all that it set off is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from common import clock
from common.bus import Message, bus
from common.errors import DomainError
from common.tasks import inline_tasks
from markets.feed import apply_step, settled
from markets.steps import PriceSource, Step
from portfolios.services.equity import take_snapshots
from strategies.tasks import sweep_runs
from trading.selectors import due_events
from trading.services.lead_events import delays_channel
from trading.services.sweeping import run_due, sweep
from trading.services.triggers import channel
from trading.trigger_engine import TriggerEngine

# With workers of its own, a replay that hears nothing for so long gives up rather than hang.
STUCK_SECONDS = 150.0
# When a worker was killed: how soon its claims count as abandoned and its tasks as lost.
LEASE_SECONDS = 1.0
_SWEEP_EVERY_SECONDS = 0.5
_POLL_SECONDS = 0.002
_FOR_EVER = datetime.max.replace(tzinfo=UTC)

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

    Unless it `hears_all` hints about new stops and delays (a killed worker's is lost), their rows are asked at every
    candle.
    """
    engine = TriggerEngine(source.namespace)
    candles, snapshot_at = 0, None
    stops, delays = channel(source.namespace), delays_channel(source.namespace)
    with bus().listen(stops, delays) as hints:
        engine.refresh()
        has_delays = False
        for step in steps:
            apply_step(source.namespace, step, persists_candles=source.persists_candles)
            heard = _heard(hints.get) if hears_all or not step.closed else {stops, delays}
            if stops in heard:
                engine.refresh()
            has_delays |= delays in heard
            if has_delays and run_due(namespace=source.namespace, until=step.at):
                finish()
                has_delays = due_events(source.namespace, _FOR_EVER).exists()
            if engine.on_prices(step.prices) or step.closed:
                finish()  # a price that closes no candle and crosses no stop sets nothing off
            if (due := _floor(step.at, snapshot_every)) != snapshot_at:
                snapshot_at = due
                take_snapshots(namespace=source.namespace, at=due)
            if step.closed:
                candles += len(step.closed)
                progress(candles)
    return candles


def _heard(next_hint: Callable[[float], Message | None]) -> set[str]:
    """Return the channels on which something was said since the last time."""
    channels = set()
    while (hint := next_hint(0)) is not None:
        channels.add(hint[0])
    return channels


def _floor(at: datetime, every: timedelta) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=UTC)) % every
