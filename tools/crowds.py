"""Books with money in them, for what is measured: as opened, but written in bulk. Used after Django's setup."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from accounts.models import User
from common.clock import wall_now
from common.db import bulk_insert
from common.ids import new_id
from engine.decimals import ZERO
from markets.models import Asset, Exchange, Instrument, SourceKind
from markets.services.instruments import register_exchange, register_instrument
from portfolios.models import Balance, BookingKind, LedgerAccount, LedgerLine, Portfolio, PortfolioKind
from trading.models import Follow
from trading.services.follows import open_lead_stream

STAKE = Decimal(1_000_000)


def bench_instrument(namespace: str = "bench") -> Instrument:
    """Make BTC-USDT tradable on an exchange of its own."""
    exchange = register_exchange(code=namespace, name="Bench", namespace=namespace, source_kind=SourceKind.REAL)
    tick_size, lot_step = Decimal("0.01"), Decimal("0.001")
    return register_instrument(exchange=exchange, base="BTC", quote="USDT", tick_size=tick_size, lot_step=lot_step)


def open_books(
    owners: Sequence[User],
    exchange: Exchange,
    promised: Decimal = ZERO,
    kind: PortfolioKind = PortfolioKind.SANDBOX,
) -> list[Portfolio]:
    """Open a book for each owner, of which so much is promised to orders."""
    now, settlement = wall_now(), Asset.objects.get(pk="USDT")
    facts = {"kind": kind, "namespace": exchange.namespace, "settlement": settlement}
    books = [Portfolio(name=new_id().hex, owner=one, net_deposits=STAKE, opened_at=now, **facts) for one in owners]
    bulk_insert(Portfolio, books)
    bulk_insert(Balance, [Balance(portfolio=one, asset=settlement, amount=STAKE, reserved=promised) for one in books])
    bulk_insert(LedgerLine, [line for book in books for line in _deposit(book)])
    return books


def _deposit(book: Portfolio) -> list[LedgerLine]:
    facts = {"booking_id": book.pk, "kind": BookingKind.DEPOSIT, "portfolio": book, "asset": book.settlement}
    times = {"happened_at": book.opened_at, "recorded_at": book.opened_at}
    sides = ((LedgerAccount.HOLDINGS, STAKE), (LedgerAccount.EXTERNAL, -STAKE))
    return [LedgerLine(account=account, amount=amount, **facts, **times) for account, amount in sides]


def open_followed_lead(followers: int, exchange: Exchange) -> Portfolio:
    """Open a lead's book, and those of so many who follow it in the same proportion."""
    people = [User(email=f"{new_id().hex}@example.org") for _ in range(followers + 1)]
    bulk_insert(User, people)
    lead, *own = open_books(people, exchange)
    open_lead_stream(lead)
    started = {"lead": lead, "start_seq": 0, "started_at": wall_now()}
    bulk_insert(Follow, [Follow(follower=book.owner, portfolio=book, **started) for book in own])
    return lead
