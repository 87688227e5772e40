"""Set-based writes store what save() stores, on both databases, in as many statements for many rows as for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, close_old_connections, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import audit
from common.db import bulk_insert, bulk_update, insert_values, lock_rows, move_on
from common.ids import new_id
from portfolios.models import Balance, Portfolio
from tests.fixtures_desk import NOON, Desk
from trading.models import CauseKind, Leg, Order, OrderState, SafetyLevel, SafetySwitch, ScopeKind, Side

# What has been wrong somewhere once: quotes, percent signs, braces and commas of array literals, NULL as a word.
AWKWARD = 'it\'s 1 % "so", {a,b}, \\back, NULL\n✓🎯'
KOLKATA = timezone(timedelta(hours=5, minutes=30))


def order(portfolio: Portfolio, instrument: Any, **facts: Any) -> Order:
    plain: dict[str, Any] = {
        "cause_kind": CauseKind.HAND,
        "cause_id": new_id().hex,
        "leg": Leg.OPEN,
        "client_order_id": new_id().hex,
        "side": Side.BUY,
        "requested_quantity": Decimal("1.5"),
        "created_at": NOON,
        "recorded_at": NOON,
    }
    return Order(portfolio=portfolio, instrument=instrument, **(plain | facts))


def as_stored(model: type[models.Model], *omitted: str) -> list[dict[str, Any]]:
    rows = list(model._default_manager.order_by("pk").values())
    return [{name: value for name, value in row.items() if name not in omitted} for row in rows]


# One list of facts for each row: enum members beside plain strings, NULL beside values, numbers of every size.
ORDERS: list[dict[str, Any]] = [
    {},
    {"state": "FILLED", "code": AWKWARD, "claim": "x", "claimed_at": NOON + timedelta(microseconds=1)},
    {"state": OrderState.DENIED, "closed_fraction": Decimal("0.333333333333333333"), "attempt": 32767},
    {"stop_loss_ratio": Decimal("0.05000"), "market_price": Decimal(0), "seq": 2**62},
    {"created_at": datetime(1969, 7, 20, 20, 17, 40, 123456, KOLKATA), "requested_quantity": Decimal("1E+2")},
]


def test_inserted_rows_are_those_that_save_stores(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    for facts in ORDERS:
        order(portfolio, instrument, **facts).save()
    saved = as_stored(Order, "id", "cause_id", "client_order_id")
    Order.objects.all().delete()
    assert bulk_insert(Order, [order(portfolio, instrument, **facts) for facts in ORDERS]) == 5
    assert as_stored(Order, "id", "cause_id", "client_order_id") == saved
    assert saved[1]["code"] == AWKWARD
    assert saved[3]["stop_loss_ratio"] == Decimal("0.05")


def test_a_row_that_is_made_fresh_is_the_one_that_its_class_makes(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    usual = order(portfolio, instrument)
    columns = {field.attname: getattr(usual, field.attname) for field in Order._meta.concrete_fields}
    given = {
        name: columns[name]
        for name in columns
        if name.endswith("_id") or columns[name] in ("HAND", "OPEN", "BUY", NOON)
    }
    fresh = Order.fresh(id=usual.pk, requested_quantity=Decimal("1.5"), **given)
    assert {name: getattr(fresh, name) for name in columns} == columns
    assert (fresh._state.adding, fresh.portfolio) == (True, portfolio)
    with pytest.raises(TypeError, match="no_column"):
        Order.fresh(no_column=1)


def test_booleans_texts_and_foreign_keys_are_stored_as_save_does(desk: Desk, alice: User) -> None:
    facts: list[dict[str, Any]] = [
        {"name": AWKWARD, "is_restricted": True, "slippage_bps": Decimal("2.5")},
        {"name": "", "is_restricted": False, "fill_count": 10**12},
    ]
    common = {"owner": alice, "kind": "PAPER", "namespace": "x", "settlement": desk.usdt, "opened_at": NOON}
    for one in facts:
        Portfolio(**common, **one).save()
    saved = as_stored(Portfolio, "id")
    Portfolio.objects.all().delete()
    assert bulk_insert(Portfolio, [Portfolio(**common, **one) for one in facts]) == 2
    assert as_stored(Portfolio, "id") == saved
    assert [(row["owner_id"], row["is_restricted"]) for row in saved] == [(alice.pk, True), (alice.pk, False)]


def test_serial_keys_are_left_to_the_database(db: None, operator: User) -> None:
    switches = [
        SafetySwitch(scope=ScopeKind.USER, scope_id=str(number), level=SafetyLevel.HALTED, set_by=by, set_at=NOON)
        for number, by in enumerate([None, operator])
    ]
    assert bulk_insert(SafetySwitch, switches) == 2
    stored = SafetySwitch.objects.order_by("pk").values_list("scope_id", "set_by_id")
    assert list(stored) == [("0", None), ("1", operator.pk)]


def test_no_rows_are_no_statement(db: None) -> None:
    with CaptureQueriesContext(connection) as statements:
        assert bulk_insert(Order, []) == 0
        assert bulk_update(Order, [], ["state"]) == 0
    assert len(statements) == 0


def test_a_repeat_is_a_no_op_where_conflicts_are_ignored(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    first, second = (order(portfolio, instrument, cause_id=cause) for cause in "ab")
    assert bulk_insert(Order, [first], ignore_conflicts=True) == 1
    again = order(portfolio, instrument, cause_id="a", requested_quantity=Decimal(99))
    assert bulk_insert(Order, [again, second], ignore_conflicts=True) == 1
    assert set(Order.objects.values_list("pk", flat=True)) == {first.pk, second.pk}
    assert Order.objects.get(pk=first.pk).requested_quantity == Decimal("1.5")


def test_a_conflict_is_an_error_otherwise_and_stores_nothing(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    rows = [order(portfolio, instrument, cause_id=cause) for cause in ("a", "b", "a")]
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk_insert(Order, rows)
    assert Order.objects.count() == 0


def test_updated_rows_are_those_that_save_stores(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    rows = [order(portfolio, instrument, code="before") for _ in ORDERS]
    untouched = order(portfolio, instrument, code="before")
    bulk_insert(Order, [*rows, untouched])
    names = sorted({name for facts in ORDERS for name in facts})

    def written(write: Callable[[list[Order]], None]) -> list[dict[str, Any]]:
        with transaction.atomic():
            changed = list(Order.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
            for row, facts in zip(changed, ORDERS, strict=True):
                for name, value in facts.items():
                    setattr(row, name, value)
            write(changed)
            stored = as_stored(Order)
            transaction.set_rollback(True)
        return stored

    def by_save(changed: list[Order]) -> None:
        for row in changed:
            row.save(update_fields=names)

    def by_bulk(changed: list[Order]) -> None:
        assert bulk_update(Order, changed, names) == 5

    saved = written(by_save)
    assert written(by_bulk) == saved
    assert [row["code"] for row in saved] == ["before", AWKWARD, "before", "before", "before", "before"]


def test_only_the_named_fields_are_written(desk: Desk, alice: User) -> None:
    row = Balance.objects.get(portfolio=desk.portfolio(alice, 10))
    row.amount, row.reserved = Decimal(11), Decimal(5)
    assert bulk_update(Balance, [row], ["reserved"]) == 1
    row.refresh_from_db()
    assert (row.amount, row.reserved) == (10, 5)


def test_an_update_meets_only_rows_that_exist(desk: Desk, alice: User) -> None:
    row = Balance.objects.get(portfolio=desk.portfolio(alice, 10))
    gone = Balance(pk=row.pk + 1000, portfolio=row.portfolio, asset=row.asset)
    assert bulk_update(Balance, [row, gone], ["amount"]) == 1


def test_an_update_meets_only_rows_that_still_are_as_they_were(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    waiting, taken = order(portfolio, instrument), order(portfolio, instrument, state=OrderState.FILLED)
    bulk_insert(Order, [waiting, taken])
    waiting.state = taken.state = OrderState.SUBMITTING
    assert bulk_update(Order, [waiting, taken], ["state"], still=("state", OrderState.PENDING)) == 1
    assert [Order.objects.get(pk=row.pk).state for row in (waiting, taken)] == ["SUBMITTING", "FILLED"]


def test_a_row_moves_on_and_never_back(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    one, other = (order(portfolio, instrument, seq=5) for _ in range(2))
    for row in (one, other):
        row.save()
    one.seq = 7
    assert move_on(one, "seq", still=("state", OrderState.PENDING))
    for seq in (7, 6):
        one.seq = seq
        assert not move_on(one, "seq", still=("state", OrderState.PENDING))
    one.seq = 8
    assert not move_on(one, "seq", still=("state", OrderState.FILLED))
    assert dict(Order.objects.values_list("pk", "seq")) == {one.pk: 7, other.pk: 5}


def test_rows_without_instances_are_those_that_save_stores(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice)
    desk.instrument()  # which brings its assets
    Balance.objects.filter(portfolio=portfolio).delete()
    names = ("asset", "portfolio", "reserved", "amount", "owes")
    amounts = (Decimal("0.5"), Decimal("1000000000.123456789012345678"))
    rows = [(code, portfolio.pk, *amounts, False) for code in ("BTC", "USDT")]
    assert insert_values(Balance, names, rows) == 2
    inserted = as_stored(Balance, "id")
    Balance.objects.filter(portfolio=portfolio).delete()
    for asset_id, _, reserved, amount, _ in rows:
        Balance(portfolio=portfolio, asset_id=asset_id, reserved=reserved, amount=amount).save()
    assert inserted == as_stored(Balance, "id")
    assert insert_values(Balance, names, []) == 0


def test_statements_do_not_grow_with_the_rows(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    for count in (1, 1_000):
        rows = [order(portfolio, instrument) for _ in range(count)]
        with CaptureQueriesContext(connection) as statements:
            bulk_insert(Order, rows)
            bulk_update(Order, rows, ["state", "quantity"])
        assert len(statements) == 2


def test_rows_are_found_by_the_keys_of_a_batch(desk: Desk, alice: User) -> None:
    portfolio, instrument = desk.portfolio(alice), desk.instrument()
    rows = [order(portfolio, instrument, cause_id=AWKWARD[:80]), *(order(portfolio, instrument) for _ in range(3))]
    bulk_insert(Order, rows)
    keys = sorted(row.pk for row in rows)

    def found(**lookup: Any) -> list[Any]:
        return list(Order.objects.filter(**lookup).order_by("pk").values_list("pk", flat=True))

    assert found(pk__among={*keys[:2], new_id()}) == keys[:2]
    assert found(portfolio__among=[portfolio.pk]) == found(portfolio_id__among={portfolio.pk: 1}) == keys
    assert found(cause_id__among=[AWKWARD[:80]]) == [rows[0].pk]
    assert found(seq__among=[0, 1]) == keys
    assert found(pk__among=[]) == found(follow__among=keys) == []


def test_rows_are_locked_in_the_order_of_their_keys(desk: Desk, alice: User) -> None:
    ids = sorted(desk.portfolio(alice, 0, name).pk for name in "cab")
    with CaptureQueriesContext(connection) as statements:
        locked = lock_rows(Portfolio.objects.filter(pk__in=ids).select_related("owner").order_by("name"))
    assert [one.pk for one in locked] == ids
    if connection.vendor == "postgresql":
        assert statements[0]["sql"].endswith(
            'ORDER BY "portfolios_portfolio"."id" ASC FOR NO KEY UPDATE OF "portfolios_portfolio"'
        )


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_locked_row_makes_others_wait(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 0)
    events: list[str] = []
    is_locked = threading.Event()

    def other() -> None:
        is_locked.wait(5)
        with transaction.atomic():
            lock_rows(Portfolio.objects.filter(pk=portfolio.pk))
            events.append("other")
        close_old_connections()
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    with transaction.atomic():
        lock_rows(Portfolio.objects.filter(pk=portfolio.pk))
        is_locked.set()
        thread.join(0.2)
        events.append("first")
    thread.join(5)
    assert events == ["first", "other"]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_who_refers_to_a_locked_row_does_not_wait(desk: Desk, alice: User) -> None:
    """Else an audit entry, written under a portfolio's lock, would wait for its user's: a lock out of turn."""
    portfolio = desk.portfolio(alice, 0)
    stored: list[str] = []

    def other() -> None:
        with transaction.atomic():
            lock_rows(Portfolio.objects.filter(pk=portfolio.pk))
            audit(action="something.done", obj=portfolio, actor=alice)
        stored.append("audit entry")
        connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        lock_rows(User.objects.filter(pk=alice.pk))
        thread.start()
        thread.join(10)
        assert stored == ["audit entry"]
        lock_rows(Portfolio.objects.filter(pk=portfolio.pk))


def _prepared() -> list[str]:
    """Return what the connection's session keeps a plan of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite plans what it runs")
@pytest.mark.parametrize("keeps", [True, False])
def test_only_what_adds_rows_or_names_one_is_planned_once(desk: Desk, alice: User, settings: Any, keeps: bool) -> None:
    settings.DB_KEEPS_PLANS = keeps
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    connection.connection._prepared.clear()
    book, instrument = desk.portfolio(alice), desk.instrument()
    for _ in range(8):
        [made] = rows = [order(book, instrument)]
        assert bulk_insert(Order, rows) == 1
        made.state = OrderState.DENIED
        assert bulk_update(Order, rows, ["state"]) == 1
        assert Order.objects.filter(pk=made.pk, state=OrderState.DENIED).exists()
    kept = [one for one in _prepared() if "trading_order" in one]
    assert len(kept) == int(keeps)
    assert all(one.startswith('INSERT INTO "trading_order"') for one in kept)
