"""A run at a venue whose past is not all here: it is asked for, said in words, and waited for while it is loading."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from markets.models import Backfill, BackfillState, Exchange
from strategies import tasks
from strategies.plans import plan_of
from strategies.selectors import runs
from tests.fixtures_desk import NOON, Desk, Working
from tests.strategies.services.test_runs import RISE, Setting
from trading.models import OrderState

FIVE = timedelta(minutes=5)


@pytest.fixture
def venue(desk: Desk) -> Desk:
    """The desk as if a venue stood behind it."""
    Exchange.objects.filter(pk=desk.exchange.pk).update(dialect="binance")
    desk.exchange.refresh_from_db()
    return desk


def started(desk: Desk, owner: User) -> Setting:
    instrument = desk.instrument(gateway_symbol="BTC/USDT")
    return Setting(desk, owner, instrument=instrument)


def test_what_the_first_decision_needs_is_asked_for(venue: Desk, alice: User) -> None:
    setting = started(venue, alice)
    row = Backfill.objects.get()
    history = plan_of(setting.version).history
    assert (row.instrument, row.timeframe, row.requested_by) == (setting.instrument, "5m", None)
    assert (row.start, row.end) == (NOON - FIVE - history * FIVE, NOON - FIVE)


def test_a_run_waits_while_its_past_is_loading_and_then_decides(venue: Desk, alice: User, working: Working) -> None:
    setting = started(venue, alice)
    with working():
        setting.candles(*RISE)
        tasks.sweep_runs()
    assert setting.orders() == []
    run = runs().get(pk=setting.run.pk)
    assert run.decided_until == setting.run.decided_until
    Backfill.objects.update(state=BackfillState.DONE)
    with working():
        tasks.sweep_runs()
    # EMA(3) has seen enough in four candles, if not its whole memory: what nobody loads is not waited for.
    assert [(side, state) for side, _, state, _ in setting.orders()] == [("BUY", OrderState.FILLED)]
    assert setting.orders()[0][3] > Decimal(0)


def test_the_runs_page_says_so(client: Client, venue: Desk, alice: User) -> None:
    setting = started(venue, alice)
    client.force_login(alice)
    Backfill.objects.update(error="The venue is away.")
    told = client.get(f"/strategies/runs/{setting.run.pk}/").content.decode()
    assert "Candles of the past that it decides by are being loaded" in told
    assert "The venue is away." in told
    Backfill.objects.update(state=BackfillState.DONE)
    assert "being loaded" not in client.get(f"/strategies/runs/{setting.run.pk}/").content.decode()


def test_a_market_without_a_venue_is_asked_for_nothing(desk: Desk, alice: User) -> None:
    Setting(desk, alice)
    assert not Backfill.objects.exists()
