"""A record of many fills, sealed and signed, then verified, in a database of its own: what tools/bench_rows/records.py measures.

python -m tools.record_job COUNT
"""

from __future__ import annotations

import json
import sys
import time
from base64 import urlsafe_b64encode
from decimal import Decimal

import django

django.setup()

from django.conf import settings  # noqa: E402  # only after the setup, as everything below
from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from common.clock import wall_now  # noqa: E402
from marketplace.models import Listing  # noqa: E402
from marketplace.proofs.models import Seal  # noqa: E402
from marketplace.proofs.selectors import verify  # noqa: E402
from marketplace.proofs.services.sealing import seal_fills, sign_root  # noqa: E402
from marketplace.services.listings import publish_listing  # noqa: E402
from portfolios.models import Portfolio, Position  # noqa: E402
from strategies.replay.database import fresh_world  # noqa: E402
from tools.crowds import bench_instrument, open_books  # noqa: E402
from trading.models import CauseKind, Fill, Leg, Side  # noqa: E402
from trading.services.orders import Cause, new_order  # noqa: E402

ROUNDS = 3
# Prices, quantities and times of as many different lengths as real ones have.
FILLS = """
INSERT INTO trading_fill (id, order_id, portfolio_id, instrument_id, number, venue_account, venue_fill_id, side,
    quantity, price, fee, base_fee, happened_at, recorded_at)
SELECT gen_random_uuid(), %s, %s, %s, n, 'bench', md5(n::text) || ':1', CASE WHEN n %% 2 = 1 THEN 'BUY' ELSE 'SELL' END,
    ((n + 1) / 2 %% 1000 + 1) / 1000.0, 60000 + n %% 70000 / 100.0, n %% 977 / 1000000.0, 0,
    %s::timestamptz + n * interval '1234567 microseconds', %s::timestamptz + n * interval '1234569 microseconds'
FROM generate_series(1, %s) AS n
"""


def traded(count: int) -> Listing:
    """Publish a book with so many fills (an even number: each purchase is sold again)."""
    owner, instrument = User.objects.create_user("bench@example.org"), bench_instrument()
    [book] = open_books([owner], instrument.exchange)
    order = new_order(
        portfolio=book,
        instrument=instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=Decimal(1),
        cause=Cause(CauseKind.RUN, "bench"),
    )
    order.save()
    now = wall_now()
    with connection.cursor() as cursor:
        cursor.execute(FILLS, [order.pk, book.pk, instrument.pk, now, now, count])
        cursor.execute("VACUUM ANALYZE trading_fill")
        cursor.execute("SELECT sum(fee) FROM trading_fill")
        fees = cursor.fetchone()[0]
    Portfolio.objects.filter(pk=book.pk).update(fill_count=count)
    Position.objects.create(portfolio=book, instrument=instrument, fees_paid=fees)
    return publish_listing(owner=owner, portfolio=book, title="Bench")


def main(count: int) -> dict[str, object]:
    """Return how long sealing took, and each verification (seconds)."""
    settings.RECORD_KEY = urlsafe_b64encode(bytes(32)).decode()
    listing = traded(count)
    began = time.perf_counter()
    seal_fills()
    sealed = time.perf_counter() - began
    sign_root()
    seconds, faults = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        verdict = verify(listing)
        seconds.append(time.perf_counter() - began)
        faults += [one.message for one in verdict.faults]
    Fill.objects.filter(number=count // 2).update(price=Decimal(1))
    found = verify(listing).faults[:1]
    return {
        "seconds": seconds,
        "sealed": sealed,
        "seals": Seal.objects.count(),
        "wrong": faults,
        "found": [one.number for one in found],
    }


if __name__ == "__main__":
    with fresh_world(database_url=None, keep=False):
        print(json.dumps(main(int(sys.argv[1]))))
