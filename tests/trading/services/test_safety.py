"""The switches: what is halted opens nothing, what was not sent is taken back, and exits pass."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import AuditEntry, User
from common import clock
from common.errors import DomainError
from tests.fixtures_trading import Pit, everything_stored, failed_checks, plain
from trading import tasks
from trading.follow_models import StopMode
from trading.models import (
    CauseKind,
    FollowPosition,
    Leg,
    Order,
    OrderEvent,
    OrderState,
    SafetyLevel,
    SafetySwitch,
    ScopeKind,
    Side,
)
from trading.selectors import platform_level
from trading.services.execution import claim_orders, execute_pending
from trading.services.follows import stop_follow
from trading.services.reconciliation import resolve_abandoned
from trading.services.safety import halt_platform, resume_platform, set_safety

PLATFORM = ScopeKind.PLATFORM
HALTED, REDUCING, ACTIVE = SafetyLevel.HALTED, SafetyLevel.REDUCING, SafetyLevel.ACTIVE


def refused(actor: User, scope: ScopeKind, scope_id: str) -> str:
    before = list(SafetySwitch.objects.values()), AuditEntry.objects.count()
    with pytest.raises(DomainError) as refusal:
        set_safety(actor=actor, scope=scope, scope_id=scope_id, level=HALTED, reason="drill")
    assert (list(SafetySwitch.objects.values()), AuditEntry.objects.count()) == before
    return refusal.value.code


# --- the switch -----------------------------------------------------------------------------------------------------
def test_the_platform_is_halted_and_resumed_by_an_operator(operator: User) -> None:
    assert platform_level() == ACTIVE
    halt_platform(actor=operator, reason="prices look wrong")
    switch = SafetySwitch.objects.get()
    assert (switch.scope, switch.scope_id, switch.level, switch.reason) == (PLATFORM, "", HALTED, "prices look wrong")
    assert (switch.set_by, platform_level()) == (operator, HALTED)
    resume_platform(actor=operator)
    assert (SafetySwitch.objects.get().level, platform_level()) == (ACTIVE, ACTIVE)
    entries = AuditEntry.objects.filter(action="safety.set").order_by("pk")
    assert [(entry.actor, entry.before, entry.after) for entry in entries] == [
        (operator, {"level": "ACTIVE"}, {"level": "HALTED", "reason": "prices look wrong"}),
        (operator, {"level": "HALTED"}, {"level": "ACTIVE", "reason": ""}),
    ]


def test_only_operators_may(alice: User, operator: User) -> None:
    halt_platform(actor=operator, reason="drill")
    assert refused(alice, PLATFORM, "") == "OPERATORS_ONLY"
    with pytest.raises(DomainError):
        resume_platform(actor=alice)
    assert platform_level() == HALTED


@pytest.mark.parametrize("scope", [ScopeKind.PORTFOLIO, ScopeKind.USER, ScopeKind.FOLLOW])
def test_owners_switch_their_own_and_strangers_do_not(pit: Pit, bob: User, charlie: User, scope: ScopeKind) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    key = scopes_of(pit, Order.objects.select_related("follow", "portfolio").get(follow=follow))[scope]
    assert refused(charlie, scope, key) == "OPERATORS_ONLY"
    # Nor the lead, of whoever follows.
    assert refused(pit.alice, scope, key) == "OPERATORS_ONLY"
    set_safety(actor=bob, scope=scope, scope_id=key, level=HALTED, reason="")
    pit.buy(10)
    assert pit.orders(follow)[1] == (Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "TRADING_HALTED")
    set_safety(actor=bob, scope=scope, scope_id=key, level=ACTIVE, reason="")
    pit.buy(10)
    assert pit.held(follow) == "2"


@pytest.mark.parametrize("scope", [PLATFORM, ScopeKind.VENUE, ScopeKind.LEAD, ScopeKind.STRATEGY])
def test_other_scopes_are_the_operators(pit: Pit, scope: ScopeKind) -> None:
    keys = {PLATFORM: "", ScopeKind.VENUE: pit.desk.exchange.code, ScopeKind.LEAD: str(pit.lead.pk)}
    assert refused(pit.alice, scope, keys.get(scope, "some-strategy")) == "OPERATORS_ONLY"


def test_what_an_operator_halted_its_owner_may_only_make_stricter(pit: Pit, operator: User) -> None:
    mine = {"scope": ScopeKind.PORTFOLIO, "scope_id": str(pit.lead.pk), "reason": ""}
    set_safety(actor=operator, level=REDUCING, **mine)  # type: ignore[arg-type] # by name
    with pytest.raises(DomainError) as refusal:
        set_safety(actor=pit.alice, level=ACTIVE, **mine)  # type: ignore[arg-type] # by name
    assert (refusal.value.code, SafetySwitch.objects.get().level) == ("HALTED_BY_OPERATOR", REDUCING)
    set_safety(actor=pit.alice, level=HALTED, **mine)  # type: ignore[arg-type] # by name
    # Stricter by her hand, and still not hers to undo.
    with pytest.raises(DomainError) as refusal:
        set_safety(actor=pit.alice, level=ACTIVE, **mine)  # type: ignore[arg-type] # by name
    assert (refusal.value.code, SafetySwitch.objects.get().level) == ("HALTED_BY_OPERATOR", HALTED)
    set_safety(actor=operator, level=ACTIVE, **mine)  # type: ignore[arg-type] # by name
    assert SafetySwitch.objects.get().level == ACTIVE


def test_a_halt_takes_back_five_hundred_queued_opens_within_a_second(pit: Pit, operator: User) -> None:
    pit.crowd(500)
    cause = pit.fan_out(Side.BUY, 10)
    began = clock.monotonic()
    halt_platform(actor=operator, reason="drill")
    took = clock.monotonic() - began
    states = Order.objects.filter(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause).values_list("state", "code")
    assert list(states) == [(OrderState.CANCELED, "TRADING_HALTED")] * 500
    assert took < 1


@pytest.mark.parametrize(
    ("scope", "key"), [(PLATFORM, "x"), (ScopeKind.USER, ""), (ScopeKind.VENUE, ""), (ScopeKind.PORTFOLIO, "x")]
)
def test_a_scope_is_named_with_its_object(operator: User, scope: ScopeKind, key: str) -> None:
    assert refused(operator, scope, key) == "SCOPE_INVALID"


# --- what it does ---------------------------------------------------------------------------------------------------
def scopes_of(pit: Pit, order: Order) -> dict[ScopeKind, str]:
    assert order.follow is not None
    return {
        ScopeKind.PLATFORM: "",
        ScopeKind.VENUE: pit.desk.exchange.code,
        ScopeKind.USER: str(order.portfolio.owner_id),
        ScopeKind.PORTFOLIO: str(order.portfolio_id),
        ScopeKind.LEAD: str(order.follow.lead_id),
        ScopeKind.FOLLOW: str(order.follow_id),
    }


@pytest.mark.parametrize("scope", list(ScopeKind.__members__.values()))
@pytest.mark.parametrize("level", [HALTED, REDUCING])
def test_each_scope_denies_opens_of_its_own_and_lets_exits_pass(
    pit: Pit, bob: User, charlie: User, operator: User, scope: ScopeKind, level: SafetyLevel
) -> None:
    mine, other = pit.follow(bob), pit.follow(charlie)
    pit.buy(10)
    order = Order.objects.select_related("follow", "portfolio").get(follow=mine)
    key = scopes_of(pit, order).get(scope, "some-strategy")
    cause = pit.fan_out(Side.BUY, 10)
    set_safety(actor=operator, scope=scope, scope_id=key, level=level, reason="drill")
    execute_pending(cause_kind=CauseKind.LEAD_EVENT, cause_id=cause)
    pit.sell(10)
    denied = {HALTED: OrderState.CANCELED, REDUCING: OrderState.DENIED}[level]
    shared = scope in (PLATFORM, ScopeKind.VENUE, ScopeKind.LEAD)
    touched = [mine, other] if shared else [mine] if scope != ScopeKind.STRATEGY else []
    for follow in (mine, other):
        opened = pit.orders(follow)[1]
        if follow in touched:
            assert opened == (Side.BUY, Leg.OPEN, denied, "0", f"TRADING_{level}")
            assert pit.held(follow) == "0.5"
        else:
            assert opened == (Side.BUY, Leg.OPEN, OrderState.FILLED, "1", "")
            assert pit.held(follow) == "1"
    assert failed_checks() == {}


def test_the_strictest_of_an_orders_scopes_rules(pit: Pit, operator: User) -> None:
    owner = str(pit.alice.pk)
    for level, key in [(REDUCING, str(pit.lead.pk)), (ACTIVE, "")]:
        scope = ScopeKind.PORTFOLIO if key else PLATFORM
        set_safety(actor=operator, scope=scope, scope_id=key, level=level, reason="")
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, 1)
    assert refusal.value.code == "TRADING_REDUCING"
    set_safety(actor=operator, scope=ScopeKind.USER, scope_id=owner, level=HALTED, reason="")
    with pytest.raises(DomainError) as refusal:
        pit.place(Side.BUY, 1)
    assert refusal.value.code == "TRADING_HALTED"


# --- what was not sent ----------------------------------------------------------------------------------------------
def test_a_halt_takes_back_every_open_that_was_not_sent_and_what_follows_aimed_at(
    pit: Pit, bob: User, operator: User
) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    causes = [pit.fan_out(Side.BUY, quantity) for quantity in (3, 2)]
    aim = FollowPosition.objects.get(follow=follow)
    assert plain(aim.target) == "1.5"
    halt_platform(actor=operator, reason="drill")
    aim.refresh_from_db()
    assert plain(aim.target) == "1"
    taken_back = Order.objects.filter(cause_id__in=causes)
    assert {(order.state, order.code) for order in taken_back} == {(OrderState.CANCELED, "TRADING_HALTED")}
    events = OrderEvent.objects.filter(order__in=taken_back)
    assert [(event.state, event.code) for event in events] == [(OrderState.CANCELED, "TRADING_HALTED")] * 2
    resume_platform(actor=operator)
    with pit.working():
        for cause in causes:
            tasks.execute_orders(CauseKind.LEAD_EVENT, cause)
    assert pit.held(follow) == "1"
    assert failed_checks() == {}


def test_a_halt_leaves_exits_and_what_is_under_way_alone(pit: Pit, bob: User, charlie: User, operator: User) -> None:
    first, second = pit.follow(bob), pit.follow(charlie)
    pit.buy(10)
    cause = pit.fan_out(Side.BUY, 10)
    claim_orders(Order.objects.filter(cause_id=cause, follow=first))
    exits = pit.fan_out(Side.SELL, 5)
    halt_platform(actor=operator, reason="drill")
    with pit.working():
        resolve_abandoned(older_than_seconds=0)
        tasks.execute_orders(CauseKind.LEAD_EVENT, exits)
    # The first one's open was sent; a quarter of what each then held is closed.
    assert pit.orders(first)[1:] == [
        (Side.BUY, Leg.OPEN, OrderState.FILLED, "1", ""),
        (Side.SELL, Leg.CLOSE, OrderState.FILLED, "0.5", ""),
    ]
    assert pit.orders(second)[1:] == [
        (Side.BUY, Leg.OPEN, OrderState.CANCELED, "0", "SUPERSEDED"),
        (Side.SELL, Leg.CLOSE, OrderState.FILLED, "0.25", ""),
    ]
    assert failed_checks() == {}


def test_reducing_takes_nothing_back(pit: Pit, bob: User, operator: User) -> None:
    pit.follow(bob)
    pit.fan_out(Side.BUY, 10)
    before = everything_stored()
    set_safety(actor=operator, scope=PLATFORM, scope_id="", level=REDUCING, reason="")
    assert everything_stored() == before


def test_a_follow_is_closed_while_everything_is_halted(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    pit.buy(10)
    halt_platform(actor=operator, reason="drill")
    with pit.working():
        stop_follow(actor=bob, follow=follow, mode=StopMode.CLOSE_NOW)
    assert (pit.held(follow), pit.cash(follow)) == ("0", "1000")
    pit.sell(10)
    assert pit.held(pit.lead) == "0"


def test_copies_made_during_a_halt_are_denied_one_by_one_with_their_reason(pit: Pit, bob: User, operator: User) -> None:
    follow = pit.follow(bob)
    order = pit.place(Side.BUY, 10)
    execute_pending(cause_kind=order.cause_kind, cause_id=order.cause_id)
    halt_platform(actor=operator, reason="drill")
    with pit.working():
        tasks.fan_out(str(pit.lead.pk))
    assert pit.orders(follow) == [(Side.BUY, Leg.OPEN, OrderState.DENIED, "0", "TRADING_HALTED")]
    assert FollowPosition.objects.get(follow=follow).target == Decimal(0)
    assert failed_checks() == {}
