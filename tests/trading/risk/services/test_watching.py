"""The watch over what is open: a broken limit lets only exits pass, is told once, and ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Notification, User
from accounts.registry import describe
from common.bus import bus
from common.errors import DomainError
from markets.prices import board_name
from portfolios.services.cash import deposit, withdraw
from tests.fixtures_trading import Pit, failed_checks
from trading.models import SafetyLevel, SafetySwitch, ScopeKind, Side
from trading.risk.ladder import RiskLadder
from trading.risk.models import RiskState
from trading.risk.services.profiles import drop_limits, set_limits
from trading.risk.services.watching import watch_all, watch_namespace
from trading.services.safety import set_safety
from trading.tasks import watch_risk
from trading.trigger_engine import TriggerEngine

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def limit(pit: Pit, **limits: object) -> None:
    set_limits(actor=pit.alice, portfolio=pit.lead, limits=limits)


def switch(pit: Pit) -> tuple[str, str] | None:
    found = SafetySwitch.objects.filter(scope=ScopeKind.PORTFOLIO, scope_id=str(pit.lead.pk)).first()
    return (found.level, found.code) if found else None


def refused(pit: Pit) -> str:
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, 1)
    return refusal.value.code


@pytest.fixture
def losing(pit: Pit) -> Pit:
    """Alice holds fifty at 100 and may lose a tenth of ten thousand in a day."""
    limit(pit, max_daily_loss="0.1")
    pit.buy(50)
    return pit


def test_nothing_happens_until_a_limit_is_reached(losing: Pit) -> None:
    losing.price("80.01")
    assert watch_namespace(namespace=losing.desk.namespace) == []
    assert switch(losing) is None
    losing.price(80)
    assert watch_namespace(namespace=losing.desk.namespace) == [losing.lead.pk]
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")


def test_a_broken_limit_lets_only_exits_pass_and_its_owner_is_told_once(losing: Pit) -> None:
    losing.price(80)
    for _ in range(3):
        watch_risk()
    assert refused(losing) == "TRADING_REDUCING"
    losing.sell(10)
    assert losing.held(losing.lead) == "40"
    note = Notification.objects.get(event="risk.paused")
    words = describe(note.event, note.context)
    assert (note.user, words.title) == (losing.alice, "Lead opens nothing new")
    assert words.body == (
        "Today's loss has reached its limit; nothing new opens before midnight UTC. It goes on by itself at"
        " 2026-03-03 00:00 UTC. What it holds is still yours to sell."
    )
    assert words.url == f"/portfolios/{losing.lead.pk}/risk/"
    entry = AuditEntry.objects.get(action="risk.paused")
    assert entry.actor is None
    assert entry.after == {"level": "REDUCING", "code": "DAILY_LOSS_LIMIT", "value": "1000", "limit": "1000"}
    assert failed_checks() == {}


def test_it_ends_by_itself(losing: Pit) -> None:
    losing.price(80)
    watch_all()
    losing.desk.step({losing.instrument: 80}, MIDNIGHT - timedelta(seconds=1))
    watch_all()
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")
    losing.desk.step({losing.instrument: 80}, MIDNIGHT)
    # Nobody has come by yet: what is over counts no more.
    assert losing.place(Side.BUY, 1).code == ""
    watch_all()
    assert switch(losing) == ("ACTIVE", "")
    assert AuditEntry.objects.filter(action="risk.resumed").count() == 1


def test_after_a_drawdown_and_its_cool_down_the_height_counts_anew(pit: Pit) -> None:
    limit(pit, max_drawdown="0.1", pause_minutes="60")
    pit.buy(50)
    pit.price(120)
    watch_all()
    assert RiskState.objects.get().peak_equity == 11_000
    pit.price(98)
    watch_all()
    assert switch(pit) == ("REDUCING", "DRAWDOWN_LIMIT")
    pit.desk.step({pit.instrument: 98}, pit.desk.at + timedelta(minutes=60))
    watch_all()
    assert switch(pit) == ("ACTIVE", "")
    assert RiskState.objects.get().peak_equity == 9_900
    assert pit.place(Side.BUY, 1).code == ""


def test_money_that_comes_or_goes_breaks_nothing(losing: Pit) -> None:
    withdraw(actor=losing.alice, portfolio=losing.lead, amount=Decimal(4_000))
    watch_all()
    assert switch(losing) is None
    assert RiskState.objects.get().day_equity == 6_000
    deposit(actor=losing.alice, portfolio=losing.lead, amount=Decimal(6_000))
    losing.price(76)
    watch_all()
    # 1,200 of 12,000.
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")


def test_a_halt_of_the_owners_stays_as_strict_as_it_is(losing: Pit) -> None:
    key = str(losing.lead.pk)
    set_safety(actor=losing.alice, scope=ScopeKind.PORTFOLIO, scope_id=key, level=SafetyLevel.HALTED, reason="")
    losing.price(50)
    watch_all()
    assert switch(losing) == ("HALTED", "")
    assert Notification.objects.filter(event="risk.paused").count() == 0


def test_its_owner_waits_or_changes_the_limit(losing: Pit) -> None:
    losing.price(80)
    watch_all()
    key = str(losing.lead.pk)
    with pytest.raises(DomainError) as refusal:
        set_safety(actor=losing.alice, scope=ScopeKind.PORTFOLIO, scope_id=key, level=SafetyLevel.ACTIVE, reason="")
    assert refusal.value.code == "PAUSED_BY_LIMIT"
    limit(losing, max_daily_loss="0.05")
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")
    limit(losing, max_daily_loss="0.2")
    assert switch(losing) == ("ACTIVE", "")
    entry = AuditEntry.objects.filter(action="risk.changed").order_by("-pk")[0]
    assert entry.after == {"profile": "CUSTOM", "limits": {"max_daily_loss": "0.2"}, "loosened": ["max_daily_loss"]}


def test_limits_that_are_taken_off_take_their_pause_with_them(losing: Pit) -> None:
    losing.price(80)
    watch_all()
    drop_limits(actor=losing.alice, portfolio=losing.lead)
    assert switch(losing) == ("ACTIVE", "")
    assert RiskState.objects.count() == 0


def test_a_price_that_nobody_knows_breaks_nothing(losing: Pit) -> None:
    bus().board_drop(board_name(losing.desk.namespace))
    assert watch_namespace(namespace=losing.desk.namespace) == []
    assert switch(losing) is None


def test_a_price_that_is_old_still_counts(losing: Pit) -> None:
    losing.price(80)
    other = losing.desk.instrument("ETH")
    losing.desk.step({other: 1}, losing.desk.at + timedelta(minutes=5))
    assert watch_namespace(namespace=losing.desk.namespace) == [losing.lead.pk]


def test_many_portfolios_cost_as_many_statements_as_few(pit: Pit) -> None:
    follows = pit.crowd(12)
    for follow in follows:
        set_limits(actor=follow.follower, portfolio=follow.portfolio, limits={"max_daily_loss": "0.1"})

    def statements() -> int:
        with CaptureQueriesContext(connection) as found:
            watch_namespace(namespace=pit.desk.namespace)
        return len(found)

    many = statements()
    for follow in follows[2:]:
        drop_limits(actor=follow.follower, portfolio=follow.portfolio)
    assert statements() == many <= 10


# --- on every price -------------------------------------------------------------------------------------------------
def test_the_engine_meets_the_breaking_price_without_a_query_before_it(losing: Pit) -> None:
    engine = TriggerEngine(losing.desk.namespace)
    engine.look()
    with CaptureQueriesContext(connection) as found:
        engine.on_prices({losing.instrument.pk: Decimal("80.01")})
    assert len(found) == 0
    losing.price(80)
    engine.on_prices({losing.instrument.pk: Decimal(80)})
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")


def test_a_price_that_is_not_the_markets_any_more_breaks_nothing(losing: Pit) -> None:
    engine = TriggerEngine(losing.desk.namespace)
    engine.look()
    engine.on_prices({losing.instrument.pk: Decimal(10)})
    assert switch(losing) is None
    # And it is watched on.
    engine.look()
    losing.price(80)
    engine.on_prices({losing.instrument.pk: Decimal(80)})
    assert switch(losing) == ("REDUCING", "DAILY_LOSS_LIMIT")


def test_what_is_paused_or_holds_nothing_or_several_things_waits_for_no_price(losing: Pit, bob: User) -> None:
    ladder = RiskLadder(losing.desk.namespace)
    ladder.refresh()
    assert len(ladder._ladders[losing.instrument.pk]) == 1
    other = losing.desk.instrument("ETH", taker_fee_bps=Decimal(0))
    losing.price(100, other)
    losing.instrument, mine = other, losing.instrument
    losing.buy(1)
    losing.instrument = mine
    ladder.refresh()
    assert ladder._ladders == {}


def test_without_limits_a_refresh_asks_once(pit: Pit) -> None:
    pit.buy(10)
    with CaptureQueriesContext(connection) as found:
        RiskLadder(pit.desk.namespace).refresh()
    assert len(found) == 1
