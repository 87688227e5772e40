"""A market in which alice leads: hand orders, followers, and what became of both, in few words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from common.db import bulk_insert
from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, Position
from tests.fixtures_desk import Desk, Working
from trading.checks import run_checks
from trading.models import Follow, LeadEvent, LeadStream, Order, Side
from trading.services.copying import fan_out_batch
from trading.services.execution import execute_pending
from trading.services.follows import open_lead_stream, start_follow
from trading.services.orders import place_hand_order

# Settings of a follow whose guards cut nothing.
UNGUARDED: dict[str, Any] = {"max_order_share": "1", "max_instrument_share": "1"}
# What an order came to: side, leg, state, quantity let through, code.
Row = tuple[str, str, str, str, str]


def plain(amount: Decimal) -> str:
    """Return an amount without the zeros that a database adds."""
    return format(amount.normalize(), "f")


class Pit:
    """One instrument at 100 USDT, alice's led portfolio of 10,000 USDT, and whoever follows it.

    Lots of 0.001, a minimum of 5 USDT, no fee and no slippage, so that every figure can be told in the head.
    """

    def __init__(self, desk: Desk, alice: User, working: Working) -> None:
        self.desk, self.alice, self.working = desk, alice, working
        self.instrument = desk.instrument(taker_fee_bps=Decimal(0), min_notional=Decimal(5))
        self.lead = self.portfolio(alice, 10_000, "Lead")
        open_lead_stream(self.lead)
        self.price(100)

    def portfolio(self, owner: User, amount: int | str, name: str) -> Portfolio:
        """Open a portfolio whose market orders meet the market's price itself."""
        opened = self.desk.portfolio(owner, amount, name)
        opened.slippage_bps = Decimal(0)
        opened.save(update_fields=["slippage_bps"])
        return opened

    def price(self, price: int | str, instrument: Instrument | None = None) -> None:
        self.desk.step({instrument or self.instrument: price})

    def place(self, side: Side, quantity: Decimal | int | str, portfolio: Portfolio | None = None) -> Order:
        """Place a hand order (default: the lead's) and leave what it sets off undone."""
        book = portfolio or self.lead
        return place_hand_order(
            actor=book.owner, portfolio=book, instrument=self.instrument, side=side, quantity=Decimal(quantity)
        )

    def buy(self, quantity: int | str, portfolio: Portfolio | None = None) -> Order:
        """Buy by hand, and do all that follows from it."""
        return self._done(Side.BUY, quantity, portfolio)

    def sell(self, quantity: int | str, portfolio: Portfolio | None = None) -> Order:
        return self._done(Side.SELL, quantity, portfolio)

    def _done(self, side: Side, quantity: int | str, portfolio: Portfolio | None) -> Order:
        with self.working():
            order = self.place(side, quantity, portfolio)
        order.refresh_from_db()
        return order

    def fan_out(self, side: Side, quantity: Decimal | int | str) -> str:
        """Book a fill of the lead's and copy its event into rows that nobody has sent; return the event's id."""
        order = self.place(side, quantity)
        execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
        while fan_out_batch(lead_id=self.lead.pk):
            pass
        return str(self.event().pk)

    def follow(self, user: User, amount: int | str = 1_000, multiplier: int | str = 1, **settings: Any) -> Follow:
        """Let somebody follow the lead with this amount, without slippage of their own."""
        name = f"Source {new_id().hex[-8:]}"
        with self.working():
            source = self.portfolio(user, amount, name)
            follow = start_follow(
                follower=user,
                lead=self.lead,
                source=source,
                amount=Decimal(amount),
                multiplier=Decimal(multiplier),
                settings=settings,
            )
            Portfolio.objects.filter(pk=follow.portfolio_id).update(slippage_bps=Decimal(0))
        return Follow.objects.select_related("lead", "portfolio", "follower").get(pk=follow.pk)

    def crowd(self, count: int, amount: int | str = 1_000) -> list[Follow]:
        """Let so many people follow. Their rows are written at once: starting two hundred follows would take long."""
        people = [User(email=f"follower-{new_id().hex}@example.org") for _ in range(count)]
        kind, stake = {"kind": self.lead.kind, "namespace": self.desk.namespace}, Decimal(amount)
        common = kind | {"settlement": self.desk.usdt, "slippage_bps": Decimal(0), "opened_at": self.desk.at}
        books = [Portfolio(owner=one, name="Following", net_deposits=stake, **common) for one in people]
        since = LeadStream.objects.get(portfolio=self.lead).last_seq
        start = {"lead": self.lead, "start_seq": since, "started_at": self.desk.at}
        follows = [Follow(follower=one.owner, portfolio=one, **start) for one in books]
        bulk_insert(User, people)
        bulk_insert(Portfolio, books)
        bulk_insert(Balance, [Balance(portfolio=one, asset=self.desk.usdt, amount=stake) for one in books])
        bulk_insert(LedgerLine, [line for one in books for line in self._deposit(one, stake)])
        bulk_insert(Follow, follows)
        return follows

    def _deposit(self, portfolio: Portfolio, amount: Decimal) -> list[LedgerLine]:
        facts = {"booking_id": new_id(), "kind": BookingKind.DEPOSIT, "asset": self.desk.usdt}
        times = {"happened_at": self.desk.at, "recorded_at": self.desk.at}
        sides = ((LedgerAccount.HOLDINGS, amount), (LedgerAccount.EXTERNAL, -amount))
        return [
            LedgerLine(portfolio=portfolio, account=account, amount=one, **facts, **times) for account, one in sides
        ]

    def held(self, portfolio: Portfolio | Follow) -> str:
        book = portfolio.portfolio if isinstance(portfolio, Follow) else portfolio
        rows = Position.objects.filter(portfolio=book, instrument=self.instrument)
        return plain(sum((row.quantity for row in rows), Decimal(0)))

    def cash(self, portfolio: Portfolio | Follow) -> str:
        book = portfolio.portfolio if isinstance(portfolio, Follow) else portfolio
        return plain(Balance.objects.get(portfolio=book, asset="USDT").amount)

    def orders(self, portfolio: Portfolio | Follow) -> list[Row]:
        book = portfolio.portfolio if isinstance(portfolio, Follow) else portfolio
        rows = Order.objects.filter(portfolio=book).order_by("pk")
        return [(one.side, one.leg, one.state, plain(one.quantity), one.code) for one in rows]

    def event(self) -> LeadEvent:
        """Return the lead's newest event."""
        return LeadEvent.objects.filter(lead=self.lead).order_by("-seq")[0]


@pytest.fixture
def pit(desk: Desk, alice: User, working: Working) -> Pit:
    return Pit(desk, alice, working)


def everything_stored() -> dict[str, object]:
    """Return every balance, position, order and number of ledger lines: what a refusal must leave as it was."""
    return {
        "portfolios": sorted(Portfolio.objects.values_list("pk", "name", "state", "fill_count")),
        "balances": sorted(Balance.objects.values_list("portfolio", "asset", "amount", "reserved")),
        "positions": sorted(Position.objects.values_list("portfolio", "instrument", "quantity", "cost")),
        "orders": sorted(Order.objects.values_list("pk", "state", "quantity", "code")),
        "follows": sorted(Follow.objects.values_list("pk", "state", "state_code")),
        "lines": LedgerLine.objects.count(),
    }


def failed_checks() -> dict[str, list[str]]:
    """Return the checks of the books that fail, with what each found."""
    return {name: [error.detail for error in errors] for name, errors in run_checks().items() if errors}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads of their own, let loose together; return what each returned or raised."""
    results: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
