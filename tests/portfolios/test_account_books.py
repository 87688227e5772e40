"""Portfolios on exchange accounts: what they may claim, what they give back, and who may open them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.teams.models import Membership, Role
from accounts.teams.services import create_workspace
from common.clock import wall_now
from common.errors import DomainError
from markets.gateway.protocol import Balance as Told
from markets.models import Exchange, Instrument
from portfolios.models import (
    AccountBalance,
    AccountMode,
    AccountState,
    Balance,
    ExchangeAccount,
    Portfolio,
    PortfolioKind,
    RemainderEntry,
)
from portfolios.selectors import balances_equal_entries, ledger_sums_zero, net_deposits_equal_entries, openable_accounts
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw
from portfolios.services.remainders import changes_of_account, compare_account, set_live_trading
from portfolios.services.sharing import give_to_workspace
from tests.fixtures_desk import Desk
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order, Side
from trading.order_terms import OrderTerms
from trading.selectors import waiting_by_hand
from trading.services.changing import cancel_all
from trading.services.orders import place_hand_order

D = Decimal
Connect = Callable[..., ExchangeAccount]


@pytest.fixture
def connect(desk: Desk) -> Connect:
    """Store an account whose key was found good, with 1,000 USDT that the venue reports."""
    desk.instrument()

    def make(owner: User, mode: AccountMode = AccountMode.SANDBOX, label: str = "Main") -> ExchangeAccount:
        account = ExchangeAccount.objects.create(
            owner=owner, exchange=desk.exchange, label=label, mode=mode, state=AccountState.READY
        )
        _compare(account, "1000")
        return account

    return make


def _compare(account: ExchangeAccount, total: str, seen: dict[str, Decimal] | None = None) -> object:
    told = {"USDT": Told("USDT", D(total), D(0), D(total))}
    as_of = changes_of_account(account.pk)
    return compare_account(account_id=account.pk, told=told, as_of=as_of, seen=seen)


def _open(account: ExchangeAccount, amount: str, name: str = "Book") -> Portfolio:
    usdt = openable_accounts(account.owner)[0][1]
    return open_portfolio(
        owner=account.owner, name=name, exchange=account.exchange, settlement=usdt, amount=D(amount), account=account
    )


def _remainder(account: ExchangeAccount) -> Decimal:
    remainder: Decimal = AccountBalance.objects.get(account=account, asset="USDT").remainder
    return remainder


def _cash(portfolio: Portfolio) -> Decimal:
    amount: Decimal = Balance.objects.get(portfolio=portfolio).amount
    return amount


def test_a_portfolio_gets_what_no_other_claims(connect: Connect, alice: User) -> None:
    account = connect(alice)
    first = _open(account, "600")
    assert (first.kind, first.account, first.is_live_trading_on) == (PortfolioKind.SANDBOX, account, False)
    assert (_cash(first), _remainder(account)) == (D(600), D(400))
    with pytest.raises(DomainError, match="NOT_FREE_AT_VENUE") as refused:
        _open(account, "400.00000001", "Second")
    assert refused.value.context["free"] == "400"
    assert list(Portfolio.objects.all()) == [first]
    second = _open(account, "400", "Second")
    assert (_cash(second), _remainder(account)) == (D(400), D(0))
    assert _compare(account, "1000") == {}
    assert ledger_sums_zero() + balances_equal_entries() + net_deposits_equal_entries() == []


def test_what_is_bound_at_the_venue_is_not_free(connect: Connect, alice: User) -> None:
    account = connect(alice)
    AccountBalance.objects.update(free=D(50))
    with pytest.raises(DomainError, match="NOT_FREE_AT_VENUE"):
        _open(account, "51")
    assert _cash(_open(account, "50")) == D(50)


def test_money_goes_back_and_forth_between_a_portfolio_and_the_remainder(connect: Connect, alice: User) -> None:
    account = connect(alice)
    book = _open(account, "600")
    withdraw(actor=alice, portfolio=book, amount=D(100), key="once")
    withdraw(actor=alice, portfolio=book, amount=D(100), key="once")
    deposit(actor=alice, portfolio=book, amount=D(30))
    assert (_cash(book), _remainder(account)) == (D(530), D(470))
    with pytest.raises(DomainError, match="NOT_FREE_AT_VENUE"):
        deposit(actor=alice, portfolio=book, amount=D(471))
    assert (_cash(book), _remainder(account)) == (D(530), D(470))
    assert sum(one.amount for one in RemainderEntry.objects.all()) == D(470)


def test_what_no_portfolio_claims_is_its_owners_and_so_are_their_orders_where_one_only_looks(
    connect: Connect, desk: Desk, alice: User, bob: User
) -> None:
    """Bob manages a portfolio that alice brought with her account, and she has become a viewer there."""
    account = connect(alice)
    book, team = _open(account, "600"), create_workspace(actor=alice, name="Desk")
    give_to_workspace(actor=alice, portfolio=book, workspace=team)
    Membership.objects.create(workspace=team, user=bob, role=Role.OWNER)
    with pytest.raises(DomainError, match="NOT_YOUR_ACCOUNT"):
        deposit(actor=bob, portfolio=book, amount=D(1))
    withdraw(actor=bob, portfolio=book, amount=D(10))
    assert (_cash(book), _remainder(account)) == (D(590), D(410))
    deposit(actor=alice, portfolio=book, amount=D(10))
    instrument = Instrument.objects.select_related("market", "exchange").get()
    desk.step({instrument: "100"})
    ExchangeAccount.objects.update(reconciled_at=wall_now())
    terms = OrderTerms(kind=OrderKind.LIMIT, limit_price=D(90), time_in_force=TimeInForce.GTC)
    facts: dict[str, Any] = {
        "portfolio": Portfolio.objects.get(),
        "instrument": instrument,
        "side": Side.BUY,
    }
    order = place_hand_order(actor=bob, quantity=D(1), terms=terms, **facts)
    assert list(waiting_by_hand(alice, account=account)) == [order]
    Membership.objects.filter(user=alice).update(role=Role.VIEWER)
    assert cancel_all(actor=alice, account=account) == []
    order.refresh_from_db()
    assert order.state == "PENDING"


def test_money_does_not_move_between_accounts_here(connect: Connect, alice: User) -> None:
    one = _open(connect(alice), "100")
    other = _open(connect(alice, label="Other"), "100", "Other")
    with pytest.raises(DomainError, match="ACCOUNTS_DIFFER"):
        transfer(actor=alice, source=one, target=other, amount=D(10))
    assert (_cash(one), _cash(other)) == (D(100), D(100))


def test_what_was_booked_while_the_venue_answered_is_not_compared(connect: Connect, alice: User) -> None:
    account = connect(alice)
    as_of = changes_of_account(account.pk)
    _open(account, "600")
    told = {"USDT": Told("USDT", D(7), D(0), D(7))}
    assert compare_account(account_id=account.pk, told=told, as_of=as_of, seen={"USDT": D(-993)}) is None
    assert _remainder(account) == D(400)


@pytest.mark.parametrize(
    ("total", "reason"), [("1000.00000480", "ROUNDING"), ("1001", "DEPOSIT"), ("999", "WITHDRAWAL")]
)
def test_a_difference_that_stays_is_explained(connect: Connect, alice: User, total: str, reason: str) -> None:
    account = connect(alice)
    _open(account, "600")
    gap = {"USDT": D(total) - 1_000}
    assert _compare(account, total) == gap
    assert _remainder(account) == D(400)
    assert _compare(account, total, gap) == {}
    entry = RemainderEntry.objects.order_by("-pk")[0]
    assert (entry.reason, entry.amount, _remainder(account)) == (reason, gap["USDT"], 400 + gap["USDT"])


def test_what_a_venue_lacks_and_nobody_can_do_in_its_place_is_refused(connect: Connect, alice: User) -> None:
    book = _open(connect(alice), "100")
    instrument = Instrument.objects.get(exchange=book.account.exchange)  # type: ignore[union-attr]  # it has one
    # Of the venues Hyperliquid alone has no order that fills all at once or not.
    Exchange.objects.filter(pk=instrument.exchange_id).update(dialect="hyperliquid")
    instrument.refresh_from_db()
    terms = OrderTerms(kind=OrderKind.LIMIT, limit_price=D(90), time_in_force=TimeInForce.FOK)
    with pytest.raises(DomainError) as refusal:
        place_hand_order(
            actor=alice, portfolio=book, instrument=instrument, side=Side.BUY, quantity=D("0.1"), terms=terms
        )
    assert (refusal.value.code, Order.objects.count()) == ("TIME_IN_FORCE_NOT_ON_VENUE", 0)


def test_only_a_live_portfolio_has_the_switch(connect: Connect, alice: User) -> None:
    live = _open(connect(alice, AccountMode.LIVE), "10")
    assert (live.kind, live.is_live_trading_on) == (PortfolioKind.LIVE, False)
    assert set_live_trading(actor=alice, portfolio=live, is_on=True).is_live_trading_on
    sandbox = _open(connect(alice, label="Sand"), "10", "Sand")
    with pytest.raises(DomainError, match="NOT_LIVE"):
        set_live_trading(actor=alice, portfolio=sandbox, is_on=True)


# --- the doors ------------------------------------------------------------------------------------------------------
@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


SignedIn = Callable[[User], Client]


def _wanted(account: ExchangeAccount) -> dict[str, str]:
    return {"name": "Mine", "market": f"account:{account.pk}:USDT", "amount": "250"}


def test_the_page_offers_ones_own_accounts_and_opens_on_one(connect: Connect, alice: User, signed_in: SignedIn) -> None:
    account = connect(alice)
    page = signed_in(alice).get(reverse("portfolios:open")).content.decode()
    assert "Main, in USDT" in page and "SANDBOX: a test exchange, no real money. 1,000 is free there." in page
    answer = signed_in(alice).post(reverse("portfolios:open"), _wanted(account))
    book = Portfolio.objects.get()
    assert (answer.status_code, book.account, _cash(book), _remainder(account)) == (302, account, D(250), D(750))
    shown = signed_in(alice).get(reverse("portfolios:detail", args=[book.pk])).content.decode()
    assert "<strong>SANDBOX</strong>" in shown


def test_nobody_opens_a_portfolio_on_anothers_account(
    connect: Connect, alice: User, bob: User, charlie: User, signed_in: SignedIn
) -> None:
    account = connect(alice)
    for stranger in (bob, charlie):
        assert "Main, in USDT" not in signed_in(stranger).get(reverse("portfolios:open")).content.decode()
        assert signed_in(stranger).post(reverse("portfolios:open"), _wanted(account)).status_code == 400
        api = signed_in(stranger).post("/api/v1/portfolios/", _body(account), content_type="application/json")
        assert (api.status_code, api.json()["code"]) == (404, "NOT_FOUND")
        assert signed_in(stranger).get(f"/api/v1/exchange-accounts/{account.pk}/balances/").status_code == 404
        assert signed_in(stranger).get(reverse("trading:account_trades", args=[account.pk])).status_code == 404
    assert Client().post(reverse("portfolios:open"), _wanted(account)).status_code == 302
    assert Client().get(reverse("trading:account_trades", args=[account.pk])).status_code == 302
    assert not Portfolio.objects.exists()
    assert _remainder(account) == D(1_000)


def _body(account: ExchangeAccount) -> dict[str, str]:
    return {"name": "Mine", "account": str(account.pk), "settlement": "USDT", "amount": "250"}


def test_the_api_opens_one_and_tells_how_an_account_is_divided(
    connect: Connect, alice: User, signed_in: SignedIn
) -> None:
    account = connect(alice)
    answer = signed_in(alice).post("/api/v1/portfolios/", _body(account), content_type="application/json")
    assert (answer.status_code, answer.json()["kind"], answer.json()["account"]) == (201, "SANDBOX", str(account.pk))
    [row] = signed_in(alice).get(f"/api/v1/exchange-accounts/{account.pk}/balances/").json()
    assert {name: row[name] for name in ("asset", "total", "in_portfolios", "remainder")} == {
        "asset": "USDT",
        "total": "1000",
        "in_portfolios": "250",
        "remainder": "750",
    }


def test_real_money_needs_a_second_factor_at_each_door(
    connect: Connect, alice: User, charlie: User, signed_in: SignedIn
) -> None:
    account = connect(alice, AccountMode.LIVE)
    answer = signed_in(alice).post(reverse("portfolios:open"), _wanted(account))
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_index"))
    api = signed_in(alice).post("/api/v1/portfolios/", _body(account), content_type="application/json")
    assert (api.status_code, api.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    assert not Portfolio.objects.exists()
    live = _open(account, "10")
    switch = reverse("portfolios:live_trading", args=[live.pk])
    assert signed_in(alice).post(switch, {"is_on": "on"})["Location"] == reverse("mfa_index")
    assert signed_in(charlie).post(switch, {"is_on": "on"}).status_code == 404
    assert Client().post(switch, {"is_on": "on"})["Location"].startswith("/accounts/login/")
    put = signed_in(alice).put(
        f"/api/v1/portfolios/{live.pk}/live-trading/", {"is_on": True}, content_type="application/json"
    )
    assert (put.status_code, put.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    live.refresh_from_db()
    assert not live.is_live_trading_on
    page = signed_in(alice).get(reverse("portfolios:detail", args=[live.pk])).content.decode()
    assert "<strong>LIVE</strong>" in page and "LIVE, and switched off" in page
    # Off again never asks for more than that it is one's own.
    set_live_trading(actor=alice, portfolio=live, is_on=True)
    assert signed_in(alice).post(switch).status_code == 302
    live.refresh_from_db()
    assert not live.is_live_trading_on
