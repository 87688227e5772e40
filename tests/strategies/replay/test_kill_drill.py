"""Workers die by SIGKILL between claiming, sending, booking, copying and telling; the books must not notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
CANDLES, FOLLOWERS = 160, 10
KILLS = "claimed=0.1,sent=0.1,booked=0.1,copied=0.15,committed=0.05"


def write_candles(path: Path, count: int, seed: int = 3) -> None:
    """Write five-minute candles of a wave with noise: a fast crossover trades every few of them."""
    chance = np.random.default_rng(seed)
    middle = 100 + 4 * np.sin(np.arange(count) / 4) + chance.normal(0, 0.3, count).cumsum() * 0.3
    close = np.round(middle + chance.normal(0, 0.2, count), 2)
    open_ = np.round(np.concatenate([[middle[0]], close[:-1]]), 2)
    high = np.round(np.maximum(open_, close) + 0.3, 2)
    low = np.round(np.minimum(open_, close) - 0.3, 2)
    opened_at = 1_704_067_200_000 + np.arange(count) * 300_000
    columns = {"timestamp": opened_at, "open": open_, "high": high, "low": low, "close": close}
    pq.write_table(pa.table({**columns, "volume": np.round(chance.uniform(1, 9, count), 3)}), path)


def replayed(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the replay as its own process and return its report."""
    file = folder / "made__SOL-USDT__5m.parquet"
    write_candles(file, CANDLES)
    command = [sys.executable, "manage.py", "replay", "--candles", str(file), "--followers", str(FOLLOWERS)]
    command += ["--fast", "3", "--slow", "8", "--stop-loss", "0.003", "--json", *arguments]
    environment = {**os.environ, "SLIPSTREAM_VAR_DIR": str(folder / "var")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.services
@pytest.mark.timeout(240)
def test_killed_workers_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    undisturbed = replayed(tmp_path)
    drilled = replayed(tmp_path, "--workers", "celery", "--kill", KILLS)

    assert set(drilled["checks"].values()) == {"ok"}
    assert drilled["worker_deaths"] >= 10
    # Dying changes when things happen by the wall, never what happens.
    same = ["candles", "lead_orders", "lead_fills", "copied_orders", "copied_fills", "stops_fired", "lead_equity"]
    assert {name: drilled[name] for name in same} == {name: undisturbed[name] for name in same}
    assert drilled["follower_equity"] == undisturbed["follower_equity"]
    assert undisturbed["copied_orders"]["FILLED"] > 80
    assert undisturbed["stops_fired"] > 0
