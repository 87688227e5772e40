"""A lead with an exchange account whom live followers copy on accounts of their own: how long until each copy is at the venue.

python -m tools.latency.accounts FOLLOWERS FILLS starts a site and a test exchange of its own; prints what it found as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any

from tools.drill.stage import VENUE, Stage, stage
from tools.services import leave_cleanly_on_signals

# No browser and no price stream is part of what is measured: the price is asked for where it is needed.
PROCESSES = ("worker", "feed", "engine", "signer")
# All of it, servers and crowd included; what has not come by then is said, and the run ends.
RUN_SECONDS, COPIED_SECONDS = 220.0, 30.0
SYMBOL = "BTC/USDT"


def main(followers: int, fills: int) -> None:
    until = time.monotonic() + RUN_SECONDS
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    leave_cleanly_on_signals()
    with tempfile.TemporaryDirectory() as name, stage(Path(name), 1, "--no-limits", is_killed=False) as made:
        import django

        django.setup()
        command = made.commands["signer"][-1]
        made.commands["signer"][-1] = command.replace("manage.py run_signer", "-m tools.latency.unlimited_signer")
        print(json.dumps(_measured(made, followers, fills, until)))


def _measured(made: Stage, followers: int, fills: int, until: float) -> dict[str, Any]:
    """Models come after setup, so what needs them stands in a module of its own."""
    from tools.latency.crowd import Crowd

    crowd = Crowd(made, followers, VENUE, SYMBOL)
    made.start(*PROCESSES)
    began = time.monotonic()
    _wait(crowd.is_ready, until, crowd.told_of_accounts)
    ready_after = time.monotonic() - began
    crowd.begin()
    before = _cpu_seconds(made)
    waits: list[float] = []
    told: list[object] = []
    for _ in range(fills):
        crowd.trade(Decimal("0.01"))
        soon = min(until, time.monotonic() + COPIED_SECONDS)
        _wait(crowd.is_filled, soon, crowd.told_of_the_lead)
        _wait(lambda: crowd.copied() == followers, soon, crowd.told_of_copies)
        waits += crowd.waits()
        told.append(crowd.told_of_copies())
        time.sleep(2)
    _wait(crowd.is_settled, until, crowd.told_of_flight)
    # What was denied here has no time at the venue: a run of which the slow ones are missing measured nothing.
    missing = followers * fills - len(waits)
    lost = [f"{missing} copies never reached the exchange: {told}"] if missing else []
    if not waits:
        raise SystemExit(lost[0])
    return {
        "p50": _percentile(waits, 50),
        "p95": _percentile(waits, 95),
        "most": max(waits),
        "ready_after": ready_after,
        "cpu_seconds": {name: spent - before[name] for name, spent in _cpu_seconds(made).items()},
        "told": told,
        "wrong": lost + crowd.wrong(),
    }


def _cpu_seconds(made: Stage) -> dict[str, float]:
    """Return what each process, the exchange among them, has had of a core so far; of the worker with its children."""
    return {name: _spent(process.pid) for name, process in made.running.items()}


def _spent(pid: int) -> float:
    """Return the seconds of a process and of those below it, by what Linux counts (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_spent(int(child)) for child in children)


def _wait(holds: Callable[[], bool], until: float, told: Callable[[], object]) -> None:
    """Wait until something holds; end the run where it does not by a moment of the monotonic clock."""
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"not in time: {told()}")
        time.sleep(0.2)


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
