"""A crash and a lost peg: exits get through, stops act once, and nobody ends further beyond a guard than the market itself went."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from strategies.management.commands import replay
from strategies.replay import storm
from tests.environment import market_data_dir
from tests.fixtures_replay import Replays
from trading.services import follow_guards

D = Decimal
# Sized as the lead is, however much that is, so that a crash reaches their guards.
WIDE = {"max_order_share": "1", "max_instrument_share": "1"}
GUARDS: list[dict[str, Any]] = [
    {"copy_stop": "0.2", "daily_loss": "0.05"},
    {"copy_stop": "0.05", "daily_loss": None},
    {"copy_stop": "0.1", "copy_stop_kind": "TRAILING", "daily_loss": None},
    {"copy_stop": "0.3", "daily_loss": None},
    {"copy_stop": None, "daily_loss": None},
]
AMOUNTS = ["5000", "3000", "800", "1500", "2000"]
# It buys the sag before the crash and holds on, so that guards, not the lead's exits, are what closes.
HOLDS = ("--strategy", "rsi_reversion", "--set", "period=20", "--set", "oversold=35", "--set", "recovered=97")
# It sells as the crash begins: its exits are mirrored in the middle of it.
LEAVES = ("--strategy", "ema_cross", "--set", "fast=20", "--set", "slow=60")


@pytest.fixture
def crash(replays: Replays, tmp_path: Path) -> Any:
    """Give a function that replays the crash of a seed, all in, with one follower per kind of guard; returns the report."""
    path = tmp_path / "followers.json"
    rows = [{"amount": a, "settings": WIDE, "guards": g} for a, g in zip(AMOUNTS, GUARDS, strict=True)]
    path.write_text(json.dumps(rows))

    def run(lead: tuple[str, ...], seed: int) -> dict[str, Any]:
        plain = ("--crash", "--seed", seed, "--follower-settings", path, "--share", "0.9", *lead)
        return replays.told(*plain, "--stop-loss", 0)

    return run


@pytest.mark.parametrize(("seed", "most_waited"), [(1, 27), (5, 140)])
def test_stops_act_once_and_end_no_further_than_the_markets_own_gap(crash: Any, seed: int, most_waited: int) -> None:
    report = crash(HOLDS, seed)
    assert set(report["checks"].values()) == {"ok"}
    assert {"guards_hold", "exits_got_through"} < report["checks"].keys()
    assert report["faults"]["refused"] >= 3 and report["faults"]["unanswered"] >= 2
    stops = [one for one in report["guards"]["each"] if one["guard"] == "copy_stop"]
    assert [one["follower"] for one in stops] == [0, 1, 2, 3]
    for one in stops:
        assert (one["times_fired"], one["due_at"], one["wrong"]) == (1, one["fired_at"], "")
        parts = sum((D(one[name]) for name in ("gap", "waited", "costs", "excess")), D(0))
        assert parts == D(one["beyond"]) == D(one["level"]) - D(one["equity_at_end"])
        # By how much, and why: the market had jumped over the level, and twenty times the spread was paid.
        assert D(one["gap"]) > 0 and D(one["costs"]) > 0 and D(one["excess"]) == 0
    assert [D(one["level"]) for one in stops if one["limit"] != "0.1"] == [4000, 2850, 1050]
    # Whoever waited for the venue ended lower than the others did, and the report says that it was that.
    assert int(max(D(one["waited"]) for one in stops)) == most_waited
    [paused] = [one for one in report["guards"]["each"] if one["guard"] == "daily_loss"]
    assert (paused["times_fired"], paused["level"], paused["wrong"]) == (1, "4750", "")
    assert report["rules"]["27 the copy stop closes"] == report["rules"]["31 all closed"] == 4
    assert {one["state"] for one in report["account"]["follows"]} == {"STOPPED", "ACTIVE"}
    assert "FILLED" in report["copied_orders"] and "REJECTED VENUE_OVERLOADED" in report["copied_orders"]


def test_spreads_are_twenty_times_as_wide_while_it_lasts(crash: Any) -> None:
    report = crash(HOLDS, 1)
    # 2 bps of slippage, and 40 in the crash: what each exit cost beside its fee, of what it sold.
    orders = [
        one for one in report["account"]["orders"] if one["cause"] == "FOLLOW_COMMAND" and D(one["filled_quantity"])
    ]
    lost = [1 - D(one["average_price"]) / D(one["market_price"]) for one in orders]
    in_time = [one for one in lost if one > D("0.0035")]
    assert in_time and all(D("0.0040") <= one < D("0.0043") for one in in_time)


def test_exits_of_the_lead_get_through_and_what_was_refused_is_tried_again(crash: Any) -> None:
    report = crash(LEAVES, 2)
    assert set(report["checks"].values()) == {"ok"}
    assert report["faults"]["refused"] >= 3 and report["lead_orders"] == {"FILLED": 2}
    orders = report["account"]["orders"]
    bought = {one["follower"]: D(one["filled_quantity"]) for one in orders if one["leg"] == "OPEN"}
    sold = {number: D(0) for number in bought}
    for one in orders:
        sold[one["follower"]] += D(one["filled_quantity"]) if one["leg"] == "CLOSE" else 0
    # All of it once, and never more.
    assert sold == bought and len(bought) == 5
    assert max(one["attempt"] for one in orders if one["leg"] == "CLOSE") > 1


def test_an_exit_that_is_not_tried_again_fails_the_replay(crash: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm, "sweep", lambda **_: 0)
    checks = crash(HOLDS, 1)["checks"]
    assert "copy_stop: It is STOPPING and still holds" in checks["guards_hold"]


def test_a_guard_that_is_looked_at_too_seldom_is_late_and_fails_the_replay(
    crash: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, watch = [0], follow_guards.watch_follows

    def every_fifth(*, namespace: str) -> Any:
        looks[0] += 1
        return [] if looks[0] % 5 else watch(namespace=namespace)

    monkeypatch.setattr(replay, "watch_follows", every_fifth)
    report = crash(HOLDS, 1)
    assert "acted at another look than the one that hit it" in report["checks"]["guards_hold"]


def test_an_exit_that_comes_late_without_the_venues_doing_is_owed(crash: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the venue did is left out of the account: then nothing explains why exits came later than they could.
    monkeypatch.setattr(storm.Storm, "_keeps_waiting", lambda *_: None)
    report = crash(HOLDS, 5)
    late = [one for one in report["guards"]["each"] if one["wrong"]]
    assert max(D(one["excess"]) for one in late) > 100
    assert "beyond what the market's own gap explains" in report["checks"]["guards_hold"]


# BTC-USDC of the days in March 2023 in which USDC lost its peg and found it again: 2023-03-10 18:00 to 2023-03-13 16:00.
DEPEG = "binanceus__BTC-USDC__1m.parquet"


# Beside others at work 4,200 candles take longer than a test may.
@pytest.mark.timeout(300)
@pytest.mark.skipif(market_data_dir() is None, reason="MARKET_DATA_DIR is unset")
def test_the_minutes_in_which_usdc_lost_its_peg(replays: Replays, tmp_path: Path) -> None:
    folder = market_data_dir()
    assert folder is not None
    path = tmp_path / "followers.json"
    guards = [{"copy_stop": "0.05", "copy_stop_kind": kind, "daily_loss": "0.02"} for kind in ("FIXED", "TRAILING")]
    path.write_text(json.dumps([{"amount": "2000", "settings": WIDE, "guards": one} for one in guards]))
    walked = ("--candles", folder / DEPEG, "--since", "2023-03-10T18:00", "--limit", 4200)
    lead = ("--fast", 30, "--slow", 120, "--share", "0.95", "--stop-loss", "0.1")
    report = replays.told(*walked, *lead, "--follower-settings", path)
    assert set(report["checks"].values()) == {"ok"} and report["candles"] == 4200
    stops = [one for one in report["guards"]["each"] if one["guard"] == "copy_stop"]
    assert [one["times_fired"] for one in stops] == [0, 1]
    assert D(stops[1]["gap"]) > 0 and D(stops[1]["excess"]) == D(stops[1]["waited"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--crash", "--workers", "celery"), "in one process"),
        (("--crash", "--candles", "x.parquet"), "not allowed with"),
        (("--crash", "--since", "yesterday"), "no time such as"),
    ],
)
def test_what_cannot_be_is_said(replays: Replays, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        replays.told(*arguments)


def test_a_replay_begins_where_it_is_told_to(replays: Replays) -> None:
    file = replays.candles(60)
    report = replays.told("--candles", file, "--followers", 1, "--since", "2024-01-01T02:00", "--limit", 30)
    assert report["candles"] == 30
    with pytest.raises(CommandError, match="No candle opens at or after 2030-01-01"):
        replays.told("--candles", file, "--since", "2030-01-01")
