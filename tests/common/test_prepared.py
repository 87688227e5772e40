"""Prepared queries: the same rows as the query they are made of, for any values, with one putting together."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import DateTimeField, QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from common.clock import wall_now
from common.db import Slot, locking
from common.ids import new_id
from common.prepared import Prepared
from portfolios.models import Balance, Portfolio
from tests.fixtures_desk import Desk

pytestmark = pytest.mark.django_db


def test_it_returns_what_the_query_would_as_often_as_it_is_asked(desk: Desk, alice: User) -> None:
    made: list[int] = []

    def query() -> QuerySet[Balance, Any]:
        made.append(1)
        found = Balance.objects.filter(portfolio_id__among=Slot("portfolios"), asset_id__among=Slot("assets"))
        return found.values_list("portfolio_id", "asset_id", "amount").order_by("pk")

    prepared = Prepared(query)
    books = [desk.portfolio(alice, amount, amount) for amount in ("10.5", "20", "30")]
    everything = [(one.pk, "USDT", Decimal(amount)) for one, amount in zip(books, ("10.5", "20", "30"), strict=True)]
    for count in range(4):
        assert prepared.rows(portfolios=[one.pk for one in books[:count]], assets=["USDT"]) == everything[:count]
    assert prepared.rows(portfolios=[new_id()], assets=["USDT"]) == []
    assert prepared.rows(portfolios=[one.pk for one in books], assets=["USDT", '"odd\\']) == everything
    assert prepared.rows(portfolios=[one.pk for one in books], assets=set()) == []
    assert made == [1]


def test_a_value_is_stored_as_its_field_says(desk: Desk, alice: User) -> None:
    book = desk.portfolio(alice)
    since = Prepared(
        lambda: Portfolio.objects.filter(opened_at__gte=Slot("since", DateTimeField())).values_list("pk", "opened_at")
    )
    assert since.rows(since=book.opened_at) == [(book.pk, book.opened_at)]
    assert since.rows(since=wall_now() + timedelta(days=36_500)) == []


def test_instances_come_with_what_the_query_selects_along_with_them(
    desk: Desk, alice: User, django_assert_num_queries: Any
) -> None:
    books = [desk.portfolio(alice, amount, amount) for amount in ("1", "2")]
    prepared = Prepared(
        lambda: Portfolio.objects.filter(pk__among=Slot("ids")).select_related("owner", "account").order_by("pk")
    )
    for chosen in (books, books[:1]):
        with django_assert_num_queries(1):
            found = prepared.found(ids=[one.pk for one in chosen])
            assert [(one.pk, one.name, one.owner, one.account) for one in found] == [
                (one.pk, one.name, alice, None) for one in chosen
            ]
    assert prepared.found(ids=[]) == []
    # Each call makes its own: what somebody changes is not what the next one gets.
    one, other = prepared.first(ids=[books[0].pk]), prepared.first(ids=[books[0].pk])
    assert one is not None and other is not None
    one.name = "changed"
    assert other.name == books[0].name
    one.save()
    assert Portfolio.objects.get(pk=one.pk).name == "changed"
    assert prepared.first(ids=[new_id()]) is None


def test_columns_that_were_not_asked_for_are_read_when_they_are(
    desk: Desk, alice: User, django_assert_num_queries: Any
) -> None:
    book = desk.portfolio(alice)
    prepared = Prepared(lambda: Portfolio.objects.filter(pk__among=Slot("ids")).only("name"))
    [found] = prepared.found(ids=[book.pk])
    with django_assert_num_queries(0):
        assert (found.pk, found.name) == (book.pk, book.name)
    with django_assert_num_queries(1):
        assert found.opened_at == book.opened_at


@pytest.mark.django_db(transaction=True)
def test_a_locking_query_is_refused_outside_of_a_transaction(desk: Desk, alice: User) -> None:
    book = desk.portfolio(alice)
    prepared = Prepared(lambda: locking(Portfolio.objects.filter(pk__among=Slot("ids"))))
    with transaction.atomic():
        assert prepared.found(ids=[book.pk]) == [book]
    with pytest.raises(transaction.TransactionManagementError):
        prepared.found(ids=[book.pk])


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for all")
def test_a_locking_query_locks_its_rows(desk: Desk, alice: User) -> None:
    book = desk.portfolio(alice)
    prepared = Prepared(lambda: locking(Portfolio.objects.filter(pk__among=Slot("ids"))))
    with CaptureQueriesContext(connection) as queries:
        assert prepared.found(ids=[book.pk]) == [book]
    assert "FOR NO KEY UPDATE" in queries[-1]["sql"]
