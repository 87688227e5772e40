"""Price alerts under load: how long ticks wait while ten thousand alerts stand, and how many ticks one core takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_least, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
ALERTS, TICKS_PER_SECOND, SECONDS, INSTRUMENTS = 10_000, 10_000, 10, 1_000

# A process of its own, with a database of its own: instruments, and alerts of every kind around the price.
_STAGE = """
import sys, time
from datetime import timedelta
from decimal import Decimal
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from accounts.models import DEFAULT_LIMITS, LimitName, Notification, User
from common import clock
from common.ids import new_id, seeded_random
from common.processes import freeze_startup
from markets.alerting import AlertWatch, watching_alerts
from markets.models import AlertBook, AlertKind, Asset, Exchange, Instrument, Market, PriceAlert, SourceKind
from markets.steps import Step

INSTRUMENTS, ALERTS = int(sys.argv[1]), int(sys.argv[2])
namespace, random, at = "bench", seeded_random("bench"), clock.wall_now()
clock.set_market_time(namespace, at)
exchange = Exchange.objects.create(code="bench", name="Bench", namespace=namespace, source_kind=SourceKind.REAL)
owner = User.objects.create_user("bench@example.org", "correct horse")
Asset.objects.get_or_create(code="USDT")
Asset.objects.bulk_create([Asset(code=f"C{n}") for n in range(INSTRUMENTS)])
markets = [Market(base_id=f"C{n}", quote_id="USDT", namespace=namespace) for n in range(INSTRUMENTS)]
Market.objects.bulk_create(markets)
steps = {"tick_size": Decimal("0.01"), "lot_step": Decimal("0.001")}
coins = [Instrument(exchange=exchange, market=one, symbol=f"{one.base_id}-USDT", **steps) for one in markets]
Instrument.objects.bulk_create(coins)

def alert(n):
    kind = (AlertKind.ABOVE, AlertKind.BELOW, AlertKind.ABOVE, AlertKind.BELOW, AlertKind.MOVE)[n // INSTRUMENTS % 5]
    away = Decimal(random.randrange(10, 1000)) / 100
    level = {AlertKind.ABOVE: 100 + away, AlertKind.BELOW: 100 - away}.get(kind, Decimal("0.05"))
    return PriceAlert(owner=owner, instrument=coins[n % INSTRUMENTS], namespace=namespace, kind=kind, level=level,
                      window_seconds=300 if kind == AlertKind.MOVE else None, change=n + 1, armed_at=at)

PriceAlert.objects.bulk_create([alert(n) for n in range(ALERTS)])
AlertBook.objects.create(namespace=namespace, last_change=ALERTS)
# As run_feed does before its first tick.
freeze_startup()

# A walk of each price in steps of a tick, made before the clock starts.
prices = [10_000] * INSTRUMENTS
def tick():
    n = random.randrange(INSTRUMENTS)
    prices[n] += random.randrange(-3, 4)
    return coins[n].pk, Decimal(prices[n]).scaleb(-2)
"""

# Ticks come by the wall, so that the thread beside them works as it would. What a tick waits is counted in processor time
# of this process, all of the other thread's included: what neighbours take from a shared core is not its time.
_WAITS = (
    _STAGE
    + """
RATE, SECONDS = int(sys.argv[3]), int(sys.argv[4])
ticks = [tick() for _ in range(RATE * SECONDS)]
backlog, waits, late = 0.0, [], []
with watching_alerts(namespace) as watch:
    while len(watch._changes) < ALERTS:
        clock.sleep(0.05)
    begun, before = time.perf_counter(), time.process_time()
    for number, (coin, price) in enumerate(ticks):
        due, idle = begun + number / RATE, time.thread_time()
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left if left > 0.0005 else 0)
        idle = time.thread_time() - idle
        watch.on_step(Step(at + timedelta(seconds=number / RATE), {coin: price}, ()))
        now = time.process_time()
        waits.append(backlog + now - before - idle)
        backlog, before = max(0.0, waits[-1] - 1 / RATE), now
        late.append(time.perf_counter() - due)
waits.sort()
print(waits[-1] * 1e3, waits[int(len(waits) * 0.99)] * 1e3, max(late) * 1e3, Notification.objects.count())
"""
)

# A tick is a ticker of an instrument as the gateway hands it over: past the outlier guard, to the alerts, into what is
# newest, and four times a second out to boards, engine and pages.
_PATH = (
    _STAGE
    + """
from markets.gateway.protocol import Ticker
from engine.timeframes import milliseconds
from markets.venue_feed.intake import Intake
from markets.venue_feed.outliers import OutlierGuard
from markets.venue_feed.publishing import Publisher
from markets.venue_feed.venue_time import VenueTime
COUNT = int(sys.argv[3])
symbols = {coin.pk: f"{coin.market.base_id}/USDT" for coin in coins}
nothing = dict.fromkeys(("bid", "ask", "high", "low", "base_volume", "quote_volume", "change_ratio"))
def message(number):
    coin, price = tick()
    symbol = symbols[coin]
    return {symbol: Ticker(symbol=symbol, at=at + timedelta(milliseconds=number // 50), last=price, **nothing)}
ticks = [message(number) for number in range(COUNT)]
watch, publisher = AlertWatch(namespace), Publisher(exchange)
watch.work()
while watch._changes:
    watch.tend()
intake = Intake(OutlierGuard(10), watch, VenueTime(milliseconds(at), clock.monotonic()))
intake.watch({symbols[coin.pk]: coin for coin in coins})
intake.hear_tickers({one: Ticker(symbol=one, at=at, last=Decimal(100), **nothing) for one in symbols.values()})
publisher.publish(intake.take())
begun = time.process_time()
for number, ticker in enumerate(ticks):
    intake.note_message()
    intake.hear_tickers(ticker)
    if not (number + 1) % 12_500:
        publisher.publish(intake.take())
print(COUNT / (time.process_time() - begun), len(watch._reached))
"""
)


def _run(program: str, environment: Mapping[str, str], *numbers: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        own = {**os.environ, **environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own = {key: value for key, value in own.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
        command = [sys.executable, "-c", program, *map(str, numbers)]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the alerts broke off: {done.stderr.strip()[-600:]}")
    return [float(word) for word in done.stdout.split()]


@row(
    "alert_waits",
    what="10,000 price alerts against 10,000 ticks/s: the longest wait of a tick",
    unit="ms",
    target=at_most(50),
)
def alert_waits(environment: Mapping[str, str]) -> Measurement:
    """Ten seconds at that rate on SQLite, alerts told all the while beside the ticks; from due to evaluated."""
    longest, usual, late, told = _run(_WAITS, environment, INSTRUMENTS, ALERTS, TICKS_PER_SECOND, SECONDS)
    note = (
        f"99 % waited at most {usual:.2f} ms; {told:,.0f} alerts told; by the wall, neighbours included, {late:.0f} ms"
    )
    return Measurement([longest], note=note)


@row(
    "tick_path",
    what="ticks of 1,000 instruments to 10,000 alerts, conflated and published, one core",
    unit="ticks/s",
    target=at_least(50_000),
)
def tick_path(environment: Mapping[str, str]) -> Measurement:
    """As many tickers, one a message, as one thread takes, 250 ms of them between two publications; processor time."""
    speed, reached = _run(_PATH, environment, INSTRUMENTS, ALERTS, 200_000)
    return Measurement([speed], note=f"{reached:,.0f} alerts reached on the way")
