"""Rules 36 and 39: raises with notice and for new profit only; what a record must be before it counts, or shares."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from common.errors import DomainError
from marketplace.models import Listing, ListingFacts, Offer, ShareRaise
from marketplace.publishing.content import Content
from marketplace.publishing.gate import check_share_allowed
from marketplace.publishing.record import execution_of
from marketplace.publishing.services.facts import refresh_facts
from marketplace.services.listings import publish_listing, update_listing
from portfolios.models import EquitySnapshot, Portfolio, PortfolioKind, SnapshotGrain
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import NOON
from tests.fixtures_past import ema_cross
from tests.fixtures_trading import Pit, plain
from trading.copy_accounts.models import ProfitShareAccount, ProfitShareSettlement
from trading.copy_accounts.services.settling import open_account, settle_due
from trading.models import Fill, Follow

D = Decimal
SAID: dict[str, Any] = {"risks": "It may lose.", "conflicts": "None.", "has_own_money": True}


@pytest.fixture
def listing(pit: Pit) -> Listing:
    return publish_listing(owner=pit.alice, portfolio=pit.lead, title="Steady")


@pytest.fixture
def follow(pit: Pit, bob: User, listing: Listing) -> Follow:
    """Bob follows with 1,000 USDT, a tenth of alice's 10,000, for a tenth of his profit."""
    started = pit.follow(bob)
    open_account(follow=started)
    return started


def gain(pit: Pit, at: timedelta) -> None:
    """Let the lead earn 500 (and bob 50) until a moment after NOON."""
    pit.price(100)
    pit.buy(10)
    pit.desk.step({pit.instrument: 150}, NOON + at)
    pit.sell(10)


def settled(pit: Pit, at: timedelta) -> list[tuple[str, str, str, str]]:
    """Let market time come so far, settle, and return all settlements: cause, ratio, profit, due."""
    pit.desk.step({pit.instrument: 100}, NOON + at)
    settle_due(namespace=pit.desk.namespace, until=NOON + at)
    rows = ProfitShareSettlement.objects.order_by("number")
    return [(one.cause, plain(one.ratio), plain(one.profit), plain(one.due)) for one in rows]


def test_rule_36_a_raise_waits_14_days_and_takes_of_new_profit_only(
    pit: Pit, bob: User, listing: Listing, follow: Follow
) -> None:
    update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.2"))
    account = ProfitShareAccount.objects.get()
    notice = NOON + timedelta(days=14)
    assert (account.ratio, account.next_ratio, account.next_ratio_at) == (D("0.1"), D("0.2"), notice)
    told = Notification.objects.get(user=bob, event="listing.share_raised").context
    assert (told["share"], told["effective_at"]) == ("20.00%", "16 March 2026, 12:00 UTC")
    page = Client().get(reverse("marketplace:detail", args=[listing.pk])).content.decode()
    assert "20.00%" in page and "16 Mar 2026" in page
    # 50 within the notice, settled at the old share up to its last moment, though its week ends later.
    gain(pit, timedelta(days=13))
    weeks = [("WEEK", "0.1", "50", "5")]
    assert settled(pit, timedelta(days=13, hours=23))[-1:] in (weeks, [])
    at_the_end = settled(pit, timedelta(days=14))
    assert at_the_end[-1][:3] == ("SHARE", "0.1", "50")
    assert sum(D(due) for *_, due in at_the_end) == 5
    account.refresh_from_db()
    assert (account.ratio, account.next_ratio, account.next_ratio_at) == (D("0.2"), None, None)
    gain(pit, timedelta(days=15))
    assert settled(pit, timedelta(days=22))[-1] == ("WEEK", "0.2", "100", "10")


def test_rule_36_a_raise_that_was_announced_is_off_when_the_share_is_lowered_at_once(
    pit: Pit, listing: Listing, follow: Follow
) -> None:
    update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.2"))
    gain(pit, timedelta(days=1))
    update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.05"))
    assert settled(pit, timedelta(days=1)) == [("SHARE", "0.1", "50", "5")]
    account = ProfitShareAccount.objects.get()
    assert (account.ratio, account.next_ratio) == (D("0.05"), None)
    assert [one.is_off for one in ShareRaise.objects.all()] == [True]
    gain(pit, timedelta(days=15))
    assert settled(pit, timedelta(days=21))[-1] == ("WEEK", "0.05", "100", "2.5")


def test_rule_36_whoever_begins_after_the_raise_begins_with_it(pit: Pit, listing: Listing, follow: Follow) -> None:
    update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.2"))
    listing.refresh_from_db()
    assert listing.profit_share_ratio == D("0.2")


def test_rule_39_a_short_record_shows_unproven_and_a_long_one_does_not(pit: Pit, listing: Listing) -> None:
    address = reverse("marketplace:detail", args=[listing.pk])

    def shown() -> tuple[int, int, bool, bool]:
        refresh_facts(listing_id=listing.pk)
        facts = ListingFacts.objects.get()
        return (
            facts.record_days,
            facts.closed_trades,
            facts.is_proven,
            "Unproven" in Client().get(address).content.decode(),
        )

    for _ in range(20):
        pit.buy(1)
        pit.sell(1)
    assert shown() == (0, 20, False, True)
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(days=30))
    assert shown() == (30, 20, True, False)


def test_rule_39_real_money_shares_from_90_days_of_record_on(pit: Pit, listing: Listing) -> None:
    pit.buy(1)
    pit.lead.kind = PortfolioKind.LIVE
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(days=89))
    with pytest.raises(DomainError) as refused:
        check_share_allowed(pit.lead, Content(profit_share_ratio=D("0.1")))
    assert refused.value.code == "PROFIT_SHARE_NEEDS_RECORD"
    assert refused.value.context == {"field": "profit_share", "days": 89, "needed": 90}
    check_share_allowed(pit.lead, Content(profit_share_ratio=D(0)))
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(days=90))
    check_share_allowed(pit.lead, Content(profit_share_ratio=D("0.1")))


def test_rule_39_every_way_to_publish_real_money_asks_for_the_90_days(pit: Pit) -> None:
    pit.buy(1)
    Portfolio.objects.filter(pk=pit.lead.pk).update(kind=PortfolioKind.LIVE)
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(days=89))
    pit.lead.refresh_from_db()
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=pit.alice, portfolio=pit.lead, title="Early", profit_share_ratio=D("0.1"), **SAID)
    assert (refused.value.code, Listing.objects.count()) == ("PROFIT_SHARE_NEEDS_RECORD", 0)
    # Who names no share asks for none, and may not raise it before.
    listing = publish_listing(owner=pit.alice, portfolio=pit.lead, title="Early", **SAID)
    assert listing.profit_share_ratio == 0
    with pytest.raises(DomainError) as refused:
        update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.1"))
    assert refused.value.code == "PROFIT_SHARE_NEEDS_RECORD"
    pit.desk.step({pit.instrument: 100}, NOON + timedelta(days=90))
    update_listing(actor=pit.alice, listing=listing, profit_share_ratio=D("0.1"))
    listing.refresh_from_db()
    assert listing.profit_share_ratio == D("0.1")


def test_rule_39_a_lead_must_carry_out_the_strategys_signals(pit: Pit) -> None:
    version = save_strategy(
        owner=pit.alice, name="Cross", instruments=[pit.instrument], timeframe="5m", face=ema_cross(2, 3, share="0.1")
    )
    start_run(actor=pit.alice, version=version, portfolio=pit.lead)
    wave = [100, 103, 106, 103, 99, 96]
    for close in wave * 7:
        with pit.working():
            pit.desk.close_candles(pit.instrument, [close])
    done = execution_of(pit.lead, version)
    assert done.wished >= 10 and done.executed == done.wished
    # Somebody took the orders of two in ten away.
    lost = Fill.objects.filter(portfolio=pit.lead).order_by("number")[: done.wished // 5 + 1]
    for fill in lost:
        fill.order.__class__.objects.filter(pk=fill.order_id).update(filled_quantity=D(0))
    offered: dict[str, Any] = {"offer": Offer.STRATEGY, "version_id": version.pk, **SAID}
    with pytest.raises(DomainError) as refused:
        publish_listing(owner=pit.alice, portfolio=pit.lead, title="Cross", **offered)
    assert refused.value.code == "SIGNALS_NOT_EXECUTED"
    assert f"of {done.wished} signals of Cross v1" in refused.value.message


def test_a_risk_class_is_computed_from_the_record(pit: Pit, listing: Listing) -> None:
    for day in range(40):
        EquitySnapshot.objects.create(
            portfolio=pit.lead,
            grain=SnapshotGrain.DAY,
            at=NOON + timedelta(days=day),
            equity=D(10_000 if day % 2 else 10_100),
            net_deposits=D(10_000),
        )
    facts = refresh_facts(listing_id=listing.pk)
    assert facts is not None
    figures = facts.risk_figures["figures"]
    assert (figures["days"], round(figures["volatility"], 2), facts.risk_class) == (39, 0.19, 2)
