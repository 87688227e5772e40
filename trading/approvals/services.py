"""Letting an order wait for a second person, and what they decide; approved, it is placed the way every order by hand goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from accounts.models import User
from accounts.services import audit, notify
from accounts.teams.models import Permission
from accounts.teams.selectors import memberships_with
from common.clock import wall_now
from common.errors import DomainError
from common.fields import canonical
from common.realtime import publish
from portfolios.access import permissions_of
from portfolios.services.books import lock_portfolios
from trading.approvals.models import ApprovalState, OrderApproval
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order, Side
from trading.order_terms import NAMES, OrderTerms
from trading.services.orders import Held, place_approved

MAX_WAITING = 100


class ApprovalWaiting(DomainError):
    """The order was not refused: it waits (202). Its context names the approval."""

    def __init__(self, approval: OrderApproval) -> None:
        until = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC"
        message = f"Above the limit of this portfolio: the order waits for a second person until {until}."
        super().__init__("APPROVAL_WAITING", message, {"approval": str(approval.pk), "until": until}, status=202)


@transaction.atomic
def let_wait(*, actor: User, held: Held) -> OrderApproval:
    """Store an order that needs a second person, and tell those who may approve it; the same key waits once."""
    portfolio = held.portfolio
    # Of two requests with one key the second waits, and finds what the first has made.
    lock_portfolios([portfolio.pk])
    known = OrderApproval.objects.filter(portfolio=portfolio, key=held.key).first()
    if known is not None:
        return _same(known, held)
    waiting = OrderApproval.objects.filter(portfolio=portfolio, state=ApprovalState.WAITING)
    if waiting.count() >= MAX_WAITING:
        raise DomainError("TOO_MANY_WAITING", f"{MAX_WAITING} orders wait for approval already.", status=409)
    now = wall_now()
    made = OrderApproval.objects.create(
        portfolio=portfolio,
        instrument=held.instrument,
        side=held.side,
        quantity=held.quantity,
        value=held.value,
        legs=[_told(one) for one in held.legs],
        key=held.key,
        requested_by=actor,
        requested_role=permissions_of(actor, portfolio)[0],
        requested_at=now,
        expires_at=now + timedelta(minutes=portfolio.approval_minutes),
    )
    audit(action="approval.requested", obj=made, actor=actor, after=_facts(made))
    approvers = memberships_with(Permission.APPROVE).filter(workspace=portfolio.workspace).exclude(user=actor)
    context = {"workspace": str(portfolio.workspace_id), "portfolio": str(portfolio.pk), "name": portfolio.name}
    context |= {"side": Side(made.side).label, "quantity": canonical(made.quantity), "symbol": held.instrument.symbol}
    for one in approvers.select_related("user"):
        notify(user=one.user, event="approval.requested", context=context)
    _show(made)
    return made


def _same(known: OrderApproval, held: Held) -> OrderApproval:
    """Return what the key has made already; refuse a key that now names something else, or what was turned down."""
    asked = (held.instrument.pk, held.side, held.quantity, [_told(one) for one in held.legs])
    if (known.instrument_id, known.side, known.quantity, known.legs) != asked:
        raise DomainError("KEY_REUSED", "This key already names another order; choose a new key.", status=409)
    if known.state != ApprovalState.WAITING:
        message = f"This order was {known.get_state_display().lower()}; ask for a new one under a new key."
        raise DomainError("APPROVAL_DECIDED", message, {"state": known.state}, status=409)
    return known


@transaction.atomic
def approve(*, actor: User, approval: OrderApproval) -> list[Order]:
    """Let an order go: by somebody else than who asked for it, in time; it is placed in the name of who asked, exactly once.

    What refuses it now (its price, its balance, who asked may not trade any more) leaves it waiting, with the reason.
    """
    found = _decided(actor, approval, ApprovalState.APPROVED)
    if Permission.TRADE not in permissions_of(found.requested_by, found.portfolio)[1]:
        message = "Who asked for this order may not trade here any more: reject it."
        raise DomainError("REQUESTER_MAY_NOT_TRADE", message, status=409)
    placed = place_approved(actor=found.requested_by, held=_held(found), role=found.requested_role)
    audit(action="approval.approved", obj=found, actor=actor, after={**_facts(found), "order": str(placed[0].pk)})
    _tell(found, "approved")
    return placed


@transaction.atomic
def reject(*, actor: User, approval: OrderApproval) -> OrderApproval:
    """Turn an order down; who asked for it withdraws it so."""
    is_own = approval.requested_by_id == actor.pk
    found = _decided(actor, approval, ApprovalState.WITHDRAWN if is_own else ApprovalState.REJECTED)
    action = "approval.withdrawn" if is_own else "approval.rejected"
    audit(action=action, obj=found, actor=actor, after=_facts(found))
    if not is_own:
        _tell(found, "rejected")
    return found


@transaction.atomic
def expire_approvals() -> int:
    """End what nobody decided in time, and tell who asked."""
    late = OrderApproval.objects.filter(state=ApprovalState.WAITING, expires_at__lte=wall_now())
    count = 0
    for one in late.select_related("portfolio", "instrument", "requested_by").order_by("pk"):
        waiting = OrderApproval.objects.filter(pk=one.pk, state=ApprovalState.WAITING)
        if waiting.update(state=ApprovalState.EXPIRED, decided_at=wall_now()):
            audit(action="approval.expired", obj=one, after=_facts(one), workspace_id=one.portfolio.workspace_id)
            _tell(one, "not approved in time")
            count += 1
    return count


def _decided(actor: User, approval: OrderApproval, state: ApprovalState) -> OrderApproval:
    """Take an approval out of WAITING, once; the caller's transaction undoes it where what follows is refused."""
    role, held = permissions_of(actor, approval.portfolio)
    if state == ApprovalState.APPROVED and approval.requested_by_id == actor.pk:
        raise DomainError("SAME_PERSON", "Somebody else has to approve what you asked for.", status=403)
    needed = Permission.VIEW if state == ApprovalState.WITHDRAWN else Permission.APPROVE
    if needed not in held:
        raise DomainError("ROLE_FORBIDS", "Your role does not let you approve orders.", status=403)
    now = wall_now()
    open_one = OrderApproval.objects.filter(pk=approval.pk, state=ApprovalState.WAITING, expires_at__gt=now)
    if not open_one.update(state=state, decided_by=actor, decided_role=role, decided_at=now):
        raise DomainError("APPROVAL_DECIDED", "This order was decided already, or its time is over.", status=409)
    related = ("portfolio", "instrument__market", "instrument__exchange", "requested_by")
    return OrderApproval.objects.select_related(*related).get(pk=approval.pk)


def _held(approval: OrderApproval) -> Held:
    return Held(
        portfolio=approval.portfolio,
        instrument=approval.instrument,
        side=Side(approval.side),
        quantity=approval.quantity,
        key=approval.key,
        legs=[_terms(one) for one in approval.legs],
        value=approval.value,
    )


def _told(terms: OrderTerms) -> dict[str, Any]:
    """Return terms as JSON: amounts as plain text."""
    return {name: _plain(value) for name in NAMES if (value := getattr(terms, name)) not in (None, False)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _terms(told: Mapping[str, Any]) -> OrderTerms:
    facts: dict[str, Any] = {}
    for name, value in told.items():
        if name.endswith(("price", "amount", "bps")):
            facts[name] = Decimal(value)
        elif name == "expires_at":
            facts[name] = parse_datetime(value)
        else:
            facts[name] = {"kind": OrderKind, "time_in_force": TimeInForce}.get(name, bool)(value)
    return OrderTerms(**facts)


def _facts(approval: OrderApproval) -> dict[str, str]:
    return {
        "side": approval.side,
        "quantity": canonical(approval.quantity),
        "instrument": approval.instrument.symbol,
        "requested_by": str(approval.requested_by_id),
    }


def _tell(approval: OrderApproval, outcome: str) -> None:
    context = {"portfolio": str(approval.portfolio_id), "name": approval.portfolio.name, "outcome": outcome}
    context |= {"quantity": canonical(approval.quantity), "symbol": approval.instrument.symbol}
    notify(user=approval.requested_by, event="approval.decided", context=context)
    _show(approval)


def _show(approval: OrderApproval) -> None:
    publish([(f"portfolio:{approval.portfolio_id}", {"refresh": ["orders"]})])
