"""Track records: each snapshot counted once, from the portfolio's beginning on."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.bus import bus
from common.realtime import CHANNEL
from marketplace.models import TrackRecord
from marketplace.services.listings import follow_listing, publish_listing, withdraw_listing
from marketplace.services.records import refresh_records
from marketplace.tasks import refresh_all
from portfolios.models import EquitySnapshot, Portfolio, SnapshotGrain
from portfolios.services.cash import deposit
from portfolios.services.equity import take_snapshots
from tests.fixtures_desk import NOON, Desk
from trading.copy_terms import TERMS_VERSION


def snapshot(portfolio: Portfolio, minute: int, equity: int, deposits: int = 1000, grain: str = "MINUTE") -> None:
    EquitySnapshot.objects.create(
        portfolio=portfolio,
        grain=grain,
        at=NOON + timedelta(minutes=minute),
        equity=Decimal(equity),
        net_deposits=Decimal(deposits),
    )


@pytest.fixture
def led(desk: Desk, alice: User) -> Portfolio:
    return desk.portfolio(alice, 1000)


def record() -> tuple[float, float, datetime | None]:
    kept = TrackRecord.objects.get()
    return round(kept.return_ratio, 9), round(kept.max_drawdown_ratio, 9), kept.as_of


def test_history_before_the_listing_counts(alice: User, led: Portfolio) -> None:
    for minute, equity in enumerate([1000, 800, 1200]):
        snapshot(led, minute, equity)
    publish_listing(owner=alice, portfolio=led, title="Late")
    assert record() == (0.2, 0.2, NOON + timedelta(minutes=2))


def test_a_snapshot_counts_once_whatever_its_grains(alice: User, led: Portfolio) -> None:
    publish_listing(owner=alice, portfolio=led, title="Steady")
    snapshot(led, 0, 1100)
    snapshot(led, 0, 1100, grain=SnapshotGrain.HOUR)
    assert refresh_records() == 1
    assert refresh_records() == 0
    snapshot(led, 1, 1210)
    refresh_all()
    assert record() == (0.21, 0.0, NOON + timedelta(minutes=1))


def test_money_paid_in_is_no_return(alice: User, desk: Desk, led: Portfolio) -> None:
    publish_listing(owner=alice, portfolio=led, title="Steady")
    for minute in (0, 1):
        deposit(actor=alice, portfolio=led, amount=Decimal(500))
        take_snapshots(namespace=desk.namespace, at=NOON + timedelta(minutes=minute))
        refresh_records()
    kept = TrackRecord.objects.get()
    assert (kept.return_ratio, kept.equity, kept.net_deposits) == (0.0, Decimal(2000), Decimal(2000))


def test_a_withdrawn_listings_record_goes_on(alice: User, led: Portfolio) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="Steady")
    withdraw_listing(actor=alice, listing=listing)
    snapshot(led, 0, 500)
    refresh_records()
    assert record()[:2] == (-0.5, 0.5)


def test_others_snapshots_do_not_count(alice: User, desk: Desk, led: Portfolio) -> None:
    publish_listing(owner=alice, portfolio=led, title="Steady")
    snapshot(desk.portfolio(alice, 1000, name="Other"), 0, 5000)
    assert refresh_records() == 0
    assert record() == (0.0, 0.0, None)


def test_open_pages_hear_of_a_record_that_changed(
    alice: User, bob: User, desk: Desk, led: Portfolio, django_capture_on_commit_callbacks: Any
) -> None:
    listing = publish_listing(owner=alice, portfolio=led, title="Steady")
    follow_listing(
        follower=bob,
        accepted_terms=TERMS_VERSION,
        listing=listing,
        source=desk.portfolio(bob),
        amount=Decimal(1234),
        multiplier=Decimal(1),
    )
    snapshot(led, 0, 1300)
    snapshot(led, 1, 1170)
    with bus().listen(CHANNEL) as heard:
        with django_capture_on_commit_callbacks(execute=True):
            refresh_records(listing_ids=[listing.pk])
        received = heard.get(5)
    assert received == (
        CHANNEL,
        [
            [
                f"listing:{listing.pk}",
                {
                    "cells": {
                        "return": "+17.00%",
                        "drawdown": "10.00%",
                        "followers": "1",
                        "copied": "1.23K USDT",
                        "equity": "1,170.00 USDT",
                    },
                    "series": {"equity": {"time": int(NOON.timestamp()) + 60, "value": 1170.0}},
                },
            ]
        ],
    )
