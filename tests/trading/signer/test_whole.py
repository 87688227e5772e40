"""A lead trades at the test exchange through a connected account; the signer is killed and the exchange is away in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection

from accounts.models import User
from engine.decimals import floor_to_step
from portfolios.margin_models import MarginMode, VenueTerms
from portfolios.models import ExchangeAccount, Portfolio
from portfolios.selectors import account_balances
from portfolios.services.cash import open_portfolio
from tests.fixtures_signing import Booth, OpenBooth
from tests.fixtures_trading import failed_checks
from tests.story.processes import Process, own_environment, wait_until
from trading.kinds import OrderKind
from trading.models import LeadEvent, Order, OrderState, Side
from trading.order_terms import OrderTerms
from trading.services.account_sync import forget_reconciled
from trading.services.changing import cancel_order, modify_order
from trading.services.closing import close_position
from trading.services.follows import open_lead_stream, start_follow
from trading.services.margin_terms import set_margin_terms
from trading.services.orders import place_hand_order

D = Decimal
Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a signer, or a worker, on the test's own database and Redis keys; each kind is given only what it needs."""
    place, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    started: list[Process] = []
    commands = {
        "signer": [sys.executable, "manage.py", "run_signer"],
        "worker": [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "1", "-l", "WARNING"],
    }

    def begin(name: str, **extra: str) -> Process:
        environment = own_environment(
            site.VAR_DIR,
            DATABASE_URL=f"{place}/{connection.settings_dict['NAME']}",
            REDIS_URL=site.REDIS_URL,
            SLIPSTREAM_CLAIM_LEASE_SECONDS="2",
            SLIPSTREAM_SIGNER_PUBLIC_KEY=site.SIGNER_PUBLIC_KEY,
            **({"SLIPSTREAM_SIGNER_KEYS": ",".join(site.SIGNER_KEYS)} if name == "signer" else {}),
            **extra,
        )
        started.append(Process(commands[name], environment, tmp_path / f"{name}-{len(started)}.log"))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def _reconciled(*accounts: ExchangeAccount) -> None:
    """Wait until whoever runs now has compared these accounts with their venue."""
    mine = ExchangeAccount.objects.filter(pk__in=[one.pk for one in accounts], reconciled_at__isnull=False)
    wait_until(lambda: mine.count() == len(accounts), "a comparison", 60)


def _buy(booth: Booth, portfolio: Portfolio) -> Order:
    booth.price()
    return place_hand_order(
        actor=portfolio.owner,
        portfolio=portfolio,
        instrument=booth.instrument,
        side=Side.BUY,
        quantity=D("0.01"),
    )


def _wait_for(booth: Booth, order_of: Callable[[], Order | None], state: OrderState) -> Order:
    """Wait for an order's end, at prices that stay fresh."""

    def has_come() -> bool:
        booth.price()
        found = order_of()
        return found is not None and found.state == state

    wait_until(has_come, f"an order {state}", 90)
    found = order_of()
    assert found is not None
    return found


def _agrees(booth: Booth, account: ExchangeAccount) -> bool:
    ours = {row.asset: row.remainder + books for row, books in account_balances(account)}
    return {asset: amount for asset, amount in ours.items() if amount} == booth.held(account)


@pytest.mark.services
@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_a_killed_signer_and_an_outage_lose_nothing_and_double_nothing(
    open_booth: OpenBooth, start: Start, alice: User, bob: User, charlie: User
) -> None:
    booth = open_booth("binance")
    hers, his = booth.connect(alice, label="Lead"), booth.connect(charlie, label="Second")
    lead, source = booth.portfolio(hers, 5_000, "Lead"), booth.portfolio(his, 5_000, "Source")
    open_lead_stream(lead)
    paper = open_portfolio(
        owner=bob,
        name="Paper",
        exchange=booth.exchange,
        settlement=lead.settlement,
        amount=D(5_000),
    )
    # The lead's fill is known only when the outage is over: copied all the same, at whatever the market has come to.
    patient = {"max_age_seconds": "60", "price_cap": "0.03"}
    on_paper = start_follow(follower=bob, lead=lead, source=paper, amount=D(5_000), settings=patient)
    forget_reconciled([hers.pk, his.pk])
    worker = start("worker")
    # It dies when the venue has taken the order, before it has heard the answer out.
    doomed = start("signer", SLIPSTREAM_FAILPOINTS="accepted=1")
    _reconciled(hers, his)
    order = _buy(booth, lead)
    wait_until(lambda: not doomed.runs, "the signer's death", 60)
    order.refresh_from_db()
    assert (order.state, order.filled_quantity, booth.orders_at_venue(hers)) == (OrderState.SUBMITTING, D(0), 1)

    booth.thread.hide()
    second = start("signer")
    second.wait_for("is not reconciled")
    booth.thread.show()
    filled = _wait_for(booth, lambda: Order.objects.get(pk=order.pk), OrderState.FILLED)
    assert (filled.filled_quantity, booth.orders_at_venue(hers)) == (D("0.01"), 1)
    copy = _wait_for(booth, lambda: Order.objects.filter(follow=on_paper).first(), OrderState.FILLED)
    assert copy.cause_id == str(LeadEvent.objects.get(lead=lead).pk)
    assert copy.fills.get().venue_account == "paper"

    _reconciled(hers, his)
    on_account = start_follow(follower=charlie, lead=lead, source=source, amount=D(4_000), multiplier=D(1))
    assert (on_account.portfolio.account, on_account.portfolio.kind) == (his, "SANDBOX")
    again = _buy(booth, lead)
    _wait_for(booth, lambda: Order.objects.get(pk=again.pk), OrderState.FILLED)
    live_copy = _wait_for(booth, lambda: Order.objects.filter(follow=on_account).first(), OrderState.FILLED)
    assert live_copy.venue_order_id
    assert (booth.orders_at_venue(hers), booth.orders_at_venue(his)) == (2, 1)
    assert Order.objects.filter(follow=on_paper).count() == 2
    assert LeadEvent.objects.filter(lead=lead).count() == 2

    wait_until(lambda: _agrees(booth, hers) and _agrees(booth, his), "agreement to the last digit", 30)
    assert failed_checks() == {}
    assert second.runs and worker.runs


@pytest.mark.services
@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_a_signer_killed_between_a_cancel_and_its_answer_ends_the_order_once(
    open_booth: OpenBooth, start: Start, alice: User
) -> None:
    booth = open_booth("binance")
    account = booth.connect(alice, label="Lead")
    book = booth.portfolio(account, 5_000, "Lead")
    forget_reconciled([account.pk])
    # It dies when the venue has canceled the order, before it has heard what became of it.
    doomed = start("signer", SLIPSTREAM_FAILPOINTS="canceled=1")
    _reconciled(account)
    limit = floor_to_step(booth.price() * D("0.9"), booth.instrument.tick_size)
    order = place_hand_order(
        actor=alice,
        portfolio=book,
        instrument=booth.instrument,
        side=Side.BUY,
        quantity=D("0.01"),
        terms=OrderTerms(kind=OrderKind.LIMIT, limit_price=limit),
    )
    _wait_for(booth, lambda: Order.objects.get(pk=order.pk), OrderState.OPEN)
    changed = modify_order(actor=alice, order=order, limit_price=limit - booth.instrument.tick_size)
    wait_until(lambda: not doomed.runs, "the signer's death", 60)

    second = start("signer")
    canceled = _wait_for(booth, lambda: Order.objects.get(pk=order.pk), OrderState.CANCELED)
    assert (canceled.code, canceled.filled_quantity, canceled.reserved) == ("REPLACED", D(0), D(0))
    resting = _wait_for(booth, lambda: Order.objects.get(pk=changed.pk), OrderState.OPEN)
    assert (booth.orders_at_venue(account), resting.is_at_venue) == (2, True)
    cancel_order(actor=alice, order=resting)
    _wait_for(booth, lambda: Order.objects.get(pk=changed.pk), OrderState.CANCELED)
    wait_until(lambda: _agrees(booth, account), "agreement to the last digit", 30)
    assert failed_checks() == {}
    assert second.runs


@pytest.mark.services
@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failpoint", ["terms-set", "accepted"])
def test_a_signer_killed_on_the_way_to_a_short_opens_it_once(
    open_booth: OpenBooth, start: Start, alice: User, failpoint: str
) -> None:
    booth = open_booth("binanceusdm")
    account, instrument = booth.connect(alice, label="Futures"), booth.instrument
    book = booth.portfolio(account, 5_000, "Book")
    set_margin_terms(actor=alice, portfolio=book, instrument=instrument, leverage=3, mode=MarginMode.ISOLATED)
    forget_reconciled([account.pk])
    # It dies when the venue has taken the terms, or the order, before anything of it is written here.
    doomed = start("signer", SLIPSTREAM_FAILPOINTS=f"{failpoint}=1")
    _reconciled(account)
    booth.price()
    short: dict[str, Any] = {
        "actor": alice,
        "portfolio": book,
        "instrument": instrument,
        "side": Side.SELL,
        "quantity": D("0.01"),
    }
    order = place_hand_order(**short)
    wait_until(lambda: not doomed.runs, "the signer's death", 60)
    order.refresh_from_db()
    is_sent = failpoint == "accepted"
    assert (order.state, VenueTerms.objects.count()) == (("SUBMITTING", 1) if is_sent else ("PENDING", 0))
    if not is_sent:
        # What was never claimed would be denied until the account was compared again.
        cancel_order(actor=alice, order=order)
    forget_reconciled([account.pk])

    second = start("signer")
    _reconciled(account)
    if not is_sent:
        booth.price()
        order = place_hand_order(**short)
    filled = _wait_for(booth, lambda: Order.objects.get(pk=order.pk), OrderState.FILLED)
    assert (filled.leverage, filled.filled_quantity, booth.orders_at_venue(account)) == (3, D("0.01"), 1)
    assert VenueTerms.objects.get().leverage == 3
    closing = close_position(actor=alice, portfolio=book, instrument=instrument)
    _wait_for(booth, lambda: Order.objects.get(pk=closing.pk), OrderState.FILLED)
    wait_until(lambda: _agrees(booth, account), "agreement to the last digit", 30)
    assert (failed_checks(), booth.orders_at_venue(account)) == ({}, 2)
    assert second.runs
