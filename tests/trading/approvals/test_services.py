"""Roles, lent rights and second persons around one portfolio: what each may do, and what stays undone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.teams.models import Membership, Permission, Role, Workspace
from accounts.teams.services import change_role, remove_member
from common import clock
from common.clock import wall_now
from common.errors import DomainError
from portfolios.delegation_models import DelegationScope
from portfolios.models import Portfolio
from portfolios.selectors import portfolio_for_user, portfolios_of
from portfolios.services.books import lock_portfolios
from portfolios.services.cash import transfer
from portfolios.services.sharing import end_due_delegations, lend, take_from_workspace
from portfolios.services.subaccounts import set_approval, set_sub_account
from tests.fixtures_trading import Pit
from trading.approvals import services
from trading.approvals.models import OrderApproval
from trading.approvals.services import approve, expire_approvals, reject
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order, Side
from trading.order_terms import OrderTerms
from trading.services.changing import modify_order
from trading.services.orders import place_hand_order


def _refused(code: str, act: Any, /, *given: Any, **facts: Any) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        act(*given, **facts)
    assert refusal.value.code == code
    return refusal.value


def _buy(pit: Pit, actor: User, quantity: int | str, key: str | None = None) -> Order:
    book = portfolio_for_user(actor, pit.lead.pk, Permission.TRADE)
    facts: dict[str, Any] = {"portfolio": book, "instrument": pit.instrument, "side": Side.BUY}
    return place_hand_order(actor=actor, quantity=Decimal(quantity), key=key, **facts)


def test_roles_open_a_portfolio_and_its_owner_has_no_more_than_a_role(
    pit: Pit, team: Workspace, bob: User, charlie: User
) -> None:
    assert _buy(pit, bob, 1).portfolio_id == pit.lead.pk
    assert portfolio_for_user(charlie, pit.lead.pk, Permission.VIEW) == pit.lead
    for act in (Permission.TRADE, Permission.MANAGE):
        assert _refused("ROLE_FORBIDS", portfolio_for_user, charlie, pit.lead.pk, act).status == 403
    mine = team.memberships.get(user=pit.alice)
    Membership.objects.filter(pk=mine.pk).update(role=Role.VIEWER)
    _refused("ROLE_FORBIDS", portfolio_for_user, pit.alice, pit.lead.pk)
    assert list(portfolios_of(bob)) == [pit.lead]


def test_a_role_that_is_taken_away_counts_at_the_next_request(pit: Pit, team: Workspace, bob: User) -> None:
    theirs, orders = team.memberships.get(user=bob), Order.objects.count()
    client = Client()
    client.force_login(bob)
    page, place = f"/portfolios/{pit.lead.pk}/", f"/portfolios/{pit.lead.pk}/orders/place/"
    assert client.get(page).status_code == 200
    order = {"instrument": str(pit.instrument.pk), "side": "BUY", "quantity": "1", "key": "once"}
    change_role(actor=pit.alice, membership=theirs, role=Role.VIEWER)
    assert (client.get(page).status_code, client.post(place, order).status_code) == (200, 403)
    remove_member(actor=pit.alice, membership=theirs)
    assert (client.get(page).status_code, client.post(place, order).status_code) == (404, 404)
    assert Order.objects.count() == orders


def test_whoever_answers_for_a_workspaces_portfolio_stays_until_it_is_taken_out(
    pit: Pit, team: Workspace, bob: User
) -> None:
    Membership.objects.filter(user=bob).update(role=Role.OWNER)
    mine = team.memberships.get(user=pit.alice)
    _refused("HOLDS_PORTFOLIOS", remove_member, actor=bob, membership=mine)
    take_from_workspace(actor=bob, portfolio=pit.lead)
    remove_member(actor=bob, membership=mine)
    assert portfolio_for_user(pit.alice, pit.lead.pk) == pit.lead
    _refused("NOT_FOUND", portfolio_for_user, bob, pit.lead.pk, Permission.VIEW)


def test_what_is_lent_ends_by_itself(pit: Pit, bob: User, charlie: User) -> None:
    until = wall_now() + timedelta(hours=1)
    facts: dict[str, Any] = {
        "actor": pit.alice,
        "portfolio": pit.lead,
        "handle": "@bob",
        "scope": DelegationScope.TRADE,
    }
    lend(ends_at=until, **facts)
    _refused("LENT_ALREADY", lend, ends_at=until, **facts)
    assert _buy(pit, bob, 1).portfolio_id == pit.lead.pk
    _refused("ROLE_FORBIDS", portfolio_for_user, bob, pit.lead.pk)
    _refused("NOT_FOUND", portfolio_for_user, charlie, pit.lead.pk, Permission.VIEW)
    clock.use_wall_clock(lambda: until)
    try:
        _refused("NOT_FOUND", portfolio_for_user, bob, pit.lead.pk, Permission.VIEW)
        assert (end_due_delegations(), end_due_delegations()) == (1, 0)
        _refused("END_INVALID", lend, ends_at=until, **facts)
    finally:
        clock.use_wall_clock(None)
    assert AuditEntry.objects.latest("pk").action == "portfolio.delegation_ended"


def test_an_open_above_the_limit_waits_and_is_placed_once_in_its_askers_name(
    pit: Pit, guarded: Portfolio, bob: User, charlie: User
) -> None:
    orders = Order.objects.count()
    assert _buy(pit, bob, 1).state == "PENDING"
    for _ in range(2):
        assert _refused("APPROVAL_WAITING", _buy, pit, bob, 2, "big").status == 202
    waiting = OrderApproval.objects.get()
    assert (waiting.requested_by, waiting.requested_role, waiting.value) == (bob, "trader", Decimal(200))
    _refused("SAME_PERSON", approve, actor=bob, approval=waiting)
    _refused("ROLE_FORBIDS", approve, actor=charlie, approval=waiting)
    assert Order.objects.count() == orders + 1
    (placed,) = approve(actor=pit.alice, approval=waiting)
    _refused("APPROVAL_DECIDED", approve, actor=pit.alice, approval=waiting)
    assert (placed.requested_quantity, placed.cause_id, Order.objects.count()) == (Decimal(2), "big", orders + 2)
    assert _buy(pit, bob, 2, "big") == placed
    told = AuditEntry.objects.get(action="order.placed", object_id=str(placed.pk))
    assert (told.actor, told.role, told.workspace_id) == (bob, "trader", guarded.workspace_id)
    assert AuditEntry.objects.get(action="approval.approved").actor == pit.alice


def test_what_is_turned_down_or_late_is_never_placed(pit: Pit, guarded: Portfolio, bob: User) -> None:
    orders = Order.objects.count()
    for key in ("no", "late", "gone"):
        _refused("APPROVAL_WAITING", _buy, pit, bob, 2, key)
    first, second, third = OrderApproval.objects.order_by("pk")
    assert reject(actor=pit.alice, approval=first).state == "REJECTED"
    Membership.objects.filter(user=bob).update(role=Role.VIEWER)
    _refused("REQUESTER_MAY_NOT_TRADE", approve, actor=pit.alice, approval=third)
    third.refresh_from_db()
    assert third.state == "WAITING"
    clock.use_wall_clock(lambda: third.expires_at)
    try:
        _refused("APPROVAL_DECIDED", approve, actor=pit.alice, approval=second)
        assert (expire_approvals(), expire_approvals()) == (2, 0)
    finally:
        clock.use_wall_clock(None)
    assert Order.objects.count() == orders


def test_exits_pass_without_and_only_an_owner_loosens(pit: Pit, guarded: Portfolio, bob: User) -> None:
    with pit.working():
        for _ in range(2):
            _buy(pit, bob, 1)
    with pit.working():
        sold = place_hand_order(
            actor=bob, portfolio=guarded, instrument=pit.instrument, side=Side.SELL, quantity=Decimal(2)
        )
    sold.refresh_from_db()
    assert sold.state == "FILLED"
    Membership.objects.filter(user=bob).update(role=Role.ADMIN)
    _refused("OWNERS_ONLY", set_approval, actor=bob, portfolio=guarded, above=None)
    assert set_approval(actor=bob, portfolio=guarded, above=Decimal(100)).approval_above == 100
    # No column holds so little.
    _refused("LIMIT_INVALID", set_approval, actor=bob, portfolio=guarded, above=Decimal("1E-19"))


def test_a_sub_account_takes_no_more_than_its_parent_allows(pit: Pit) -> None:
    parent, child = (pit.portfolio(pit.alice, amount, name) for name, amount in (("Parent", 1_000), ("Child", 100)))
    facts: dict[str, Any] = {"actor": pit.alice, "portfolio": child, "parent": parent}
    set_sub_account(max_capital=Decimal(300), max_capital_share=Decimal("0.2"), max_order_value=Decimal(150), **facts)
    move: dict[str, Any] = {"actor": pit.alice, "source": parent, "target": child}
    _refused("SUB_ACCOUNT_CAPITAL_LIMIT", transfer, amount=Decimal(201), **move)
    _refused("SUB_ACCOUNT_SHARE_LIMIT", transfer, amount=Decimal("120.01"), **move)
    transfer(amount=Decimal(120), **move)
    child.refresh_from_db()
    assert child.net_deposits == 220
    _refused("SUB_ACCOUNT_ORDER_LIMIT", pit.place, Side.BUY, 2, child)
    assert pit.place(Side.BUY, 1, child).state == "PENDING"
    _refused(
        "GROUP_TOO_DEEP", set_sub_account, actor=pit.alice, portfolio=parent, parent=pit.portfolio(pit.alice, 1, "X")
    )


def test_an_order_that_rests_is_not_changed_above_the_limit_and_may_always_become_smaller(
    pit: Pit, guarded: Portfolio, bob: User
) -> None:
    facts: dict[str, Any] = {"portfolio": guarded, "instrument": pit.instrument, "side": Side.BUY}
    good: dict[str, Any] = {"time_in_force": TimeInForce.GTC}
    trailing = OrderTerms(kind=OrderKind.TRAILING_STOP, trail_amount=Decimal(30), **good)
    low = OrderTerms(kind=OrderKind.LIMIT, limit_price=Decimal(60), **good)
    # Neither names a price near the market's, which is what both are worth.
    for terms in (trailing, low):
        with pit.working():
            one = place_hand_order(actor=bob, quantity=Decimal(1), terms=terms, **facts)
        _refused("APPROVAL_NEEDED", modify_order, actor=bob, order=one, quantity=Decimal(2))
        one.refresh_from_db()
        assert (one.quantity, one.state) == (1, "OPEN")
    _refused("APPROVAL_WAITING", place_hand_order, actor=bob, quantity=Decimal(3), terms=low, **facts)
    with pit.working():
        (big,) = approve(actor=pit.alice, approval=OrderApproval.objects.get())
    assert modify_order(actor=bob, order=big, quantity=Decimal(2)).quantity == 2
    _refused("APPROVAL_NEEDED", modify_order, actor=bob, order=big, quantity=Decimal("2.5"))


def test_of_two_that_ask_at_once_with_one_key_both_get_the_first(
    pit: Pit, guarded: Portfolio, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lock_portfolios

    def come_second(ids: Any) -> Any:
        """Another's request has passed the lock while this one waited for it."""
        monkeypatch.setattr(services, "lock_portfolios", first)
        _refused("APPROVAL_WAITING", _buy, pit, bob, 2, "big")
        return first(ids)

    monkeypatch.setattr(services, "lock_portfolios", come_second)
    refusal = _refused("APPROVAL_WAITING", _buy, pit, bob, 2, "big")
    assert refusal.context["approval"] == str(OrderApproval.objects.get().pk)
