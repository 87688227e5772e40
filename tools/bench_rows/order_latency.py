"""How soon workers on PostgreSQL and Redis act: a signal's order at its broker, and the copies of many leads' fills."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import Any

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
SIGNALS = 300
# Leads, followers of each, seconds.
STORM = (100, 100, 60)


@row(
    "order_latency",
    what="signal → order at the broker, above the queue's own wait: p50",
    unit="ms",
    target=at_most(25),
    services=True,
)
def order_latency(environment: Mapping[str, str]) -> Measurement:
    """One order at a time; beside each, a bare task of the same worker."""
    orders, tasks = _percentiles(environment, 50)
    return Measurement([orders - tasks], note=f"p50: {orders:.1f} ms for an order, {tasks:.1f} ms for a bare task")


@row(
    "order_latency_p99",
    what="the same: p99",
    unit="ms",
    target=at_most(100),
    services=True,
)
def order_latency_p99(environment: Mapping[str, str]) -> Measurement:
    """The same run's slowest hundredth."""
    orders, tasks = _percentiles(environment, 99)
    return Measurement([orders - tasks], note=f"p99: {orders:.1f} ms for an order, {tasks:.1f} ms for a bare task")


def _percentiles(environment: Mapping[str, str], percent: int) -> tuple[float, float]:
    waits = _measured(tuple(sorted(environment.items())))
    orders, tasks = (quantiles(waits[name], n=100)[percent - 1] for name in ("orders", "tasks"))
    return orders, tasks


@row(
    "copying_storm",
    what="100 leads of 100 followers, each a fill every 10 s for 60 s: lead's fill → copy booked, p95",
    unit="s",
    target=at_most(2),
    services=True,
    only_by_name=True,
)
def copying_storm(environment: Mapping[str, str]) -> Measurement:
    """1,000 copied orders a second, by two workers on PostgreSQL; nothing may be left undone or wrong."""
    found = _with_worker(environment, ["tools.latency.leads", *map(str, STORM)])
    if found["wrong"]:
        raise RuntimeError(f"the books are wrong: {', '.join(found['wrong'])}")
    note = (
        f"{found['copied']:,} copies, p50 {found['p50']:.2f} s; p95 of the first half {found['p95_first_half']:.2f} s,"
        f" of the second {found['p95_second_half']:.2f} s; all done {found['waited']:.1f} s after the last order"
    )
    return Measurement([found["p95"]], note=note)


@cache
def _measured(environment: tuple[tuple[str, str], ...]) -> dict[str, list[float]]:
    """Measure once for both rows, which are about one and the same run."""
    return _with_worker(dict(environment), ["tools.latency.signals", str(SIGNALS)], "--include", "tools.latency.tasks")


def _with_worker(environment: Mapping[str, str], job: Sequence[str], *more: str) -> dict[str, Any]:
    """Run a module beside a worker with two children, started with `more`, and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        own = dict(environment) | {"SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own |= {"SLIPSTREAM_REDIS_PREFIX": "latency:"}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=own, check=True)
        worker = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "ERROR"]
        with subprocess.Popen([*worker, *more], cwd=ROOT, env=own) as process:
            try:
                command = [sys.executable, "-m", *job]
                done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
            finally:
                process.terminate()
    if done.returncode:
        raise RuntimeError(f"the measurement broke off: {done.stderr.strip()[-400:]}")
    return dict(json.loads(done.stdout))
