"""Workers die by SIGKILL before and after a booking commits, while copying and while telling; the books must not notice."""

from __future__ import annotations

import pytest
from celery import current_app

from tests.fixtures_replay import Replays

CANDLES, FOLLOWERS = 200, 10
KILLS = "filled=0.15,booked=0.1,copied=0.15,committed=0.05"


@pytest.mark.services
@pytest.mark.timeout(240)
def test_killed_workers_lose_nothing_and_double_nothing(replays: Replays) -> None:
    with current_app.producer_pool.acquire(block=True):
        pass  # this process has sent tasks before: their connections must not carry the replay's
    plan = ("--candles", replays.candles(CANDLES), "--followers", FOLLOWERS)
    undisturbed = replays.run(*plan)
    drilled = replays.run(*plan, "--workers", "celery", "--kill", KILLS)

    assert set(drilled.report["checks"].values()) == {"ok"}
    assert drilled.report["worker_deaths"] >= 10
    # Dying changes when things happen by the wall, never what happens in the market's time.
    assert drilled.orders == undisturbed.orders
    assert drilled.fills == undisturbed.fills
    same = ["candles", "copied_orders", "stops_fired", "lead_equity", "follower_equity"]
    assert {name: drilled.report[name] for name in same} == {name: undisturbed.report[name] for name in same}
    assert undisturbed.report["copied_orders"]["FILLED"] > 80
    assert undisturbed.report["stops_fired"] > 0
