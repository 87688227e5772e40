"""Who goes first in the signer: orders, then what was answered to them, then the comparing of accounts."""

from __future__ import annotations

import asyncio

import pytest

from common.clock import monotonic
from trading.signer import turns
from trading.signer.turns import Turns


async def _let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_booked_waits_until_the_last_order_is_sent() -> None:
    found, done = Turns(), list[str]()

    async def book() -> None:
        await found.after_orders("one", 60)
        done.append("booked")

    with found.sending():
        with found.sending("one"):
            booking = asyncio.create_task(book())
            await _let_others_run()
        await _let_others_run()
        assert done == []
    await booking
    assert done == ["booked"]


async def test_a_venue_that_does_not_answer_holds_nothing_up_for_long() -> None:
    found = Turns()
    with found.sending("one"):
        async with asyncio.timeout(5):
            await found.after_orders("one", 0.01)


async def test_nothing_waits_where_nothing_is_sent() -> None:
    found = Turns()
    async with asyncio.timeout(5):
        await found.after_orders("one", 60)
        async with found.comparing("one"):
            pass


async def test_eight_accounts_of_a_venue_are_compared_together_and_another_venues_do_not_wait_for_them() -> None:
    found, going, other = Turns(), asyncio.Event(), asyncio.Event()
    now = most = 0

    async def compare() -> None:
        nonlocal now, most
        async with found.comparing("slow"):
            now, most = now + 1, max(most, now + 1)
            await going.wait()
            now -= 1

    async def compare_elsewhere() -> None:
        async with found.comparing("quick"):
            other.set()

    async with asyncio.TaskGroup() as all_of_them:
        for _ in range(20):
            all_of_them.create_task(compare())
        await _let_others_run()
        assert now == turns._COMPARED_TOGETHER == 8
        all_of_them.create_task(compare_elsewhere())
        async with asyncio.timeout(5):
            await other.wait()
        going.set()
    assert (now, most) == (0, 8)


async def test_all_comparisons_wait_for_orders_at_once_and_not_for_another_venues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each in its turn, the waits alone of 300 accounts would take longer than a comparison counts for."""
    monkeypatch.setattr(turns, "COMPARING_WAITS_SECONDS", 0.05)
    found, done = Turns(), list[str]()

    async def compare(venue: str) -> None:
        async with found.comparing(venue):
            done.append(venue)

    with found.sending("dead"):
        quick = asyncio.create_task(compare("quick"))
        await _let_others_run()
        assert quick.done()
        began = monotonic()
        # (By eights that would be five seconds.)
        async with asyncio.TaskGroup() as all_of_them:
            for _ in range(800):
                all_of_them.create_task(compare("dead"))
        assert (done.count("dead"), monotonic() - began < 2) == (800, True)
