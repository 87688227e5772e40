"""Exact amounts on both databases: stored, summed, ordered and compared without ever being a float."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import F

from common.db import bulk_insert
from common.fields import AmountField, DecimalSum, canonical, exact
from common.ids import new_id, seeded_random
from portfolios.models import Balance, LedgerLine, Portfolio
from tests.fixtures_desk import NOON

FINEST = "1000000000.123456789012345678"
LARGEST = "99999999999999999999.999999999999999999"


@pytest.fixture
def portfolio(alice: Any, desk: Any) -> Portfolio:
    book: Portfolio = desk.portfolio(alice, 0)
    return book


def line(portfolio: Portfolio, amount: Any, account: str = "HOLDINGS") -> LedgerLine:
    facts = {"booking_id": new_id(), "kind": "DEPOSIT", "asset_id": "USDT", "happened_at": NOON, "recorded_at": NOON}
    return LedgerLine(portfolio=portfolio, account=account, amount=amount, **facts)


def stored(portfolio: Portfolio, *amounts: str) -> models.QuerySet[LedgerLine]:
    bulk_insert(LedgerLine, [line(portfolio, Decimal(amount)) for amount in amounts])
    return LedgerLine.objects.filter(portfolio=portfolio)


@pytest.mark.parametrize("text", [FINEST, LARGEST, f"-{LARGEST}", "0.000000000000000001", "0", "1200", "1E+3", "-0.50"])
def test_an_amount_comes_back_unchanged(portfolio: Portfolio, text: str) -> None:
    row = line(portfolio, Decimal(text))
    row.save()
    assert LedgerLine.objects.get(pk=row.pk).amount == Decimal(text)
    assert LedgerLine.objects.get(portfolio=portfolio, amount=Decimal(text)).pk == row.pk


def test_the_kept_form_is_exact_in_the_database_itself(portfolio: Portfolio) -> None:
    stored(portfolio, FINEST)
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(amount AS varchar(60)) FROM portfolios_ledgerline")
        assert cursor.fetchall() == [(FINEST,)]


def test_many_amounts_and_their_negation_sum_to_exactly_zero(portfolio: Portfolio) -> None:
    chance = seeded_random("amounts")
    amounts = [Decimal(chance.randrange(-(10**37), 10**37)).scaleb(-18) for _ in range(20_000)]
    amounts += [-amount for amount in amounts]
    chance.shuffle(amounts)
    bulk_insert(LedgerLine, [line(portfolio, amount) for amount in amounts])
    lines = LedgerLine.objects.filter(portfolio=portfolio)
    assert lines.aggregate(total=DecimalSum("amount")) == {"total": 0}
    positive = sum(amount for amount in amounts if amount > 0)
    assert lines.filter(amount__gt=0).aggregate(total=DecimalSum("amount")) == {"total": positive}


def test_the_sum_of_no_rows_is_zero(portfolio: Portfolio) -> None:
    assert LedgerLine.objects.aggregate(total=DecimalSum("amount")) == {"total": Decimal(0)}


def test_sums_by_group(portfolio: Portfolio) -> None:
    rows = [("HOLDINGS", "0.1"), ("HOLDINGS", "0.2"), ("FEES", "-0.000000000000000001")]
    bulk_insert(LedgerLine, [line(portfolio, Decimal(amount), account) for account, amount in rows])
    sums = LedgerLine.objects.values_list("account").annotate(total=DecimalSum("amount"))
    assert dict(sums) == {"HOLDINGS": Decimal("0.3"), "FEES": Decimal("-1E-18")}


def test_amounts_are_ordered_as_numbers_not_as_text(portfolio: Portfolio) -> None:
    texts = ["10", "9", "-1", "-10", "0", "0.5", "0.05", "9.000000000000000001"]
    ordered = [Decimal(text) for text in ("-10", "-1", "0", "0.05", "0.5", "9", "9.000000000000000001", "10")]
    lines = stored(portfolio, *texts)
    assert list(lines.order_by("amount").values_list("amount", flat=True)) == ordered
    assert list(lines.order_by("-amount").values_list("amount", flat=True)) == ordered[::-1]
    assert lines.aggregate(least=models.Min("amount"), most=models.Max("amount")) == {"least": -10, "most": 10}


def test_amounts_are_compared_as_numbers_in_queries(portfolio: Portfolio) -> None:
    lines = stored(portfolio, "9", "10", "-2", FINEST)

    def matching(**condition: Any) -> list[Decimal]:
        return sorted(lines.filter(**condition).values_list("amount", flat=True))

    assert matching(amount__gt=Decimal("9.5")) == [10, Decimal(FINEST)]
    assert matching(amount__gte=Decimal(10)) == [10, Decimal(FINEST)]
    assert matching(amount__lt=Decimal(-1)) == [-2]
    assert matching(amount__in=[Decimal("9.0"), Decimal(10)]) == [9, 10]
    assert matching(amount__range=(Decimal(-3), Decimal("9.000"))) == [-2, 9]
    assert matching(amount__gt=Decimal(FINEST) - Decimal("1E-18")) == [Decimal(FINEST)]
    assert matching(amount__lt=Decimal(FINEST), amount__gt=Decimal(10)) == []


def test_two_columns_are_compared_as_numbers(portfolio: Portfolio) -> None:
    Balance.objects.filter(portfolio=portfolio).update(amount=Decimal(10), reserved=Decimal(9))
    assert Balance.objects.filter(portfolio=portfolio, amount__gt=F("reserved")).count() == 1
    assert Balance.objects.filter(portfolio=portfolio, amount__lt=F("reserved")).count() == 0


UNFIT = ["0.1234567890123456789", "100000000000000000000", "-1E+20", "NaN", "sNaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("value", [0.5, 0.1, float("nan"), "ten", "", b"1", *UNFIT, *map(Decimal, UNFIT)])
def test_what_is_no_amount_is_refused_wherever_it_enters(portfolio: Portfolio, value: Any) -> None:
    entries: list[Callable[[], object]] = [
        lambda: line(portfolio, value).save(),
        lambda: bulk_insert(LedgerLine, [line(portfolio, value)]),
        lambda: LedgerLine.objects.filter(amount__gte=value).exists(),
        lambda: LedgerLine.objects.update(amount=value),
    ]
    for enter in entries:
        with pytest.raises(ValueError, match="amount"), transaction.atomic():
            enter()
    assert LedgerLine.objects.count() == 0


def test_an_empty_amount_is_kept_where_the_column_may_be_empty(portfolio: Portfolio) -> None:
    field = AmountField(null=True)
    assert field.get_db_prep_value(None, connection) is None
    assert field.from_db_value(None, None, connection) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.10", "0.1"),
        ("1E+3", "1000"),
        ("-0.000", "0"),
        ("-7.500", "-7.5"),
        ("1200", "1200"),
        ("1E-18", f"0.{'0' * 17}1"),
    ],
)
def test_an_amount_has_one_text(value: str, text: str) -> None:
    assert canonical(Decimal(value)) == text


def test_exact_takes_whole_numbers_and_texts() -> None:
    assert [exact(5), exact("5.50"), exact(Decimal(-5))] == [5, Decimal("5.5"), -5]


def test_a_migration_names_the_field_without_its_digits() -> None:
    assert AmountField(null=True).deconstruct()[1:] == ("common.fields.AmountField", [], {"null": True})
