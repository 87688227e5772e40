"""The paper broker's resting orders under load: how many ticks one core takes while a hundred thousand of them wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_least, row

ROOT = Path(__file__).resolve().parent.parent.parent
ORDERS, INSTRUMENTS, TICKS, REPEATS = 100_000, 1_000, 100_000, 3

# Orders of six kinds, half purchases and half sales, 0.1 % to 5 % from a market at 100; every sixth one trails. Each
# instrument walks in steps of up to three cents. The rows are made and changed in memory: no database is asked.
_PROGRAM = """
import sys, time
from datetime import UTC, datetime
from decimal import Decimal
import django
django.setup()
from common.ids import new_id, seeded_random
from trading.models import Order, OrderState
from trading.resting_book import RestingBook

ORDERS, INSTRUMENTS, TICKS, REPEATS = map(int, sys.argv[1:])
KINDS = ("LIMIT", "STOP", "LIMIT", "TAKE_PROFIT", "TRAILING_STOP", "STOP_LIMIT")
AT = datetime(2026, 3, 4, tzinfo=UTC)
IDS = [new_id() for _ in range(INSTRUMENTS)]

def rests(instrument, change, side, kind, **prices):
    return Order(id=new_id(), instrument_id=instrument, side=side, kind=kind, quantity=Decimal("0.5"), rests_since=AT,
        state=OrderState.OPEN, change=change, **prices)

def orders():
    random = seeded_random("resting")
    for number in range(ORDERS):
        kind, buys = KINDS[number // INSTRUMENTS % len(KINDS)], random.random() < 0.5
        away = Decimal(random.randrange(10, 500)).scaleb(-2)
        level = 100 - away if buys is (kind in ("LIMIT", "TAKE_PROFIT")) else 100 + away
        prices = {}
        if kind == "TRAILING_STOP":
            prices = {"trail_amount": away} if buys else {"trail_bps": away * 100}
            prices["peak_price"] = Decimal(100)
        elif kind != "LIMIT":
            prices["trigger_price"] = level
        if kind in ("LIMIT", "STOP_LIMIT"):
            prices["limit_price"] = level
        yield rests(IDS[number % INSTRUMENTS], number, "BUY" if buys else "SELL", kind, **prices)

def walk():
    random, prices = seeded_random("ticks"), [10_000] * INSTRUMENTS
    for _ in range(TICKS):
        number = random.randrange(INSTRUMENTS)
        prices[number] += random.randrange(-3, 4)
        yield {IDS[number]: Decimal(prices[number]).scaleb(-2)}

ticks = list(walk())
for _ in range(REPEATS):
    book, met, peaks, slowest = RestingBook("bench"), 0, 0, 0.0
    resting = {}
    for order in orders():
        resting[order.pk] = order
        book.put(order)
    assert len(book) == ORDERS, "every order rests"
    begun = last = time.process_time()
    for number, prices in enumerate(ticks, 1):
        for crossing in book.cross(prices, AT):
            met += 1
            order = resting.pop(crossing.order_id)
            order.state = OrderState.FILLED
            book.put(order)
            level = crossing.price - met % 7 - 1
            order = rests(order.instrument_id, ORDERS + met, "BUY", "LIMIT", limit_price=level)
            resting[order.pk] = order
            book.put(order)
        if number % 1_000 == 0:
            peaks += len(book.take_peaks())
            now = time.process_time()
            slowest, last = max(slowest, now - last), now
    assert len(book) == ORDERS, "as many wait as at the beginning"
    print(TICKS / (last - begun), met, peaks, slowest * 1e3)
"""


@row(
    "resting_orders",
    what="paper broker: ticks on one core, 100,000 resting orders over 1,000 instruments",
    unit="ticks/s",
    target=at_least(10_000),
)
def resting_orders(environment: Mapping[str, str]) -> Measurement:
    """Lead 100,000 ticks through the engine's book by processor time. What is met is replaced, so that as many keep waiting."""
    sizes = map(str, (ORDERS, INSTRUMENTS, TICKS, REPEATS))
    own = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", _PROGRAM, *sizes]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"resting broke off: {done.stderr.strip()[-600:]}")
    rows = [line.split() for line in done.stdout.splitlines()]
    _, met, peaks, slowest = rows[-1]
    note = (
        f"{met} orders met and replaced, {peaks} peaks followed; the slowest 1,000 ticks took {float(slowest):.0f} ms"
    )
    return Measurement([float(words[0]) for words in rows], note=note)
