"""Money in, out and between one's own portfolios: exact lines that sum to zero, or a refusal that leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from accounts.models import AuditEntry, Limit, LimitName, User
from common.errors import DomainError
from common.fields import DecimalSum
from markets.models import Asset, SourceKind
from portfolios.models import Balance, LedgerLine, Portfolio, PortfolioKind, PortfolioState
from portfolios.services.cash import deposit, open_portfolio, transfer, withdraw
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_trading import at_once, everything_stored, failed_checks, plain


def lines(portfolio: Portfolio) -> list[tuple[str, str, str, Decimal]]:
    rows = LedgerLine.objects.filter(portfolio=portfolio).order_by("pk")
    return list(rows.values_list("kind", "account", "asset_id", "amount"))


def balance(portfolio: Portfolio) -> tuple[str, str]:
    """Return what is there, and what of it is promised."""
    row = Balance.objects.get(portfolio=portfolio)
    return plain(row.amount), plain(row.reserved)


def net_deposits(portfolio: Portfolio) -> str:
    return plain(Portfolio.objects.get(pk=portfolio.pk).net_deposits)


def everything_of(portfolio: Portfolio) -> tuple[object, ...]:
    return lines(portfolio), balance(portfolio), net_deposits(portfolio)


# --- opening --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (SourceKind.REAL, PortfolioKind.PAPER),
        (SourceKind.REPLAY, PortfolioKind.PAPER),
        (SourceKind.SIMULATED, PortfolioKind.SIMULATED),
    ],
)
def test_a_portfolio_is_of_its_venues_kind_and_begins_with_a_deposit(
    db: None, alice: User, source: SourceKind, kind: PortfolioKind
) -> None:
    desk = Desk(source)
    opened = desk.portfolio(alice, "250.5", name="  Savings ")
    portfolio = Portfolio.objects.get()
    assert portfolio.pk == opened.pk
    assert (portfolio.name, portfolio.kind, portfolio.state) == ("Savings", kind, PortfolioState.OPEN)
    assert (portfolio.namespace, portfolio.settlement_id, portfolio.opened_at) == (desk.namespace, "USDT", NOON)
    assert (portfolio.fill_count, portfolio.net_deposits) == (0, Decimal("250.5"))
    assert balance(portfolio) == ("250.5", "0")
    assert lines(portfolio) == [
        ("DEPOSIT", "HOLDINGS", "USDT", Decimal("250.5")),
        ("DEPOSIT", "EXTERNAL", "USDT", Decimal("-250.5")),
    ]
    assert len({(line.booking_id, line.happened_at) for line in LedgerLine.objects.all()}) == 1
    entry = AuditEntry.objects.get(action="portfolio.opened")
    assert (entry.actor, entry.object_id) == (alice, str(portfolio.pk))
    assert entry.after == {"name": "Savings", "amount": "250.5"}


def test_a_portfolio_may_begin_empty(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 0)
    assert (balance(portfolio), lines(portfolio)) == (("0", "0"), [])


def test_a_restricted_portfolio_names_its_instruments(desk: Desk, alice: User) -> None:
    bitcoin, _ = desk.instrument("BTC"), desk.instrument("ETH")
    portfolio = desk.portfolio(alice, only_instruments=[bitcoin])
    assert portfolio.is_restricted
    assert list(portfolio.allowed_instruments.all()) == [bitcoin]
    nothing = desk.portfolio(alice, name="Nothing", only_instruments=[])
    assert (nothing.is_restricted, nothing.allowed_instruments.count()) == (True, 0)


@pytest.mark.parametrize(
    ("name", "amount", "code"),
    [
        ("  ", "1", "NAME_INVALID"),
        ("x" * 81, "1", "NAME_INVALID"),
        ("Main", "1", "NAME_TAKEN"),
        (" Main ", "1", "NAME_TAKEN"),
        ("New", "-1", "AMOUNT_NOT_POSITIVE"),
        ("New", "NaN", "AMOUNT_NOT_POSITIVE"),
        ("New", "Infinity", "AMOUNT_NOT_POSITIVE"),
        ("New", "1000000000.01", "AMOUNT_TOO_LARGE"),
        ("New", "1E+400", "AMOUNT_TOO_LARGE"),
        ("New", "0.000000001", "AMOUNT_TOO_FINE"),
    ],
)
def test_what_cannot_be_opened_leaves_nothing(desk: Desk, alice: User, name: str, amount: str, code: str) -> None:
    desk.portfolio(alice, 5)
    before = everything_stored()
    with pytest.raises(DomainError) as refusal:
        desk.portfolio(alice, amount, name=name)
    assert refusal.value.code == code
    assert everything_stored() == before


def test_a_name_is_free_again_when_its_portfolio_is_closed_and_for_other_people(
    desk: Desk, alice: User, bob: User
) -> None:
    first = desk.portfolio(alice)
    Portfolio.objects.filter(pk=first.pk).update(state=PortfolioState.CLOSED)
    desk.portfolio(alice)
    desk.portfolio(bob)
    assert Portfolio.objects.filter(name="Main").count() == 3


def test_the_plan_limits_how_many_are_open(desk: Desk, alice: User) -> None:
    Limit.objects.filter(name=LimitName.PORTFOLIOS).update(value=1)
    first = desk.portfolio(alice)
    with pytest.raises(DomainError) as refusal:
        desk.portfolio(alice, name="Second")
    assert refusal.value.code == "LIMIT_REACHED"
    assert Portfolio.objects.count() == 1
    Portfolio.objects.filter(pk=first.pk).update(state=PortfolioState.CLOSED)
    desk.portfolio(alice, name="Second")


# --- in and out -----------------------------------------------------------------------------------------------------
def test_a_deposit_and_a_withdrawal_are_bookings_that_sum_to_zero(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 0)
    deposit(actor=alice, portfolio=portfolio, amount=Decimal(10**9))
    deposit(actor=alice, portfolio=portfolio, amount=Decimal("0.12345678"))
    withdraw(actor=alice, portfolio=portfolio, amount=Decimal("0.00000001"))
    assert balance(portfolio) == ("1000000000.12345677", "0")
    assert net_deposits(portfolio) == "1000000000.12345677"
    assert lines(portfolio)[2:] == [
        ("DEPOSIT", "HOLDINGS", "USDT", Decimal("0.12345678")),
        ("DEPOSIT", "EXTERNAL", "USDT", Decimal("-0.12345678")),
        ("WITHDRAWAL", "HOLDINGS", "USDT", Decimal("-0.00000001")),
        ("WITHDRAWAL", "EXTERNAL", "USDT", Decimal("0.00000001")),
    ]
    sums = LedgerLine.objects.values_list("booking_id").annotate(total=DecimalSum("amount"))
    assert [total for _, total in sums] == [0, 0, 0]
    done = AuditEntry.objects.filter(object_id=str(portfolio.pk)).order_by("pk")
    assert [(one.action, one.after) for one in done][1:] == [
        ("portfolio.deposit", {"amount": "1000000000"}),
        ("portfolio.deposit", {"amount": "0.12345678"}),
        ("portfolio.withdrawal", {"amount": "-0.00000001"}),
    ]
    assert failed_checks() == {}


Move = Callable[[Portfolio, Decimal], object]
MOVES: dict[str, Move] = {
    "deposit": lambda portfolio, amount: deposit(actor=portfolio.owner, portfolio=portfolio, amount=amount),
    "withdraw": lambda portfolio, amount: withdraw(actor=portfolio.owner, portfolio=portfolio, amount=amount),
    "transfer out": lambda portfolio, amount: transfer(
        actor=portfolio.owner, source=portfolio, target=other_of(portfolio), amount=amount
    ),
    "transfer in": lambda portfolio, amount: transfer(
        actor=portfolio.owner, source=other_of(portfolio), target=portfolio, amount=amount
    ),
}
OUTWARD = ["withdraw", "transfer out"]


def other_of(portfolio: Portfolio) -> Portfolio:
    return Portfolio.objects.exclude(pk=portfolio.pk).get(owner=portfolio.owner)


@pytest.fixture
def portfolio(desk: Desk, alice: User) -> Portfolio:
    desk.portfolio(alice, 1000, name="Other")
    return desk.portfolio(alice, 100)


def refused(move: str, portfolio: Portfolio, amount: str) -> str:
    """Return the code with which a movement is refused, having made sure that nothing came of it."""
    before, audits = everything_stored(), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        MOVES[move](portfolio, Decimal(amount))
    assert (everything_stored(), AuditEntry.objects.count()) == (before, audits)
    return refusal.value.code


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "AMOUNT_NOT_POSITIVE"),
        ("-5", "AMOUNT_NOT_POSITIVE"),
        ("NaN", "AMOUNT_NOT_POSITIVE"),
        ("-Infinity", "AMOUNT_NOT_POSITIVE"),
        ("1000000000.00000001", "AMOUNT_TOO_LARGE"),
        ("1.123456789", "AMOUNT_TOO_FINE"),
    ],
)
def test_absurd_amounts_move_nothing(portfolio: Portfolio, move: str, amount: str, code: str) -> None:
    assert refused(move, portfolio, amount) == code


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", [PortfolioState.FROZEN, PortfolioState.CLOSED])
def test_the_money_of_a_frozen_or_closed_portfolio_does_not_move(
    portfolio: Portfolio, move: str, state: PortfolioState
) -> None:
    Portfolio.objects.filter(pk=portfolio.pk).update(state=state)
    assert refused(move, portfolio, "1") == "PORTFOLIO_NOT_OPEN"


@pytest.mark.parametrize("move", MOVES)
def test_locked_cash_does_not_move(portfolio: Portfolio, move: str) -> None:
    Portfolio.objects.filter(pk=portfolio.pk).update(cash_is_locked=True)
    assert refused(move, portfolio, "1") == "CASH_IS_LOCKED"


@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_live_money_is_moved_at_its_venue(portfolio: Portfolio, move: str) -> None:
    portfolio.kind = PortfolioKind.LIVE
    portfolio.save()
    assert refused(move, portfolio, "1") == "LIVE_MONEY_STAYS_AT_THE_VENUE"


@pytest.mark.parametrize("move", OUTWARD)
def test_only_what_is_free_can_leave(portfolio: Portfolio, move: str) -> None:
    Balance.objects.filter(portfolio=portfolio).update(reserved=Decimal("40.5"))
    assert refused(move, portfolio, "59.50000001") == "INSUFFICIENT_BALANCE"
    MOVES[move](portfolio, Decimal("59.5"))
    assert balance(portfolio) == ("40.5", "40.5")


# --- between portfolios ---------------------------------------------------------------------------------------------
def test_a_transfer_sums_to_zero_in_each_portfolio_under_one_booking(portfolio: Portfolio) -> None:
    other = other_of(portfolio)
    booking = transfer(actor=portfolio.owner, source=portfolio, target=other, amount=Decimal("33.3"))
    assert isinstance(booking, UUID)
    assert (balance(portfolio), balance(other)) == (("66.7", "0"), ("1033.3", "0"))
    assert (net_deposits(portfolio), net_deposits(other)) == ("66.7", "1033.3")
    booked = LedgerLine.objects.filter(booking_id=booking).order_by("pk")
    assert list(booked.values_list("portfolio_id", "kind", "account", "amount")) == [
        (portfolio.pk, "TRANSFER", "HOLDINGS", Decimal("-33.3")),
        (portfolio.pk, "TRANSFER", "TRANSFER", Decimal("33.3")),
        (other.pk, "TRANSFER", "HOLDINGS", Decimal("33.3")),
        (other.pk, "TRANSFER", "TRANSFER", Decimal("-33.3")),
    ]
    assert AuditEntry.objects.get(action="portfolio.transfer").after == {"to": str(other.pk), "amount": "33.3"}
    assert failed_checks() == {}


def test_money_does_not_move_to_itself_or_to_others_or_across_markets(
    desk: Desk, portfolio: Portfolio, bob: User
) -> None:
    alice = portfolio.owner
    elsewhere = Desk()
    euro = Asset.objects.create(code="EUR")
    targets = {
        "SAME_PORTFOLIO": portfolio,
        "NOT_YOUR_PORTFOLIO": desk.portfolio(bob),
        "PORTFOLIOS_DIFFER": elsewhere.portfolio(alice, name="Elsewhere"),
        "PORTFOLIOS_DIFFER ": open_portfolio(
            owner=alice, name="Euro", exchange=desk.exchange, settlement=euro, amount=Decimal(5)
        ),
    }
    other_kind = desk.portfolio(alice, name="Sandbox")
    other_kind.kind = PortfolioKind.SANDBOX
    other_kind.save()
    before = everything_stored()
    for code, target in [*targets.items(), ("PORTFOLIOS_DIFFER", other_kind)]:
        with pytest.raises(DomainError) as refusal:
            transfer(actor=alice, source=portfolio, target=target, amount=Decimal(1))
        assert refusal.value.code == code.strip()
    assert everything_stored() == before


# --- the caller's own key --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("move", ["deposit", "withdraw"])
def test_a_movement_that_is_sent_again_under_its_key_moves_once(portfolio: Portfolio, move: str) -> None:
    act = {"deposit": deposit, "withdraw": withdraw}[move]
    before = everything_of(portfolio)
    first = act(actor=portfolio.owner, portfolio=portfolio, amount=Decimal(10), key="mine")
    moved = everything_of(portfolio)
    assert moved != before
    assert act(actor=portfolio.owner, portfolio=portfolio, amount=Decimal(10), key="mine") == first
    with pytest.raises(DomainError) as refusal:
        act(actor=portfolio.owner, portfolio=portfolio, amount=Decimal(11), key="mine")
    assert (refusal.value.code, refusal.value.status) == ("KEY_REUSED", 409)
    assert everything_of(portfolio) == moved
    act(actor=portfolio.owner, portfolio=portfolio, amount=Decimal(10), key="another")
    assert everything_of(portfolio) != moved


def test_a_transfer_that_is_sent_again_under_its_key_moves_once(portfolio: Portfolio, desk: Desk) -> None:
    target, other = (desk.portfolio(portfolio.owner, 1, name) for name in ("Target", "Elsewhere"))
    send = partial(transfer, actor=portfolio.owner, source=portfolio, amount=Decimal(10), key="mine")
    booking = send(target=target)
    moved = [everything_of(one) for one in (portfolio, target, other)]
    assert send(target=target) == booking
    with pytest.raises(DomainError, match="already names another"):
        send(target=other)
    with pytest.raises(DomainError, match="already names another"):
        deposit(actor=portfolio.owner, portfolio=portfolio, amount=Decimal(10), key="mine")
    assert [everything_of(one) for one in (portfolio, target, other)] == moved


# --- at the same time -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_one_key_by_two_at_the_same_time_moves_once(desk: Desk, alice: User) -> None:
    portfolio = desk.portfolio(alice, 100, "Main")
    pay_in = partial(deposit, actor=alice, portfolio=portfolio, amount=Decimal(10), key="mine")
    assert [type(one) for one in at_once(pay_in, pay_in)] == [Portfolio, Portfolio]
    assert Balance.objects.get(portfolio=portfolio).amount == 110


@pytest.mark.django_db(transaction=True)
def test_all_the_money_is_withdrawn_once_by_two_at_the_same_time(desk: Desk, alice: User) -> None:
    for round_number in range(5):
        portfolio = desk.portfolio(alice, 100, name=f"Main {round_number}")

        def take(portfolio: Portfolio = portfolio) -> object:
            return withdraw(actor=alice, portfolio=portfolio, amount=Decimal(100))

        results = at_once(take, take)
        assert sorted(type(result).__name__ for result in results) == ["DomainError", "Portfolio"]
        assert [result.code for result in results if isinstance(result, DomainError)] == ["INSUFFICIENT_BALANCE"]
        assert balance(portfolio) == ("0", "0")
    assert failed_checks() == {}


@pytest.mark.django_db(transaction=True)
def test_transfers_in_both_directions_at_the_same_time_lose_nothing(desk: Desk, alice: User) -> None:
    first, second = desk.portfolio(alice, 100, name="First"), desk.portfolio(alice, 100, name="Second")

    def move(source: Portfolio, target: Portfolio) -> int:
        for _ in range(10):
            transfer(actor=alice, source=source, target=target, amount=Decimal(3))
        return 10

    assert at_once(lambda: move(first, second), lambda: move(second, first)) == [10, 10]
    assert (balance(first), balance(second)) == (("100", "0"), ("100", "0"))
    assert failed_checks() == {}


@pytest.mark.django_db(transaction=True)
def test_the_last_portfolio_that_a_plan_allows_is_opened_once(desk: Desk, alice: User) -> None:
    Limit.objects.filter(name=LimitName.PORTFOLIOS).update(value=1)
    results = at_once(lambda: desk.portfolio(alice, name="A"), lambda: desk.portfolio(alice, name="B"))
    assert sorted(type(result).__name__ for result in results) == ["DomainError", "Portfolio"]
    assert Portfolio.objects.count() == 1
