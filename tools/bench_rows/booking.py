"""Trading's books at speed: fills booked in bulk beside a bare INSERT … SELECT, and an account reconciled with its venue."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from tools.bench_rows import Measurement, at_least, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
OPEN_ORDERS, FILLS, COPIES = 1_000, 5_000, 10_000


@row(
    "reconciling",
    what="reconciliation of 1,000 open orders on one account, PostgreSQL",
    unit="s",
    target=at_most(2),
    services=True,
)
def reconciling(environment: Mapping[str, str]) -> Measurement:
    """From the question to the last row written; the venue answers at once, a quarter each: filled, part, ended, no news."""
    found = _run(environment, "reconcile", OPEN_ORDERS)
    return Measurement(
        found["seconds"], note=f"{found['fills']} fills booked, {found['orders']} orders moved, books right"
    )


@row(
    "booking",
    what="booking fills in bulk (fill, ledger, order, balances, position), PostgreSQL",
    unit="rows/s",
    target=at_least(1 / 3, of="ratio"),
    services=True,
)
def booking(environment: Mapping[str, str]) -> Measurement:
    """5,000 fills of as many books in batches of 500; the peer inserts the very rows that this wrote into tables like theirs."""
    found = _run(environment, "book", FILLS)
    return Measurement([found["ours"]], peer=found["raw"], note=f"{found['rows']:,} rows written for {FILLS:,} fills")


@row(
    "copying",
    what="one fill of a lead copied to 10,000 paper followers: until all is promised",
    unit="s",
    target=at_most(3, of="ratio"),
    services=True,
)
def copying(environment: Mapping[str, str]) -> Measurement:
    """In the run of `copying_booked`: three fills, one after the other, until no follower is without rows.

    The peer inserts the very order rows into a table with the same indexes and references. What our own broker fills at
    once is booked in the transaction that promises it.
    """
    found = _crowd(environment, COPIES)
    return Measurement(
        found["promised"], peer=median(found["raw"]), note=f"{found['cpu']:.2f} s of Python's CPU in all"
    )


@row(
    "copying_booked",
    what="the same: until all of it is filled, booked and published",
    unit="s",
    target=at_most(10, of="ratio"),
    services=True,
)
def copying_booked(environment: Mapping[str, str]) -> Measurement:
    """As the two workers of the Procfile do it: copied, judged, filled and booked batch by batch, to the last ledger line."""
    found = _crowd(environment, COPIES)
    return Measurement(found["seconds"], peer=median(found["raw"]), note=_filled(found))


@row(
    "copying_memory",
    what="one fill copied to 100,000 paper followers: the most memory of the worker",
    unit="MiB",
    target=at_most(400),
    services=True,
    only_by_name=True,
)
def copying_memory(environment: Mapping[str, str]) -> Measurement:
    """Of either worker, in such a run; the crowd is made by another process."""
    found = _crowd(environment, 10 * COPIES)
    return Measurement([found["memory"]], note=f"{_filled(found)}; {found['before']:.0f} MiB before")


@row(
    "copying_linear",
    what="the same: time, beside that of 10,000 followers",
    unit="s",
    target=at_most(11, of="ratio"),
    services=True,
    only_by_name=True,
)
def copying_linear(environment: Mapping[str, str]) -> Measurement:
    """In the run of `copying_memory`; the peer is the same with a tenth of the crowd."""
    whole, tenth = _crowd(environment, 10 * COPIES), _crowd(environment, COPIES)
    return Measurement(whole["seconds"], peer=median(tenth["seconds"]), note=_filled(whole))


def _filled(found: Mapping[str, Any]) -> str:
    return f"{found['filled']:,} copies of {len(found['seconds'])} fills"


def _crowd(environment: Mapping[str, str], count: int) -> dict[str, Any]:
    return _crowd_once(tuple(sorted(environment.items())), count)


@cache
def _crowd_once(environment: tuple[tuple[str, str], ...], count: int) -> dict[str, Any]:
    return _run(dict(environment), "crowd", count)


def _run(environment: Mapping[str, str], kind: str, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-m", "tools.trading_job", kind, str(count)]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the job broke off: {done.stderr.strip()[-600:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["wrong"]:
        raise RuntimeError(f"the books are wrong: {', '.join(found['wrong'])}")
    return found
