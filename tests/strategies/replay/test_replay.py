"""The replay itself: every check passes, a seed repeats it exactly, and a book that is wrong makes it fail."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from common.ids import new_id
from markets.signals import candle_closed
from strategies.replay import database
from tests.fixtures_replay import PLAN, Replays

CREATE_DATABASE = database._create_database
COUNT = 300
CHECKS = 18


@pytest.fixture
def disturb() -> Iterator[Any]:
    """Give a function that has this SQL executed when the given number of candles have closed."""
    receivers: list[Any] = []

    def at(candles: int, sql: str) -> None:
        closed = [0]

        def receiver(**kwargs: object) -> None:
            closed[0] += 1
            if closed[0] == candles:
                with connection.cursor() as cursor:
                    cursor.execute(sql)

        receivers.append(receiver)
        candle_closed.connect(receiver)

    yield at
    for receiver in receivers:
        candle_closed.disconnect(receiver)


def test_a_replay_passes_every_check_and_tells_what_happened(replays: Replays) -> None:
    replayed = replays.run("--candles", replays.candles(COUNT), "--followers", 6)
    report = replayed.report
    assert list(report["checks"].values()) == ["ok"] * CHECKS
    assert (report["database"], report["workers"], report["seed"]) == (connection.vendor, "inline", 1)
    assert (report["candles"], report["followers"], report["worker_deaths"]) == (COUNT, 6, 0)
    # What the wave gives to a crossover of 3 and 8 with a stop of 0.3 %.
    assert (report["lead_orders"], report["lead_fills"], report["stops_fired"]) == ({"FILLED": 22}, 22, 11)
    # A fifth of the lead's equity before its fee is a hair more than a fifth of a follower's: no guard cuts that.
    assert report["copied_orders"] == {"FILLED": 132}
    assert report["copied_fills"] == 132
    assert report["rules"] == {"4 sized by equity": 66, "9 reduced with the lead": 66}
    assert report["lead_equity"] == "9880.78637378"
    assert report["follower_equity"] == {
        "sum": "50556.85327064",
        "least": "317.97521938",
        "median": "7480.35385427",
        "most": "19688.05330144",
    }
    assert len(replayed.orders) == len(replayed.fills) == 154


def test_a_seed_repeats_everything_and_another_gives_something_else(replays: Replays) -> None:
    file = replays.candles(120)
    first, again, other = (replays.run("--candles", file, "--followers", 3, "--seed", seed) for seed in (7, 7, 8))
    assert (again.ids, again.orders, again.fills) == (first.ids, first.orders, first.fills)
    assert len(first.ids) == len(first.orders) + len(first.fills) == len(set(first.ids))
    assert set(first.ids).isdisjoint(other.ids)
    # Other followers bring other amounts; what the lead does, candles alone decide.
    assert other.report["lead_equity"] == first.report["lead_equity"]
    assert other.report["follower_equity"] != first.report["follower_equity"]


def test_several_instruments_are_walked_together_and_a_limit_ends_each(replays: Replays) -> None:
    files = [replays.candles(80), replays.candles(120, "ETH-USDT", seed=4)]
    replayed = replays.run("--candles", files[0], "--candles", files[1], "--followers", 3, "--limit", 60)
    assert replayed.report["candles"] == 120
    assert set(replayed.report["checks"].values()) == {"ok"}
    assert {replayed.report["lead_orders"]["FILLED"], replayed.report["lead_fills"]} == {8}


def test_books_that_are_wrong_fail_the_replay_and_are_told_in_words(replays: Replays, disturb: Any) -> None:
    broken = {
        "positions_equal_fills": "UPDATE portfolios_position SET cost = '1'",
        "orders_equal_fills": "UPDATE trading_order SET fee = '9' WHERE state = 'FILLED'",
        "fill_numbers_gapless": "UPDATE trading_leadevent SET seq = 999 WHERE seq = 1",
    }
    for sql in broken.values():
        disturb(50, sql)
    out = StringIO()
    with pytest.raises(CommandError, match="A check failed") as failure:
        call_command("replay", "--candles", str(replays.candles(60)), "--followers", "2", *PLAN, stdout=out)
    assert failure.value.returncode == 1
    lines = out.getvalue().splitlines()
    assert "candles                   60" in lines
    assert len([line for line in lines if line.startswith("ok      ")]) == CHECKS - len(broken)
    failed = [line.removeprefix("FAILED  ").partition(":") for line in lines if line.startswith("FAILED")]
    assert {name for name, _, _ in failed} == broken.keys()
    assert all("errors; first: " in found for _, _, found in failed)


def exists(database: str) -> bool:
    if connection.vendor == "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        return cursor.fetchone() is not None


def test_nothing_is_left_of_a_replay(replays: Replays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # In a database that the replay makes and migrates by itself, as outside of tests.
    monkeypatch.setattr("strategies.replay.database._create_database", CREATE_DATABASE)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    # Others may replay on this server at the same time: only this one's database is looked for.
    named = f"nothing_{new_id().hex[-8:]}"
    monkeypatch.setattr("strategies.replay.database.new_token", lambda size: named)
    seen: list[bool] = []

    def look(**facts: object) -> None:
        seen.append(exists(f"replay_{named}"))

    candle_closed.connect(look)
    before = connection.settings_dict["NAME"], settings.CANDLE_DIR, settings.REDIS_PREFIX
    try:
        call_command("replay", "--candles", str(replays.candles(40)), "--followers", "1", *PLAN, stdout=StringIO())
    finally:
        candle_closed.disconnect(look)
    assert (connection.settings_dict["NAME"], settings.CANDLE_DIR, settings.REDIS_PREFIX) == before
    assert set(seen) == {connection.vendor == "postgresql"}
    assert not exists(f"replay_{named}")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_cannot_be_replayed_is_said_in_a_sentence(replays: Replays) -> None:
    broken = replays.folder / "broken__SOL-USDT__5m.parquet"
    broken.write_bytes(b"PAR1 nonsense")
    with pytest.raises(CommandError, match=r"\.$"):
        replays.run("--candles", broken)
    other = replays.candles(20, "BTC-EUR")
    with pytest.raises(CommandError, match="trade against one currency"):
        replays.run("--candles", replays.candles(20), "--candles", other)


@pytest.mark.skipif(bool(settings.REDIS_URL), reason="there is a Redis")
def test_workers_of_its_own_need_a_redis(replays: Replays) -> None:
    with pytest.raises(CommandError, match="Set REDIS_URL"):
        replays.run("--candles", replays.candles(20), "--workers", "celery")
