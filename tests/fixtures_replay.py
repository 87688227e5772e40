"""Replays of made candles: run through the command itself, in worlds of their own, whose rows can be looked at afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from strategies.management.commands.replay import CheckFailed
from strategies.replay import database
from strategies.replay.database import fresh_world
from trading.models import Fill, Order

FIVE_MINUTES_MS = 300_000
# A fast crossover and a near stop: it trades every few candles, and its stops fire.
PLAN = ["--fast", "3", "--slow", "8", "--stop-loss", "0.003"]


def write_candles(path: Path, count: int, seed: int = 3) -> Path:
    """Write five-minute candles of a wave with noise, from the beginning of 2024 on."""
    chance = np.random.default_rng(seed)
    middle = 100 + 4 * np.sin(np.arange(count) / 4) + chance.normal(0, 0.3, count).cumsum() * 0.3
    close = np.round(middle + chance.normal(0, 0.2, count), 2)
    open_ = np.round(np.concatenate([[middle[0]], close[:-1]]), 2)
    high = np.round(np.maximum(open_, close) + 0.3, 2)
    low = np.round(np.minimum(open_, close) - 0.3, 2)
    opened_at = 1_704_067_200_000 + np.arange(count) * FIVE_MINUTES_MS
    columns = {"timestamp": opened_at, "open": open_, "high": high, "low": low, "close": close}
    pq.write_table(pa.table({**columns, "volume": np.round(chance.uniform(1, 9, count), 3)}), path)
    return path


@dataclass(frozen=True)
class Replayed:
    """What a replay reported, and what it left in its database, in an order that depends on nothing but the rows.

    `orders` and `fills` tell all that trading decided, in market time; `ids` are those of both, which only a run within
    one process repeats.
    """

    report: dict[str, Any]
    orders: list[tuple[Any, ...]]
    fills: list[tuple[Any, ...]]
    ids: list[str]


class Replays:
    """Runs replays on the configured kind of database, and drops what they left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: list[str] = []

    def candles(self, count: int, pair: str = "SOL-USDT", seed: int = 3) -> Path:
        return write_candles(self.folder / f"made__{pair}__5m.parquet", count, seed)

    def run(self, *arguments: object) -> Replayed:
        """Replay, and return what came of it; raises CommandError where the command does."""
        out, err = StringIO(), StringIO()
        try:
            call_command("replay", *map(str, arguments), *PLAN, "--keep", "--json", stdout=out, stderr=err)
        finally:
            url = err.getvalue().partition("The database is kept: ")[2].split("\n")[0]
            self._kept += [url] if url else []
        with fresh_world(database_url=url, keep=True):
            return Replayed(json.loads(out.getvalue()), _orders(), _fills(), _ids())

    def told(self, *arguments: object) -> dict[str, Any]:
        """Replay as the arguments alone say, and return the report, also where a check failed."""
        out = StringIO()
        with suppress(CheckFailed):
            call_command("replay", *map(str, arguments), "--json", stdout=out, stderr=StringIO())
        report: dict[str, Any] = json.loads(out.getvalue())
        return report

    def drop(self) -> None:
        for url in self._kept:
            _drop(url)


def _drop(url: str) -> None:
    if connection.vendor == "postgresql":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')
    else:
        shutil.rmtree(Path(urlsplit(url).path).parent)


def _orders() -> list[tuple[Any, ...]]:
    names = "portfolio_id follow_id cause_kind seq leg side state code requested_quantity quantity filled_quantity"
    rows = Order.objects.values_list(*names.split(), "average_price", "fee", "created_at")
    return sorted((tuple(map(str, row)) for row in rows), key=repr)


def _fills() -> list[tuple[Any, ...]]:
    names = ("portfolio_id", "number", "side", "quantity", "price", "fee", "happened_at")
    return list(Fill.objects.order_by("portfolio", "number").values_list(*names))


def _ids() -> list[str]:
    return sorted(str(pk) for model in (Order, Fill) for pk in model._default_manager.values_list("pk", flat=True))


@pytest.fixture(scope="session")
def migrated_url(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Migrate one empty database for all replays of this process: each of them would take seconds to do the same."""
    with django_db_blocker.unblock():
        with fresh_world(database_url=None, keep=True) as world:
            pass
        yield world.database_url
        _drop(world.database_url)
        connection.close()


@pytest.fixture
def replays(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> Iterator[Replays]:
    """Replays on copies of that database. What makes and drops one of its own is `database._create_database`."""

    def copied(name: str, folder: Path) -> str:
        if connection.vendor == "sqlite":
            shutil.copy(urlsplit(migrated_url).path, folder / "replay.sqlite3")
            return f"sqlite:///{folder / 'replay.sqlite3'}"
        template = urlsplit(migrated_url).path[1:]
        database._execute_outside(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        database._execute_outside(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        return database._with_name(settings.DATABASE_URL, name)

    monkeypatch.setattr(database, "_create_database", copied)
    with django_db_blocker.unblock():
        made = Replays(tmp_path)
        yield made
        made.drop()
        connection.close()
