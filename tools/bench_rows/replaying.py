"""The main job at speed: candles replayed with a lead and a hundred followers, every book checked at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
CANDLES, FOLLOWERS = 20_000, 100
LIMIT_SECONDS = 180.0
REAL_FILE = "binance__BTC-USDT__5m.parquet"

_MAKE_CANDLES = """
import sys
import django
django.setup()
from django.core.management import call_command
from markets.candle_store import candle_store
from markets.services import seed_simulated_venue
call_command("migrate", verbosity=0)
seed_simulated_venue(history_minutes=int(sys.argv[1]) * 5)
print(candle_store().path("simulated", "BTC-USDT", "5m"))
"""


@row(
    "replay",
    what="replay of 20,000 candles, 100 followers, PostgreSQL",
    unit="s",
    target=at_most(LIMIT_SECONDS),
    services=True,
)
def replay(environment: Mapping[str, str]) -> Measurement:
    """Replay on PostgreSQL, inline workers: setup, replay and checks."""
    return _replay(environment, limit=CANDLES)


@row("replay_sqlite", what="the same on SQLite", unit="s", target=at_most(LIMIT_SECONDS))
def replay_sqlite(environment: Mapping[str, str]) -> Measurement:
    """Replay on the embedded default."""
    return _replay(environment, limit=CANDLES)


@row(
    "replay_whole",
    what="replay of the whole file, 100 followers, PostgreSQL",
    unit="s",
    target=at_most(4 * LIMIT_SECONDS),
    services=True,
    only_by_name=True,
)
def replay_whole(environment: Mapping[str, str]) -> Measurement:
    """Replay all that the file holds."""
    return _replay(environment, limit=None)


def candle_file() -> Path | None:
    """Return the real candles to replay: BENCH_CANDLES, or the file beside the reference cases; None where there are none."""
    named = os.environ.get("BENCH_CANDLES")
    if named:
        return Path(named)
    beside = Path(os.environ.get("CONFORMANCE_DIR", "/nonexistent")).parent / "data" / REAL_FILE
    return beside if beside.is_file() else None


def _replay(environment: Mapping[str, str], *, limit: int | None) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        own = {**environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        file = candle_file() or _made_file(own)
        command = [
            sys.executable,
            "manage.py",
            "replay",
            "--candles",
            str(file),
            "--followers",
            str(FOLLOWERS),
            "--json",
        ]
        command += ["--limit", str(limit)] if limit else []
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the replay failed: {(done.stderr or done.stdout).strip()[-400:]}")
    report = json.loads(done.stdout)
    note = (
        f"{report['database']}, {file.name}: {report['candles']} candles, {report['copied_total']} copied orders,"
        f" {report['candles_per_second']} candles/s, {report['copied_orders_per_second']} copied orders/s, all checks ok"
    )
    return Measurement([report["setup_seconds"] + report["replay_seconds"]], note=note)


def _made_file(environment: Mapping[str, str]) -> Path:
    """Make candles where no real ones are at hand; the note then names the made file."""
    embedded = {key: value for key, value in environment.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
    command = [sys.executable, "-c", _MAKE_CANDLES, str(CANDLES)]
    done = subprocess.run(command, cwd=ROOT, env=embedded, check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())
