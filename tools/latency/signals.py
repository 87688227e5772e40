"""A strategy's signals, one at a time, as orders to a worker of its own; beside each a bare task to the same worker.

python -m tools.latency.signals COUNT, with Celery's worker running; prints waits in ms as JSON, one per signal and task.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal

import django

django.setup()

from accounts.models import User  # noqa: E402  # models come after setup
from common import clock  # noqa: E402
from common.ids import new_id  # noqa: E402
from markets.models import Asset, Exchange, Instrument, Market, SourceKind  # noqa: E402
from markets.prices import put_prices  # noqa: E402
from portfolios.models import Portfolio  # noqa: E402
from portfolios.services.cash import open_portfolio  # noqa: E402
from tools.latency.tasks import HANDED_OVER, STARTS, redis, start  # noqa: E402
from trading.models import CauseKind, Fill, Leg, Order, Side  # noqa: E402
from trading.services.orders import Cause, submit_order  # noqa: E402

PAUSE_SECONDS, GIVE_UP_SECONDS = 0.03, 30.0
WARMING = 20


def main(count: int) -> None:
    """Measure, after a few that nobody counts."""
    portfolio, instrument = _scene()
    waits = [(_order_wait(portfolio, instrument), _task_wait()) for _ in range(WARMING + count)][WARMING:]
    print(json.dumps({"orders": [one for one, _ in waits], "tasks": [one for _, one in waits]}))


def _scene() -> tuple[Portfolio, Instrument]:
    namespace = f"bench-{new_id().hex[-8:]}"
    exchange = Exchange.objects.create(
        code=namespace, name=namespace, namespace=namespace, source_kind=SourceKind.SIMULATED
    )
    btc, usdt = (Asset.objects.get_or_create(code=code)[0] for code in ("BTC", "USDT"))
    instrument = Instrument.objects.create(
        exchange=exchange,
        market=Market.objects.create(base=btc, quote=usdt, namespace=namespace),
        symbol="BTC-USDT",
        tick_size=Decimal("0.01"),
        lot_step=Decimal("0.00001"),
    )
    owner = User.objects.create_user(f"{namespace}@example.org", "correct horse")
    portfolio = open_portfolio(owner=owner, name="Bench", exchange=exchange, settlement=usdt, amount=Decimal(1_000_000))
    clock.set_market_time(namespace, clock.wall_now())
    put_prices(namespace, {str(instrument.pk): "60000"}, clock.wall_now())
    return portfolio, instrument


def _order_wait(portfolio: Portfolio, instrument: Instrument) -> float:
    """Return how long it took from a signal until the broker was handed its order, in ms; not before its fill is booked."""
    began = clock.wall_now().timestamp()
    order = submit_order(
        portfolio=portfolio,
        instrument=instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=Decimal("0.001"),
        cause=Cause(CauseKind.RUN, new_id().hex),
    )
    handed_over = _told(HANDED_OVER)
    deadline = clock.monotonic() + GIVE_UP_SECONDS
    while not Fill.objects.filter(order=order).exists():
        if clock.monotonic() > deadline:
            raise SystemExit(f"no fill: the order is {Order.objects.get(pk=order.pk).state}")
        time.sleep(PAUSE_SECONDS)
    return (handed_over - began) * 1_000


def _task_wait() -> float:
    """Return how long a bare task of the same worker waits until it begins, in ms."""
    began = clock.wall_now().timestamp()
    start.apply_async(retry=False)
    return (_told(STARTS) - began) * 1_000


def _told(where: str) -> float:
    """Return the next moment that the worker tells, in seconds of the wall."""
    answer = redis().blpop([where], timeout=GIVE_UP_SECONDS)
    if answer is None:
        raise SystemExit("the worker says nothing")
    return float(answer[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
