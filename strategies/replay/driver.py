"""Walks the candles: every step's price is made true, and market time goes on only when all that it set off is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from common import clock
from common.bus import Message, bus
from common.errors import DomainError
from common.tasks import inline_tasks
from markets.feed import apply_step, settled
from markets.prices import put_prices
from markets.steps import PriceSource, Step
from portfolios.services.equity import take_snapshots
from strategies.tasks import sweep_runs
from trading.copy_accounts.services.settling import settle_due
from trading.due import has_waiting
from trading.risk.services.watching import watch_namespace
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
    concerns: Callable[[Step], bool] = lambda step: False,
    snapshot_every: timedelta = timedelta(days=1),
) -> int:
    """Walk a source's steps to their end; return how many candles closed.

    Unless it `hears_all` hints about new stops and delays (a killed worker's is lost), their rows are asked at every
    candle. Prices that nothing waits for are told with the next one, but those that somebody `concerns`.
    """
    engine, unseen = TriggerEngine(source.namespace), _Unseen(source)
    candles, snapshot_at = 0, None
    stops, delays = channel(source.namespace), delays_channel(source.namespace)
    with bus().listen(stops, delays) as hints:
        engine.refresh()
        has_delays = False
        for step in steps:
            heard = _heard(hints.get) if hears_all or not step.closed else {stops, delays}
            if stops in heard:
                engine.refresh()
            has_delays |= delays in heard
            due = _floor(step.at, snapshot_every)
            is_heard = step.closed or has_delays or due != snapshot_at or concerns(step)
            if not (is_heard or engine.would_fire(step.prices, step.at)):
                unseen.add(step)
                continue
            unseen.catch_up(but=step.prices)
            apply_step(source.namespace, step, persists_candles=source.persists_candles)
            if (has_delays or engine.liquidations.watched()) and run_due(namespace=source.namespace, until=step.at):
                finish()
                has_delays = has_waiting(source.namespace)
            if engine.on_prices(step.prices, step.at) or step.closed:
                finish()  # a price that closes no candle and crosses no stop sets nothing off
            if due != snapshot_at:
                snapshot_at = due
                take_snapshots(namespace=source.namespace, at=due)
                watch_namespace(namespace=source.namespace)
                settle_due(namespace=source.namespace, until=step.at)
            if step.closed:
                candles += len(step.closed)
                progress(candles)
        unseen.catch_up()
    return candles


class _Unseen:
    """Prices that nobody could have acted on when they were made: nothing waits for them, so only the newest are told."""

    def __init__(self, source: PriceSource) -> None:
        self._source = source
        self._steps: dict[UUID, Step] = {}
        self._last: Step | None = None

    def add(self, step: Step) -> None:
        self._last = step
        self._steps |= dict.fromkeys(step.prices, step)

    def catch_up(self, but: Mapping[UUID, Decimal] | None = None) -> None:
        """Make the newest true, each as of its own time; those of `but` are about to be, and market time with them."""
        for instrument_id, step in self._steps.items():
            if but is None or instrument_id not in but:
                price = format(step.prices[instrument_id], "f")
                put_prices(self._source.namespace, {str(instrument_id): price}, step.at)
        if but is None and self._last is not None:
            clock.set_market_time(self._source.namespace, self._last.at)
        self._steps, self._last = {}, None


def _heard(next_hint: Callable[[float], Message | None]) -> set[str]:
    """Return the channels on which something was said since the last time."""
    channels = set()
    while (hint := next_hint(0)) is not None:
        channels.add(hint[0])
    return channels


def _floor(at: datetime, every: timedelta) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=UTC)) % every
