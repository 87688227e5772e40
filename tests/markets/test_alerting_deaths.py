"""A feed dies by SIGKILL at each step between a price that reaches alerts and their telling; each is told exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as site
from django.db import connection

from accounts.models import Notification, User
from common import clock
from engine.timeframes import moment
from markets.models import AlertKind, AlertState, Exchange, PriceAlert
from markets.selectors import candle_arrays, tradable_instruments
from markets.services import create_alert
from markets.simulated import NAMESPACE, VENUE_CODE

# Before anything was written, within the transaction that tells, and once it has committed.
PLACES = ("alerts-reached", "alerts-told", "alerts-committed")
# One start for all feeds: each lives, and dies, in a fork of its own.
FEEDS = """
import os, sys, threading
import django
django.setup()
from django.conf import settings
from markets import feeding
from markets.selectors import waiting_alerts

# The next feed need not wait for long until the lease of a dead one lapses.
feeding.LEASE_SECONDS = 0.5

def feed(place):
    settings.FAILPOINTS = {{place: 1.0}} if place else {{}}
    stop = threading.Event()
    threading.Thread(target=end_when_told, args=(stop,), daemon=True).start()
    feeding.feed_venue({venue!r}, speed=3000.0, stop=stop)

def end_when_told(stop):
    for _ in range(200):
        if stop.wait(0.1) or not waiting_alerts().exists():
            break
    stop.set()

for order in sys.stdin:
    if not (child := os.fork()):
        try:
            feed(order.strip())
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_feed_tells_each_alert_exactly_once(simulated: Exchange, alice: User) -> None:
    clock.use_wall_clock(None)
    btc = tradable_instruments(NAMESPACE).get(symbol="BTC-USDT")
    minutes = candle_arrays(btc, "1m")
    price = Decimal(repr(float(minutes.close[-1])))
    # Made when the newest candle closed: what the feeds do from here on counts.
    clock.set_market_time(NAMESPACE, moment(int(minutes.opened_at[-1])) + timedelta(minutes=1))
    tick = btc.tick_size
    near = [(price * (1 + Decimal(part) / 10_000)) // tick * tick for part in (-4, -2, -1, 1, 2, 4)]
    for level in near:
        kind = AlertKind.ABOVE if level > price else AlertKind.BELOW
        create_alert(owner=alice, instrument=btc, kind=kind, level=level)

    def told() -> list[str]:
        return sorted(one.context["alert"] for one in Notification.objects.filter(event="alert.fired"))

    def fired() -> list[str]:
        return sorted(str(one.pk) for one in PriceAlert.objects.filter(state=AlertState.FIRED))

    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{site.DATABASE_URL.rpartition('/')[0]}/{name}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SLIPSTREAM_CANDLE_DIR": str(site.CANDLE_DIR),
    }
    command = [sys.executable, "-c", FEEDS.format(venue=VENUE_CODE)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as feeds:
        assert feeds.stdin is not None and feeds.stdout is not None

        def run(place: str) -> int:
            feeds.stdin.write(f"{place}\n")  # type: ignore[union-attr] # asserted above, outside this function
            feeds.stdin.flush()  # type: ignore[union-attr] # the same
            return int(feeds.stdout.readline())  # type: ignore[union-attr] # the same

        for place in PLACES:
            assert run(place) == -signal.SIGKILL
            assert told() == fired()
            assert bool(told()) == (place == "alerts-committed")
        for _ in range(2):
            assert run("") == 0
        feeds.stdin.close()
    assert told() == fired() == sorted(str(one.pk) for one in PriceAlert.objects.all())
