"""The life of a follow: start, pause, resume, and the three ways to stop."""

from __future__ import annotations

from collections.abc import Container, Iterable
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.selectors import check_limit
from accounts.services import audit, notify
from common.clock import market_now
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from common.tasks import enqueue
from markets.models import Exchange
from portfolios.models import Portfolio, PortfolioState, Position
from portfolios.services.books import lock_portfolios
from portfolios.services.cash import check_amount, open_portfolio, transfer
from trading.models import (
    UNFINISHED,
    UNFINISHED_FOLLOW,
    CauseKind,
    Follow,
    FollowCommand,
    FollowCommandKind,
    FollowState,
    LeadStream,
    Leg,
    Order,
    Side,
)
from trading.selectors import follows_in_circle, is_following
from trading.services.orders import Cause, new_order
from trading.services.withdrawing import withdraw_unsent_opens

MIN_MULTIPLIER, MAX_MULTIPLIER = Decimal("0.1"), Decimal(3)
# The smallest amount a follow starts with, in quote units: below it the venue's minimums would skip most copies.
MIN_AMOUNT = Decimal(10)


class StopMode(StrEnum):
    """What happens to what the follow holds."""

    CLOSE_NOW = "CLOSE_NOW"
    FOLLOW_EXITS = "FOLLOW_EXITS"
    KEEP = "KEEP"


def open_lead_stream(portfolio: Portfolio) -> LeadStream:
    """Make a portfolio one that can be followed: from now on its fills are numbered as lead events."""
    if is_following(portfolio):
        raise DomainError("LEAD_IS_FOLLOWING", "A portfolio that copies a lead cannot be led from itself.", status=409)
    return LeadStream.objects.get_or_create(portfolio=portfolio)[0]


def start_follow(*, follower: User, lead: Portfolio, source: Portfolio, amount: Decimal, multiplier: Decimal) -> Follow:
    """Open a portfolio for the follow, fund it from `source`, and copy every later fill of the lead (new trades only)."""
    amount = check_amount(amount)
    if amount < MIN_AMOUNT:
        raise DomainError("AMOUNT_TOO_SMALL", f"Follow with at least {MIN_AMOUNT} {source.settlement_id}.")
    if (
        not multiplier.is_finite()
        or not MIN_MULTIPLIER <= multiplier <= MAX_MULTIPLIER
        or multiplier != round(multiplier, 3)
    ):
        raise DomainError(
            "MULTIPLIER_OUT_OF_RANGE",
            f"Choose a multiplier from {MIN_MULTIPLIER} to {MAX_MULTIPLIER} with at most three decimals.",
        )
    with transaction.atomic():
        # Both people: of two who start to follow each other at the same time, the second finds the first's follow.
        lock_rows(User.objects.filter(pk__in=[follower.pk, lead.owner_id]))
        # The lead's portfolio, too: its next fill is then either before this start or after it.
        locked = lock_portfolios([source.pk, lead.pk])
        lead, source = locked[lead.pk], locked[source.pk]
        _refuse_unfit(follower, lead, source)
        unfinished = Follow.objects.filter(follower=follower, state__in=UNFINISHED_FOLLOW)
        check_limit(follower, "follows", unfinished.count())
        if unfinished.filter(lead=lead).exists():
            raise DomainError(
                "ALREADY_FOLLOWING", "You follow this lead already; change or stop that follow instead.", status=409
            )
        exchange = Exchange.objects.filter(namespace=lead.namespace).order_by("pk")[0]
        portfolio = open_portfolio(
            owner=follower,
            name=_free_name(follower, lead),
            exchange=exchange,
            settlement=source.settlement,
            amount=Decimal(0),
            audited=False,
        )
        transfer(actor=follower, source=source, target=portfolio, amount=amount)
        stream = open_lead_stream(lead)
        follow = Follow.objects.create(
            follower=follower,
            lead=lead,
            portfolio=portfolio,
            multiplier=multiplier,
            start_seq=stream.last_seq,
            started_at=market_now(lead.namespace),
        )
        audit(
            action="follow.started",
            obj=follow,
            actor=follower,
            after={"amount": str(amount), "multiplier": str(multiplier)},
        )
        notify(user=lead.owner, event="follow.started", context={"portfolio": str(lead.pk), "name": lead.name})
    return follow


def _refuse_unfit(follower: User, lead: Portfolio, source: Portfolio) -> None:
    if lead.owner_id == follower.pk:
        raise DomainError("FOLLOW_SELF", "You cannot follow your own portfolio.")
    if source.owner_id != follower.pk:
        raise DomainError("NOT_YOUR_PORTFOLIO", "Fund a follow from one of your own portfolios.", status=403)
    if lead.state != PortfolioState.OPEN:
        raise DomainError("LEAD_NOT_OPEN", "This lead's portfolio no longer trades.", status=409)
    if is_following(source):
        raise DomainError(
            "PORTFOLIO_IS_FOLLOWING",
            "That portfolio belongs to another follow; fund this one from a free portfolio.",
            status=409,
        )
    if is_following(lead):
        raise DomainError(
            "LEAD_IS_FOLLOWING", "This portfolio copies another lead itself, so it cannot be followed.", status=409
        )
    if follows_in_circle(follower=follower, lead_owner_id=lead.owner_id):
        raise DomainError(
            "FOLLOW_CIRCLE",
            "That lead follows you, directly or through others; a circle of follows is not allowed.",
            status=409,
        )
    if (lead.namespace, lead.kind) != (source.namespace, source.kind):
        raise DomainError(
            "MARKET_MISMATCH",
            f"This lead trades {lead.kind} in another market than your portfolio; fund it from one of the same kind.",
        )
    if lead.settlement_id != source.settlement_id:
        raise DomainError(
            "QUOTE_MISMATCH",
            f"This lead settles in {lead.settlement_id}; fund the follow from a portfolio in {lead.settlement_id}.",
        )


def _free_name(follower: User, lead: Portfolio) -> str:
    taken = set(Portfolio.objects.filter(owner=follower).values_list("name", flat=True))
    base = f"Following {lead.name}"[:70]
    return next(
        name
        for number in range(1, len(taken) + 2)
        if (name := base if number == 1 else f"{base} ({number})") not in taken
    )


def pause_follow(*, actor: User, follow: Follow) -> Follow:
    """Copy no new opens; exits are still mirrored."""
    return _move(actor, follow, {FollowState.ACTIVE}, FollowState.PAUSED, "follow.paused")


def resume_follow(*, actor: User, follow: Follow) -> Follow:
    """Copy opens again."""
    return _move(actor, follow, {FollowState.PAUSED}, FollowState.ACTIVE, "follow.resumed")


def stop_follow(*, actor: User, follow: Follow, mode: StopMode) -> Follow:
    """End a follow: sell what it holds now, mirror the lead's exits until it is flat, or keep the holdings to manage by hand.

    Whoever waits for the lead's exits may still choose another way: a lead may never sell.
    """
    with transaction.atomic():
        stopped = _move(
            actor,
            follow,
            UNFINISHED_FOLLOW,
            FollowState.STOPPING,
            "follow.stopping",
            code=mode,
        )
        lock_portfolios([stopped.portfolio_id])
        withdraw_unsent_opens(Order.objects.filter(follow=stopped), code="FOLLOW_STOPPING")
        if mode == StopMode.CLOSE_NOW:
            command = FollowCommand.objects.create(
                follow=stopped, kind=FollowCommandKind.CLOSE_ALL, due_at=market_now(stopped.lead.namespace)
            )
            from trading.tasks import (
                run_follow_command,
            )  # the task's body calls services: one of the two must look late

            enqueue(run_follow_command, command.pk)
        finish_stopping([stopped.pk])
        stopped.refresh_from_db()
    return stopped


def _move(
    actor: User, follow: Follow, allowed: Container[str], state: FollowState, action: str, code: str = ""
) -> Follow:
    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk).select_related("lead", "portfolio"))[0]
        if locked.state not in allowed or (locked.state, locked.state_code) == (state, code):
            message = f"A follow that is {locked.get_state_display().lower()} cannot become {state.label.lower()}."
            raise DomainError("FOLLOW_STATE", message, {"state": locked.state}, status=409)
        before, locked.state, locked.state_code = locked.state, state, code
        locked.save(update_fields=["state", "state_code"])
        audit(action=action, obj=locked, actor=actor, before={"state": before}, after={"state": state, "mode": code})
    publish([(f"portfolio:{locked.portfolio_id}", {"refresh": ["follow", "summary"]})])
    return locked


@transaction.atomic
def run_command(*, command_id: int) -> None:
    """Write the closing orders of a CLOSE_ALL command, each once; called again it finds them written.

    It is done when no open is in flight any more: what that one buys is closed as well.
    """
    from trading.tasks import execute_orders

    command = (
        FollowCommand.objects.select_for_update(of=("self",), no_key=True).select_related("follow").get(pk=command_id)
    )
    if command.is_done:
        return
    follow = lock_rows(Follow.objects.filter(pk=command.follow_id))[0]
    follow.portfolio = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    cause = Cause(CauseKind.FOLLOW_COMMAND, str(command.pk))
    written = Order.objects.filter(follow=follow, cause_kind=cause.kind, cause_id=cause.id)
    held = (
        Position.objects.filter(portfolio_id=follow.portfolio_id)
        .exclude(quantity=Decimal(0))
        .exclude(instrument__in=list(written.values_list("instrument_id", flat=True)))
        .select_related("instrument__market")
    )
    # Its owner may have chosen to keep everything meanwhile.
    for position in held if follow.state_code == StopMode.CLOSE_NOW else ():
        order = new_order(
            portfolio=follow.portfolio,
            instrument=position.instrument,
            side=Side.SELL,
            leg=Leg.CLOSE,
            quantity=position.quantity,
            cause=cause,
            follow=follow,
            closed_fraction=Decimal(1),
            # After every event so far: what is in flight ends first, and its quantity is closed too.
            seq=LeadStream.objects.get(portfolio_id=follow.lead_id).last_seq + 1,
        )
        order.save(force_insert=True)
    command.is_done = not Order.objects.filter(follow=follow, leg=Leg.OPEN, state__in=UNFINISHED).exists()
    command.save(update_fields=["is_done"])
    enqueue(execute_orders, cause.kind, cause.id)


def finish_stopping(follow_ids: Iterable[UUID]) -> int:
    """Mark stopping follows as STOPPED that hold nothing (or keep what they hold) and have nothing under way; return how many."""
    stopped = 0
    for follow_id in sorted(follow_ids):
        with transaction.atomic():
            related = ("lead", "portfolio", "follower")
            follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related(*related))[0]
            lock_portfolios([follow.portfolio_id])
            if follow.state != FollowState.STOPPING or _has_more_to_do(follow):
                continue
            follow.state, follow.stopped_at = FollowState.STOPPED, market_now(follow.lead.namespace)
            follow.save(update_fields=["state", "stopped_at"])
            audit(action="follow.stopped", obj=follow, after={"mode": follow.state_code})
            facts = {
                "portfolio": str(follow.portfolio_id),
                "portfolio_name": follow.portfolio.name,
                "name": follow.lead.name,
            }
            notify(user=follow.follower, event="follow.stopped", context=facts)
            publish([(f"portfolio:{follow.portfolio_id}", {"refresh": ["follow", "summary"]})])
            stopped += 1
    return stopped


def _has_more_to_do(follow: Follow) -> bool:
    if Order.objects.filter(follow=follow, state__in=UNFINISHED).exists():
        return True
    if follow.state_code == StopMode.KEEP:
        return False
    return Position.objects.filter(portfolio_id=follow.portfolio_id).exclude(quantity=Decimal(0)).exists()
