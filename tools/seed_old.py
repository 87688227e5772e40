"""Builds a database as an earlier release of ours left it, so that migrations meet real old rows: `make seed-old`.

    python -m tools.seed_old TARGET [--commit NAME]    a SQLite file at TARGET, or its SQL, compressed, for *.sql.gz

The release is a commit of this repository, checked out beside it for as long as it takes. The stored dump of the tests
(tests/strategies/release_0_1.sql.gz) was made so.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The last commit before strategies became graphs.
COMMIT = "172618b"
CANDLES, FOLLOWERS = 160, 3
_FIVE_MINUTES_MS = 300_000

# What a replay leaves, and what it does not: a strategy without a stop, and one that was edited after it had run.
_MORE = """
from decimal import Decimal
from accounts.models import User
from markets.models import Instrument
from portfolios.models import Portfolio
from strategies.models import StrategyRun
from strategies.services.definitions import save_strategy
from strategies.services.runs import stop_run
lead = User.objects.get(email="lead@replay.invalid")
instrument = Instrument.objects.get()
common = {"owner": lead, "instrument": instrument}
save_strategy(name="Without a stop", timeframe="1h", parameters={"fast": 12, "slow": 26}, **common)
run = StrategyRun.objects.get()
stop_run(actor=lead, run=run)
edited = {"fast": 5, "slow": 20, "share": "0.12345", "stop_loss": "0.025"}
save_strategy(name="Edited", timeframe="15m", parameters=edited, strategy=run.version.strategy, **common)
"""


def main(arguments: list[str] | None = None) -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--commit", default=COMMIT)
    options = parser.parse_args(arguments)
    target: Path = options.target.resolve()
    with tempfile.TemporaryDirectory(prefix="slipstream-old-") as name, _checkout(options.commit) as release:
        database = Path(name) / "old.sqlite3"
        _seed(release, database, Path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.name.endswith(".sql.gz"):
            write_dump(database, target)
        else:
            target.write_bytes(database.read_bytes())
    print(f"{target}: {target.stat().st_size:,} bytes, as of {options.commit}")


def write_dump(database: Path, target: Path) -> None:
    """Write a SQLite file as compressed SQL, the same bytes for the same rows."""
    with closing(sqlite3.connect(database)) as connection:
        text = "\n".join(connection.iterdump())
    target.write_bytes(gzip.compress(text.encode(), mtime=0))


def read_dump(dump: Path, database: Path) -> None:
    """Make a SQLite file of compressed SQL."""
    with closing(sqlite3.connect(database)) as connection:
        # Amounts are text with a collation of the site's own (common/fields.py).
        connection.create_collation("amount", lambda one, other: int(Decimal(one).compare(Decimal(other))))
        # A constraint on handles asks for this; SQLite itself has none.
        connection.create_function("REGEXP", 2, lambda pattern, text: re.search(pattern, str(text)) is not None)
        connection.executescript(gzip.decompress(dump.read_bytes()).decode())


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="slipstream-release-") as name:
        folder = Path(name) / "tree"
        _run(["git", "worktree", "add", "--quiet", "--detach", str(folder), commit], ROOT)
        try:
            yield folder
        finally:
            _run(["git", "worktree", "remove", "--force", str(folder)], ROOT)


def _seed(release: Path, database: Path, folder: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{database}", "SLIPSTREAM_VAR_DIR": str(folder / "var"), "REDIS_URL": ""}
    candles = _candles(folder / "SOLUSDT-5m-2024-01.csv")
    replay = ["replay", "--candles", str(candles), "--followers", str(FOLLOWERS), "--fast", "3", "--slow", "8"]
    manage = [sys.executable, "manage.py"]
    _run([*manage, *replay, "--stop-loss", "0.003", "--database", environment["DATABASE_URL"]], release, environment)
    _run([*manage, "shell", "-c", _MORE], release, environment)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _candles(path: Path) -> Path:
    """Write a wave with noise in Binance's own form."""
    chance, price = random.Random(3), 100.0
    with path.open("w", newline="") as opened:
        rows = csv.writer(opened)
        for place in range(CANDLES):
            close = round(100 + 4 * math.sin(place / 4) + chance.gauss(0, 0.4), 2)
            high, low = max(price, close) + 0.3, min(price, close) - 0.3
            at = 1_704_067_200_000 + place * _FIVE_MINUTES_MS
            prices = [f"{value:.2f}" for value in (price, high, low, close)]
            rows.writerow([at, *prices, 5, at + _FIVE_MINUTES_MS - 1, 500, 10, 2, 200, 0])
            price = close
    return path


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, check=True)


if __name__ == "__main__":
    main()
