"""Whatever happens to perpetuals on paper, in any order: the books agree, and nothing comes from nowhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.errors import DomainError
from common.ids import seeded_random
from engine.margin import tiers_of
from markets.models import Instrument, MarketKind
from portfolios.margin_models import FundingTime, MarginMode
from portfolios.models import LedgerAccount, LedgerLine, Portfolio, Position
from portfolios.selectors import worth_of
from portfolios.services.cash import deposit, withdraw
from portfolios.services.margin import set_tiers
from tests.fixtures_trading import failed_checks
from tests.fixtures_waiting import terms_with
from tests.fixtures_waiting_on_margin import TIERS, Perpetual
from trading.kinds import OrderKind
from trading.models import UNFINISHED, Order, Side
from trading.services.changing import cancel_all
from trading.services.closing import close_position
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order

SEEDS, MOVES = 4, 25
# What a person may be told; anything else is a mistake of ours.
_KINDS = (OrderKind.MARKET, OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP)


class World:
    """Alice, whom bob follows, and charlie, in two perpetuals; each move is drawn, and refused or done."""

    def __init__(self, perpetual: Perpetual, bob: User, charlie: User, rng: random.Random) -> None:
        self.perpetual, self.rng = perpetual, rng
        self.pit = perpetual.pit
        other = self.pit.desk.instrument("ETH", taker_fee_bps=Decimal(7), min_notional=Decimal(5))
        other.market.kind, other.market.contract = MarketKind.PERPETUAL, "PERP"
        other.market.save()
        set_tiers(instrument=other, tiers=tiers_of([(Decimal(0), 50, Decimal("0.005"))]))
        set_tiers(instrument=perpetual.instrument, tiers=TIERS)
        self.instruments = [perpetual.instrument, other]
        self.prices = {one.pk: Decimal(100) for one in self.instruments}
        self.pit.price(100, other)
        self.follow = self.pit.follow(bob, 2_000)
        self.books = [self.pit.lead, self.pit.portfolio(charlie, 5_000, "Own")]
        self.moves: list[Callable[[], Any]] = [
            *[self.order] * 6,
            *[self.price] * 6,
            self.gap,
            self.terms,
            self.terms,
            self.close,
            self.cancel,
            self.money,
            self.funding,
        ]

    def any_book(self) -> Portfolio:
        return Portfolio.objects.get(pk=self.rng.choice(self.books).pk)

    def any_instrument(self) -> Instrument:
        return self.rng.choice(self.instruments)

    def order(self) -> None:
        book, instrument = self.any_book(), self.any_instrument()
        kind, side = self.rng.choice(_KINDS), self.rng.choice(list(Side))
        price = str((self.prices[instrument.pk] * self.rng.randint(80, 120) / 100).quantize(Decimal("0.01")))
        named = {OrderKind.LIMIT: {"limit_price": price}, OrderKind.STOP: {"trigger_price": price}}.get(kind, {})
        place_hand_order(
            actor=book.owner,
            portfolio=book,
            instrument=instrument,
            side=side,
            quantity=Decimal(self.rng.choice([1, 7, 40, 150, 600])),
            terms=terms_with(kind, **named),
        )

    def price(self) -> None:
        self._move(self.rng.randint(92, 108))

    def gap(self) -> None:
        self._move(self.rng.choice([50, 70, 140, 200]))

    def _move(self, percent: int) -> None:
        instrument = self.any_instrument()
        price = max((self.prices[instrument.pk] * percent / 100).quantize(Decimal("0.01")), Decimal("0.5"))
        self.prices[instrument.pk] = price
        self.pit.price(str(price), instrument)
        self.perpetual.waiting.engine.refresh()
        self.perpetual.waiting.engine.on_prices({instrument.pk: price})

    def terms(self) -> None:
        book = self.any_book()
        set_margin_terms(
            actor=book.owner,
            portfolio=book,
            instrument=self.any_instrument(),
            leverage=self.rng.choice([1, 3, 10, 20]),
            mode=self.rng.choice(list(MarginMode)),
        )

    def close(self) -> None:
        book = self.any_book()
        close_position(actor=book.owner, portfolio=book, instrument=self.any_instrument())

    def cancel(self) -> None:
        book = self.any_book()
        cancel_all(actor=book.owner, portfolio=book)

    def money(self) -> None:
        book, amount = self.any_book(), Decimal(self.rng.choice([10, 500, 3_000]))
        self.rng.choice([deposit, withdraw])(actor=book.owner, portfolio=book, amount=amount)

    def funding(self) -> None:
        at = self.pit.desk.at
        for instrument in self.instruments:
            rate = Decimal(self.rng.randint(-300, 300)) / 10_000
            FundingTime.objects.get_or_create(instrument=instrument, at=at, defaults={"rate": rate})
        self.perpetual.pass_hours(1, str(self.prices[self.perpetual.instrument.pk]))

    def step(self) -> None:
        try:
            with self.pit.working():
                self.rng.choice(self.moves)()
        except DomainError:
            return
        with self.pit.working():
            self.perpetual.waiting.engine.look()


def wrongs(world: World) -> list[object]:
    """Return what is wrong."""
    found: list[object] = [failed_checks()] if failed_checks() else []
    books = list(Portfolio.objects.all())
    for book, worth in ((one, worth_of([one])[one.pk]) for one in books):
        if worth.equity != book.net_deposits + worth.profit:
            found.append((book.name, "equity", worth.equity, book.net_deposits + worth.profit))
        crossed = [one for one in worth.holdings if one.position.margin_mode == MarginMode.CROSS]
        if not crossed and worth.cash < worth.reserved:
            found.append((book.name, "owes without a cross position", worth.cash, worth.reserved))
        if worth.cash < 0 and not crossed:
            found.append((book.name, "has less than nothing", worth.cash))
    # What one side of the market pays, the portfolios or the fund get: per booking nothing appears.
    paid = LedgerLine.objects.filter(account=LedgerAccount.INSURANCE, amount__gt=0)
    return found + [("the fund took", line.amount) for line in paid]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_books_agree_whatever_happens(perpetual: Perpetual, bob: User, charlie: User, seed: int) -> None:
    world = World(perpetual, bob, charlie, seeded_random("perpetuals", seed))
    for number in range(MOVES):
        world.step()
        assert wrongs(world) == [], f"seed {seed}, move {number}"
    for book in world.books:
        with world.pit.working():
            cancel_all(actor=book.owner, portfolio=book)
        for position in Position.objects.filter(portfolio=book).exclude(quantity=0).select_related("instrument"):
            with world.pit.working():
                close_position(actor=book.owner, portfolio=book, instrument=position.instrument)
    assert wrongs(world) == []
    assert not Order.objects.filter(state__in=UNFINISHED).exists()
    assert not Position.objects.filter(portfolio__in=world.books).exclude(quantity=0).exists()
    assert not Position.objects.exclude(margin=0).filter(portfolio__in=world.books).exists()
