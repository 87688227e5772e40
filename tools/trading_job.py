"""Trading under load, in a database of its own that is dropped afterwards: what tools/bench_rows/booking.py measures.

python -m tools.trading_job reconcile|book|crowd COUNT
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

import django

django.setup()

from django.db import connection  # noqa: E402  # only after the setup, as everything below

from accounts.models import User  # noqa: E402
from common.clock import market_now, set_market_time, wall_now  # noqa: E402
from common.db import bulk_insert  # noqa: E402
from common.ids import seeded_random  # noqa: E402
from common.tasks import inline_tasks  # noqa: E402
from markets.models import Instrument  # noqa: E402
from markets.prices import put_prices  # noqa: E402
from portfolios.models import Balance, LedgerLine, Portfolio, Position  # noqa: E402
from strategies.replay.database import fresh_world  # noqa: E402
from tools.crowds import bench_instrument, open_books, open_followed_lead  # noqa: E402
from trading.brokers import BrokerFill, OrderResult, Outcome  # noqa: E402
from trading.brokers.choosing import use_broker  # noqa: E402
from trading.checks import run_checks  # noqa: E402
from trading.models import CauseKind, Fill, LeadEvent, LeadStream, Leg, Order, OrderEvent, OrderState, Side  # noqa: E402
from trading.services.copying import fan_out_batch  # noqa: E402
from trading.services.execution import execute_pending  # noqa: E402
from trading.services.fills import record_fills  # noqa: E402
from trading.services.orders import Cause, new_order, place_hand_order  # noqa: E402
from trading.services.reconciliation import reconcile_orders  # noqa: E402

BATCH, ROUNDS, START_SECONDS = 500, 3, 60
# As many as the Procfile's worker has.
WORKERS, _FORK = 2, get_context("fork")
PRICE = Decimal(100)
REFERENCES = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'"
)


def _order(book: Portfolio, instrument: Instrument, number: int, state: OrderState) -> Order:
    """Return a purchase of one unit that was claimed two minutes ago."""
    order = new_order(
        portfolio=book,
        instrument=instrument,
        side=Side.BUY,
        leg=Leg.OPEN,
        quantity=Decimal(1),
        cause=Cause(CauseKind.RUN, f"bench:{number}"),
    )
    order.state, order.quantity, order.market_price = state, Decimal(1), PRICE
    order.reserved, order.claim, order.claimed_at = Decimal(101), "bench", wall_now() - timedelta(minutes=2)
    return order


def _fill(order: Order, quantity: Decimal) -> BrokerFill:
    name = f"{order.client_order_id}:1"
    return BrokerFill(order.pk, "bench", name, quantity, PRICE, quantity * Decimal("0.1"), wall_now())


class _Answers:
    """A venue that says of each order, at random: filled, filled in part, ended with a part, or nothing new."""

    valid_for = timedelta(seconds=5)

    def __init__(self) -> None:
        self._chance = seeded_random("bench")

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        raise AssertionError("nothing is sent here")

    def query(self, orders: Sequence[Order]) -> list[OrderResult]:
        return [self._answer(order, self._chance.randrange(4)) for order in orders]

    def _answer(self, order: Order, what: int) -> OrderResult:
        half, whole = (_fill(order, Decimal("0.5")),), (_fill(order, Decimal(1)),)
        told = ((Outcome.FILLED, whole), (Outcome.OPEN, half), (Outcome.EXPIRED, half), (Outcome.OPEN, ()))
        outcome, fills = told[what]
        return OrderResult(order.pk, outcome, fills)


def reconcile_account(count: int) -> dict[str, object]:
    """Ask about so many open orders of one account and carry out the answers, three times; seconds."""
    owner, instrument = User.objects.create_user("bench@example.org"), bench_instrument()
    use_broker(_Answers())
    seconds = []
    for _ in range(ROUNDS):
        [book] = open_books([owner], instrument.exchange, Decimal(101) * count)
        bulk_insert(Order, [_order(book, instrument, number, OrderState.OPEN) for number in range(count)])
        began = time.perf_counter()
        assert reconcile_orders(Order.objects.filter(portfolio=book)) == count
        seconds.append(time.perf_counter() - began)
    fills, orders = Fill.objects.count(), Order.objects.exclude(state=OrderState.OPEN).count()
    return {"seconds": seconds, "fills": fills, "orders": orders, "wrong": _wrong()}


def book_fills(count: int) -> dict[str, object]:
    """Book so many fills, each in a book of its own, and write the same rows once more by INSERT … SELECT; rows a second."""
    owner, instrument = User.objects.create_user("bench@example.org"), bench_instrument()
    books = open_books([owner] * count, instrument.exchange, Decimal(101))
    orders = [_order(book, instrument, number, OrderState.SUBMITTING) for number, book in enumerate(books)]
    bulk_insert(Order, orders)
    deposits = LedgerLine.objects.count()
    reported = [_fill(order, Decimal(1)) for order in orders]
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        record_fills(reported[first : first + BATCH])
    ours = time.perf_counter() - began
    tables = (Fill, LedgerLine, OrderEvent, Order, Balance, Position, Portfolio)
    rows = sum(table.objects.count() for table in tables) - deposits
    raw = _raw_seconds([table._meta.db_table for table in tables])
    return {"ours": rows / ours, "raw": (rows + deposits) / raw, "rows": rows, "wrong": _wrong()}


def _raw_seconds(tables: Sequence[str], chosen: str = "true", parameters: Sequence[str] = ()) -> float:
    """Return how long it takes to insert the chosen rows of the tables into empty ones like them, with their indexes and references."""
    seconds = 0.0
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'DROP TABLE IF EXISTS "raw_{table}", source')
            cursor.execute(f'CREATE TABLE source AS SELECT * FROM "{table}" WHERE {chosen}', parameters)
            cursor.execute(f'CREATE TABLE "raw_{table}" (LIKE "{table}" INCLUDING ALL)')
            # LIKE leaves the references out, and what a row that names others costs is the check that they exist.
            cursor.execute(REFERENCES, [table])
            for name, definition in cursor.fetchall():
                at_once = definition.replace(" DEFERRABLE INITIALLY DEFERRED", "")
                cursor.execute(f'ALTER TABLE "raw_{table}" ADD CONSTRAINT "{name}" {at_once}')
            began = time.perf_counter()
            cursor.execute(f'INSERT INTO "raw_{table}" SELECT * FROM source')
            seconds += time.perf_counter() - began
    return seconds


def copy_to_crowd(count: int) -> dict[str, object]:
    """Copy fills of a lead one after the other as a site's workers do, batch by batch, and write their orders once more bare.

    Of each fill the slower worker's seconds; the CPU of both for all fills (s), and the most memory of either (MiB).
    """
    _in_children(1, lambda: _lead_with_followers(count))
    lead, before = LeadStream.objects.get().portfolio, _most_memory()
    starts, results = _FORK.Barrier(WORKERS), _FORK.SimpleQueue()
    _in_children(WORKERS, lambda: results.put(_copy_beside_others(lead, starts)))
    copied = [results.get() for _ in range(WORKERS)]
    promised = [max(pair) for pair in zip(*(one.promised for one in copied), strict=True)]
    seconds = [max(pair) for pair in zip(*(one.seconds for one in copied), strict=True)]
    orders = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT)
    events = [str(pk) for pk in LeadEvent.objects.order_by("seq").values_list("pk", flat=True)]
    chosen = "cause_kind = 'LEAD_EVENT' AND cause_id = %s"
    raw = [_raw_seconds([Order._meta.db_table], chosen, [event]) for event in events]
    cpu, memory = sum(one.cpu for one in copied), max(one.memory for one in copied)
    found = {"promised": promised, "seconds": seconds, "cpu": cpu, "memory": memory, "raw": raw, "before": before}
    return {**found, "filled": orders.filter(state=OrderState.FILLED).count(), "wrong": _wrong()}


class _Copied(NamedTuple):
    """How long a worker took until each fill was promised, and until it was booked (s), its CPU (s) and its most memory (MiB)."""

    promised: list[float]
    seconds: list[float]
    cpu: float
    memory: float


def _copy_beside_others(lead: Portfolio, starts: Barrier) -> _Copied:
    """Work at each of the lead's fills as a worker's tasks do, until nothing of it is left to do; one of the workers trades."""
    connection.ensure_connection()
    promised, seconds, cpu = [], [], 0.0
    for _ in range(ROUNDS):
        # Whoever ends before the others would be waited for without an end.
        if not starts.wait(START_SECONDS):
            _trade(lead)
        starts.wait(START_SECONDS)
        began, spent = time.perf_counter(), time.process_time()
        while fan_out_batch(lead_id=lead.pk, at_once=True):
            pass
        promised.append(time.perf_counter() - began)
        event = LeadEvent.objects.latest("seq")
        while execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=str(event.pk)):
            pass
        seconds.append(time.perf_counter() - began)
        cpu += time.process_time() - spent
    return _Copied(promised, seconds, cpu, _most_memory())


def _in_children(count: int, work: Callable[[], object]) -> None:
    """Do it in so many processes at once, whose memory does not count here."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its threads would not come along
    children = [_FORK.Process(target=work) for _ in range(count)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        if child.exitcode:
            raise RuntimeError(f"a process ended with {child.exitcode}")


def _most_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _lead_with_followers(count: int) -> Portfolio:
    """Return a lead whose fills so many are to copy."""
    instrument, namespace = bench_instrument(), "bench"
    # Market time stands still: what is measured must not grow too old to be copied while it is measured.
    set_market_time(namespace, wall_now())
    put_prices(namespace, {str(instrument.pk): str(PRICE)}, market_now(namespace))
    return open_followed_lead(count, instrument.exchange)


def _trade(lead: Portfolio) -> None:
    """Have the lead buy at the market, and what was bought booked."""
    instrument, quantity = Instrument.objects.get(), Decimal(500)
    order = place_hand_order(actor=lead.owner, portfolio=lead, instrument=instrument, side=Side.BUY, quantity=quantity)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)


def _wrong() -> list[str]:
    """Return what the books' checks find, but for what is meant to be under way."""
    return [name for name, errors in run_checks().items() if errors and name != "no_orphan_order"]


def main(kind: str, count: str) -> None:
    job = {"reconcile": reconcile_account, "book": book_fills, "crowd": copy_to_crowd}[kind]
    with fresh_world(database_url=None, keep=False), inline_tasks(seeded_random("bench")):
        print(json.dumps(job(int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
