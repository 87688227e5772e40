"""Orders that wait on an exchange account, on pages and in the API: where each waits, and the end of all, by its owner alone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from portfolios.models import AccountMode, AccountState, ExchangeAccount, Portfolio, PortfolioKind
from tests.fixtures_books import Unchanged
from tests.fixtures_waiting import again
from tests.fixtures_waiting_at_venue import AtVenue
from trading.kinds import OrderKind
from trading.models import Order, OrderState, Side

CANCEL_ALL = "/api/v1/orders/cancel/"


@pytest.fixture
def there(at_venue: AtVenue) -> Order:
    return at_venue.limit(Side.BUY, 2, 90)


@pytest.fixture
def here(at_venue: AtVenue) -> Order:
    return at_venue.ask(Side.BUY, 1, OrderKind.STOP, trigger_price="120")


@pytest.fixture
def account(at_venue: AtVenue, there: Order, here: Order) -> ExchangeAccount:
    """The account that alice's book lies on."""
    made = ExchangeAccount.objects.create(
        owner=at_venue.pit.alice,
        exchange=at_venue.pit.desk.exchange,
        label="Main",
        mode=AccountMode.SANDBOX,
        state=AccountState.READY,
    )
    Portfolio.objects.filter(pk=at_venue.book.pk).update(account=made, kind=PortfolioKind.SANDBOX)
    return made


def page(user: User, order: Order) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("trading:order", args=[order.pk])).content.decode()


def program(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_an_order_says_where_it_waits(at_venue: AtVenue, account: ExchangeAccount, there: Order, here: Order) -> None:
    alice = at_venue.pit.alice
    assert "At the exchange" in page(alice, there)
    assert "Kept here; sent when its price comes" in page(alice, here)
    told = [program(alice).get(f"/api/v1/orders/{one.pk}/").json()["waits_at"] for one in (there, here)]
    assert told == ["EXCHANGE", "HERE"]


def test_a_change_brings_the_order_that_takes_its_place(
    at_venue: AtVenue, account: ExchangeAccount, there: Order
) -> None:
    alice = at_venue.pit.alice
    answer = program(alice).patch(f"/api/v1/orders/{there.pk}/", {"limit_price": "85"}, format="json").json()
    assert (answer["replaces"], answer["limit_price"], answer["state"]) == (str(there.pk), "85", "PENDING")
    assert "the changed order is sent when it has ended" in page(alice, there)
    assert reverse("trading:order", args=[answer["id"]]) in page(alice, there)
    changed = Order.objects.get(pk=answer["id"])
    assert reverse("trading:order", args=[there.pk]) in page(alice, changed)


def test_all_of_an_account_is_canceled_by_its_owner_alone(
    at_venue: AtVenue,
    account: ExchangeAccount,
    there: Order,
    here: Order,
    bob: User,
    charlie: User,
    unchanged: Unchanged,
) -> None:
    address = reverse("trading:cancel_account", args=[account.pk])
    with unchanged():
        for stranger in (bob, charlie):
            client = Client()
            client.force_login(stranger)
            assert client.post(address).status_code == 404
            refused = program(stranger).post(CANCEL_ALL, {"account": str(account.pk)}, format="json")
            assert refused.status_code == 404
        assert Client().post(address).status_code == 302
    assert (again(there).cancel_code, again(here).state) == ("", OrderState.OPEN)
    client = Client()
    client.force_login(at_venue.pit.alice)
    assert client.post(address).status_code == 302
    assert (again(there).cancel_code, again(here).state) == ("CANCELED_BY_OWNER", OrderState.CANCELED)
    assert "The exchange is asked to cancel it." in page(at_venue.pit.alice, there)


def test_the_api_cancels_all_of_an_account(
    at_venue: AtVenue, account: ExchangeAccount, there: Order, here: Order
) -> None:
    elsewhere = at_venue.pit.portfolio(at_venue.pit.alice, 1_000, "Elsewhere")
    other = at_venue.ask(Side.BUY, 1, OrderKind.STOP, portfolio=elsewhere, trigger_price="120")
    canceled = program(at_venue.pit.alice).post(CANCEL_ALL, {"account": str(account.pk)}, format="json")
    assert sorted(one["id"] for one in canceled.json()) == sorted([str(there.pk), str(here.pk)])
    assert again(other).state == OrderState.OPEN
