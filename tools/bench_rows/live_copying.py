"""How soon a lead's fill is an order of each follower at a test exchange, all of them with accounts of their own there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
FOLLOWERS, FILLS = 300, 3


@row(
    "live_copying",
    what="300 live followers at a test exchange: lead's fill received → order sent, p50",
    unit="s",
    target=at_most(0.5),
)
def live_copying(environment: Mapping[str, str]) -> Measurement:
    """Three fills of the lead, one after the other; the test exchange counts no requests, and says when it got each order."""
    return _told(environment, "p50")


@row(
    "live_copying_p95",
    what="the same: p95",
    unit="s",
    target=at_most(2),
)
def live_copying_p95(environment: Mapping[str, str]) -> Measurement:
    """The same run's slowest twentieth."""
    return _told(environment, "p95")


def _told(environment: Mapping[str, str], name: str) -> Measurement:
    found = _measured(tuple(sorted(environment.items())))
    if "failed" in found:
        raise RuntimeError(f"the measurement broke off: {found['failed']}")
    if found["wrong"]:
        raise RuntimeError(f"something is wrong: {', '.join(found['wrong'])}")
    spent = ", ".join(f"{process} {seconds:.1f}" for process, seconds in found["cpu_seconds"].items())
    return Measurement([found[name]], note=f"slowest {found['most']:.2f} s; seconds of a core meanwhile: {spent}")


@cache
def _measured(environment: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Measure once for both rows, also where it fails: in four minutes; the job starts servers, processes and the exchange by itself."""
    command = [sys.executable, "-m", "tools.latency.accounts", str(FOLLOWERS), str(FILLS)]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip()[-400:]}
    return dict(json.loads(done.stdout))
