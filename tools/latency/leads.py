"""Leads who trade by hand while workers of their own copy it: how long after a lead's fill each of its copies was booked.

python -m tools.latency.leads LEADS FOLLOWERS SECONDS, with Celery's workers running; prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from statistics import quantiles

import django

django.setup()

from django.db import connection  # noqa: E402  # models come after setup

from common import clock  # noqa: E402
from common.ids import new_id  # noqa: E402
from markets.models import Instrument  # noqa: E402
from markets.prices import put_prices  # noqa: E402
from portfolios.models import Portfolio  # noqa: E402
from tools.crowds import bench_instrument, open_followed_lead  # noqa: E402
from trading.checks import run_checks  # noqa: E402
from trading.models import CauseKind, LeadEvent, Order, Side  # noqa: E402
from trading.services.orders import place_hand_order  # noqa: E402

EVERY_SECONDS, QUANTITY, GIVE_UP_SECONDS = 10.0, Decimal(10), 120.0
LAGS = """
SELECT extract(epoch FROM fill.recorded_at - event.recorded_at), extract(epoch FROM event.recorded_at)
FROM trading_order AS copied
JOIN trading_leadevent AS event ON event.id = copied.cause_id::bigint
JOIN trading_fill AS fill ON fill.order_id = copied.id
WHERE copied.cause_kind = 'LEAD_EVENT'
ORDER BY event.recorded_at
"""


def main(leads: int, followers: int, seconds: int) -> None:
    """Have every lead buy each ten seconds, evenly spread, and wait until all is copied."""
    instrument = bench_instrument(f"bench-{new_id().hex[-8:]}")
    namespace = instrument.exchange.namespace
    # Market time stands still: what is measured must not grow too old to be copied while it is measured.
    clock.set_market_time(namespace, clock.wall_now())
    put_prices(namespace, {str(instrument.pk): "100"}, clock.wall_now())
    books = [open_followed_lead(followers, instrument.exchange) for _ in range(leads)]
    events = _trade(books, instrument, seconds)
    waited = _until_copied(events * followers)
    with connection.cursor() as cursor:
        cursor.execute(LAGS)
        found = [(float(lag), float(at)) for lag, at in cursor.fetchall()]
    first, last = found[0][1], found[-1][1]
    report = {
        "copied": len(found),
        "events": events,
        "p50": _percentile([lag for lag, _ in found], 50),
        "p95": _percentile([lag for lag, _ in found], 95),
        # A backlog that grows shows as copies that come later the later their lead traded.
        "p95_first_half": _percentile([lag for lag, at in found if at < (first + last) / 2], 95),
        "p95_second_half": _percentile([lag for lag, at in found if at >= (first + last) / 2], 95),
        "waited": waited,
        "wrong": [name for name, errors in run_checks().items() if errors],
    }
    print(json.dumps(report))


def _trade(books: list[Portfolio], instrument: Instrument, seconds: int) -> int:
    """Return how many orders were placed."""
    began, rounds = clock.monotonic(), int(seconds / EVERY_SECONDS)
    for number in range(rounds * len(books)):
        time.sleep(max(0.0, began + number * EVERY_SECONDS / len(books) - clock.monotonic()))
        lead = books[number % len(books)]
        place_hand_order(actor=lead.owner, portfolio=lead, instrument=instrument, side=Side.BUY, quantity=QUANTITY)
    return rounds * len(books)


def _until_copied(count: int) -> float:
    """Return how long after the last order all copies were there, in seconds."""
    began = clock.monotonic()
    copies = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, filled_quantity__gt=0)
    while (done := copies.count()) < count:
        if clock.monotonic() - began > GIVE_UP_SECONDS:
            told = LeadEvent.objects.count()
            raise SystemExit(f"{done:,} of {count:,} copies after {GIVE_UP_SECONDS:.0f} s; {told:,} fills of leads")
        time.sleep(0.5)
    return clock.monotonic() - began


def _percentile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
