"""Who has lost a role, or has only a small one, over a portfolio that they brought: what they knew and gave goes along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.privacy.models import Departure
from accounts.privacy.services.leaving import ask_to_leave
from accounts.selectors import access_credential
from accounts.teams.models import Membership, Permission, Role, Workspace
from accounts.teams.services import change_role, invite_member, remove_member, save_set
from common.clock import wall_now
from common.errors import DomainError
from common.realtime import interrupt
from portfolios.access import permissions_of
from portfolios.delegation_models import DelegationScope
from portfolios.models import Portfolio
from portfolios.selectors import portfolio_for_user
from portfolios.services import sharing
from portfolios.services.personal_data import erase_portfolios
from portfolios.services.sharing import give_to_workspace, lend, take_from_workspace
from tests.fixtures_trading import Pit
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order, SafetyLevel, ScopeKind, Side
from trading.order_terms import PLAIN, OrderTerms
from trading.risk.selectors import standing_of
from trading.services.closing import close_all
from trading.services.orders import place_hand_order
from trading.services.safety import set_safety
from trading.signals.models import SignalSource
from trading.signals.proof import secret_of
from trading.signals.services import create_source

LOW = OrderTerms(kind=OrderKind.LIMIT, limit_price=Decimal(60), time_in_force=TimeInForce.GTC)


def _refused(code: str, act: Any, /, **facts: Any) -> None:
    with pytest.raises(DomainError) as refusal:
        act(**facts)
    assert refusal.value.code == code


def _place(pit: Pit, actor: User, terms: OrderTerms = PLAIN) -> Order:
    book = portfolio_for_user(actor, pit.lead.pk, Permission.TRADE)
    facts: dict[str, Any] = {"portfolio": book, "instrument": pit.instrument, "side": Side.BUY, "terms": terms}
    with pit.working():
        placed = place_hand_order(actor=actor, quantity=Decimal(1), **facts)
    return Order.objects.get(pk=placed.pk)


def _lend(pit: Pit, actor: User, handle: str, scope: DelegationScope = DelegationScope.TRADE) -> Any:
    ends_at = wall_now() + timedelta(days=1)
    return lend(actor=actor, portfolio=pit.lead, handle=handle, scope=scope, ends_at=ends_at)


# --- what goes with a role ------------------------------------------------------------------------------------------
def _put_out(pit: Pit, theirs: Membership) -> None:
    remove_member(actor=pit.alice, membership=theirs)


def _made_trader(pit: Pit, theirs: Membership) -> None:
    change_role(actor=pit.alice, membership=theirs, role=Role.TRADER)


def _set_narrowed(pit: Pit, theirs: Membership) -> None:
    facts: dict[str, Any] = {"actor": pit.alice, "workspace": theirs.workspace, "name": "Keys"}
    keys = save_set(permissions=["manage_keys"], **facts)
    change_role(actor=pit.alice, membership=theirs, role=Role.TRADER, permission_set=keys)
    assert SignalSource.objects.get().is_on
    save_set(permissions=["trade"], held=keys, **facts)


def _taken_out(pit: Pit, theirs: Membership) -> None:
    take_from_workspace(actor=pit.alice, portfolio=pit.lead)


def _brought_back(pit: Pit, theirs: Membership) -> None:
    take_from_workspace(actor=pit.alice, portfolio=pit.lead)
    SignalSource.objects.update(is_on=True, version=1)
    give_to_workspace(actor=pit.alice, portfolio=pit.lead, workspace=theirs.workspace)


@pytest.mark.parametrize("lose", [_put_out, _made_trader, _set_narrowed, _taken_out, _brought_back])
def test_who_knew_a_sources_secret_makes_no_order_with_it(
    pit: Pit, team: Workspace, bob: User, lose: Callable[[Pit, Membership], None]
) -> None:
    theirs = team.memberships.get(user=bob)
    Membership.objects.filter(pk=theirs.pk).update(role=Role.ADMIN)
    source = create_source(actor=pit.alice, portfolio=pit.lead, name="Chart")
    known = secret_of(source)
    lose(pit, theirs)
    source.refresh_from_db()
    assert (source.is_on, source.version) == (False, 2)
    signal = {"secret": known, "time": wall_now().isoformat(), "action": "buy"}
    signal |= {"instrument": pit.instrument.symbol, "quantity": "1"}
    answer = Client().post(f"/api/v1/signals/{source.pk}/", signal, content_type="application/json")
    assert (answer.status_code, Order.objects.count()) == (401, 0)


def test_sources_stay_on_where_no_one_who_knew_them_lost_anything(pit: Pit, team: Workspace, bob: User) -> None:
    source = create_source(actor=pit.alice, portfolio=pit.lead, name="Chart")
    remove_member(actor=pit.alice, membership=team.memberships.get(user=bob))
    source.refresh_from_db()
    assert (source.is_on, source.version) == (True, 1)


def test_what_somebody_gave_by_a_role_ends_with_it(pit: Pit, team: Workspace, bob: User, charlie: User) -> None:
    theirs = team.memberships.get(user=bob)
    Membership.objects.filter(pk=theirs.pk).update(role=Role.ADMIN)
    given = invite_member(actor=bob, workspace=team, email="dora@example.org", role=Role.ADMIN)
    others = invite_member(actor=pit.alice, workspace=team, email="emil@example.org", role=Role.ADMIN)
    lent = _lend(pit, bob, "charlie")
    change_role(actor=pit.alice, membership=theirs, role=Role.TRADER)
    for one in (given, others, lent):
        one.refresh_from_db()
    assert (given.withdrawn_at is None, others.withdrawn_at) == (False, None)
    assert lent.ended_at is not None and lent.ended_at <= wall_now()
    to_charlie, to_bob = _lend(pit, pit.alice, "charlie"), _lend(pit, pit.alice, "bob", DelegationScope.VIEW)
    remove_member(actor=pit.alice, membership=team.memberships.get(user=charlie))
    assert permissions_of(charlie, pit.lead) == ("", frozenset())
    to_charlie.refresh_from_db()
    to_bob.refresh_from_db()
    assert (to_charlie.ended_at is None, to_bob.ended_at) == (False, None)


def test_a_loan_adds_to_a_role_and_is_named_where_it_adds(pit: Pit, team: Workspace, bob: User, charlie: User) -> None:
    pit.lead.refresh_from_db()
    _lend(pit, pit.alice, "charlie")
    _lend(pit, pit.alice, "bob", DelegationScope.VIEW)
    assert permissions_of(charlie, pit.lead) == ("delegate", frozenset({"view", "trade"}))
    assert permissions_of(bob, pit.lead) == ("trader", frozenset({"view", "trade", "follow"}))
    Membership.objects.filter(user=charlie).update(role=Role.ANALYST)
    assert permissions_of(charlie, pit.lead) == ("delegate", frozenset({"view", "trade", "audit"}))


def test_open_pages_of_whom_an_erased_person_had_lent_to_ask_anew(
    pit: Pit, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def hear(credential: str) -> None:
        heard.append(credential)
        interrupt(credential)

    lent = _lend(pit, pit.alice, "charlie")
    monkeypatch.setattr(sharing, "interrupt", hear)
    erase_portfolios(pit.alice)
    lent.refresh_from_db()
    assert heard == [access_credential(charlie.pk)]
    assert lent.ended_at is not None and lent.ended_at < lent.ends_at


# --- who brought it, and only looks now -----------------------------------------------------------------------------
@pytest.fixture
def onlooker(pit: Pit, team: Workspace, bob: User) -> User:
    """Return alice, who brought the portfolio, and of whose workspace bob is the owner now."""
    team.memberships.filter(user=bob).update(role=Role.OWNER)
    team.memberships.filter(user=pit.alice).update(role=Role.VIEWER)
    return pit.alice


def test_ones_own_switch_reaches_into_no_workspace_and_an_operators_does(
    pit: Pit, onlooker: User, bob: User, operator: User
) -> None:
    rests, held = _place(pit, bob, LOW), _place(pit, bob)
    assert (rests.state, held.state) == ("OPEN", "FILLED")
    mine: dict[str, Any] = {"scope": ScopeKind.USER, "scope_id": str(onlooker.pk)}
    with pit.working():
        closed = close_all(actor=onlooker, **mine)
    assert (closed.orders, pit.held(pit.lead)) == ((), "1")
    rests.refresh_from_db()
    assert (rests.state, _place(pit, bob).state) == ("OPEN", "FILLED")
    assert standing_of(Portfolio.objects.get(pk=pit.lead.pk)).above is None
    set_safety(actor=operator, level=SafetyLevel.HALTED, reason="", **mine)
    rests.refresh_from_db()
    assert rests.state == "CANCELED"
    _refused("TRADING_HALTED", _place, pit=pit, actor=bob)
    assert standing_of(Portfolio.objects.get(pk=pit.lead.pk)).above is not None


def test_an_account_that_a_workspace_counts_on_is_not_left_and_its_follows_go_on(pit: Pit, onlooker: User) -> None:
    _refused("HOLDS_PORTFOLIOS", ask_to_leave, user=onlooker, keeps_holdings=True)
    assert Departure.objects.count() == 0
