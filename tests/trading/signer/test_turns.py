"""Who goes first in the signer: orders, then what was answered to them, then the comparing of accounts."""

from __future__ import annotations

import asyncio

from trading.signer import turns
from trading.signer.turns import Turns


async def _let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_booked_waits_until_the_last_order_is_sent() -> None:
    found, done = Turns(), list[str]()

    async def book() -> None:
        await found.after_orders(60)
        done.append("booked")

    with found.sending():
        with found.sending():
            booking = asyncio.create_task(book())
            await _let_others_run()
        await _let_others_run()
        assert done == []
    await booking
    assert done == ["booked"]


async def test_a_venue_that_does_not_answer_holds_nothing_up_for_long() -> None:
    found = Turns()
    with found.sending():
        async with asyncio.timeout(5):
            await found.after_orders(0.01)


async def test_nothing_waits_where_nothing_is_sent() -> None:
    found = Turns()
    async with asyncio.timeout(5):
        await found.after_orders(60)
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
