"""What the candle store takes to give a year of minutes, and to take ten million candles in."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.candles import Candles
from markets.candle_store import SCHEMA, CandleStore
from tools.bench_rows import Measurement, at_most, row

YEAR, MINUTE, START = 525_600, 60_000, 1_704_067_200_000
FILES, REPETITIONS = 20, 15
ROOT = Path(__file__).resolve().parent.parent.parent

_IMPORT = """
import sys, time
from pathlib import Path
import django
django.setup()
from markets.candle_store import candle_store
from markets.importing import read_candle_file
store, inserted, begun = candle_store(), 0, time.perf_counter()
for path in sorted(Path(sys.argv[1]).glob("*.parquet")):
    file = read_candle_file(path)
    inserted += store.upsert(file.exchange_code, file.pair, file.timeframe, file.candles).inserted
spent = time.perf_counter() - begun
print(spent, inserted, sum(path.stat().st_size for path in store.files.root.glob("*.parquet")) / inserted)
"""
SERIES = ("binance", "BTC-USDT", "1m")


def _year(seed: int) -> Candles:
    """Return a year of minutes in cents and thousandths, as venues tell them."""
    random = np.random.default_rng(seed)
    close = np.round(60_000 * np.exp(np.cumsum(random.normal(0, 5e-4, YEAR))), 2)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.round(np.maximum(opened, close) * 1.0002, 2), np.round(np.minimum(opened, close) * 0.9998, 2)
    times = START + MINUTE * np.arange(YEAR, dtype=np.int64)
    return Candles(times, opened, high, low, close, np.round(random.random(YEAR) * 10, 3))


@row("candles_read", what="one year of minutes of one instrument from the candle store", unit="ms", target=at_most(15))
def candles_read(environment: Mapping[str, str]) -> Measurement:
    """All six columns as arrays in a process that reads them now and then, the year out of 13 months that are stored.

    The note says what the first read takes that decodes the file, its pages known to the system.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = CandleStore(Path(folder))
        store.upsert(*SERIES, _year(1))
        later = Candles(*(getattr(_year(2), name)[:43_200] for name in Candles.__slots__))
        later.opened_at[:] += MINUTE * YEAR
        store.upsert(*SERIES, later)
        first = [_read(CandleStore(Path(folder))) for _ in range(5)]
        again = [_read(store) for _ in range(REPETITIONS + 1)][1:]
    return Measurement(again, note=f"decoded anew: {median(first):.0f} ms")


def _read(store: CandleStore) -> float:
    begun = time.perf_counter()
    found = store.read(*SERIES, start_ms=START + MINUTE * 43_200)
    spent = (time.perf_counter() - begun) * 1e3
    assert len(found) == YEAR
    return spent


@row(
    "candles_import",
    what="import of ten million candles: 20 files of a year of minutes",
    unit="s",
    target=at_most(60),
    only_by_name=True,
)
def candles_import(environment: Mapping[str, str]) -> Measurement:
    """Each file read, checked row by row, fingerprinted, written and synced, as import_candles does; one process."""
    with tempfile.TemporaryDirectory() as folder:
        for place in range(FILES):
            candles, path = _year(place), Path(folder) / f"binance__C{place}-USDT__1m.parquet"
            pq.write_table(pa.table([getattr(candles, name) for name in Candles.__slots__], schema=SCHEMA), path)
        own = {**environment, "SLIPSTREAM_VAR_DIR": f"{folder}/var", "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", _IMPORT, folder]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the import failed: {done.stderr.strip()[-400:]}")
    spent, inserted, each = (float(word) for word in done.stdout.split())
    return Measurement([spent], note=f"{inserted:,.0f} candles, {each:.1f} bytes each on disk")
