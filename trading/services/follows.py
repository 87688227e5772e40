"""The life of a follow: start, pause, resume, and the three ways to stop."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.selectors import check_limit
from accounts.services import audit, notify
from common.clock import market_now, wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.realtime import publish
from common.tasks import enqueue
from engine.copying.prices import LAST_EXIT
from engine.copying.settings import CopySettings, settings_data
from engine.following import (
    DEFAULT_GUARDS,
    LEAST_LEAD_EQUITY,
    Guards,
    first_follow_marks,
)
from markets.models import Exchange
from markets.prices import latest_prices
from portfolios.models import AccountState, Portfolio, PortfolioState, Position
from portfolios.services.books import lock_portfolios
from portfolios.services.cash import check_amount, open_portfolio, transfer
from trading.codes import follow_reason
from trading.copy_terms import check_terms
from trading.follow_models import FollowConsent, FollowGuard, StartMode, StopMode, WaitingFollow
from trading.models import (
    ENDED_EARLY,
    UNFINISHED,
    UNFINISHED_FOLLOW,
    CauseKind,
    Follow,
    FollowCommand,
    FollowCommandKind,
    FollowPosition,
    FollowState,
    LeadStream,
    Leg,
    Order,
    OrderState,
    Side,
)
from trading.selectors import follows_in_circle, is_following
from trading.services.adopting import adopt
from trading.services.copy_scenes import is_dust_of
from trading.services.copy_settings import checked_settings, first_settings
from trading.services.exits import tell_of_failure
from trading.services.follow_guards import check_guards, guard_row, set_follow_marks
from trading.services.lead_caps import room_of
from trading.services.orders import Cause, new_order
from trading.services.protecting import check_protection, is_protected_at_venue, keep_protection, protect
from trading.services.resyncing import accept_plan
from trading.services.withdrawing import withdraw_opens

# The smallest amount a follow starts with, in quote units: below it the venue's minimums would skip most copies.
MIN_AMOUNT = Decimal(10)


# How long a follow that stops waits for the lead's exits before it sells by itself (rule 31).
EXITS_LIMIT = timedelta(days=7)
# How long (by the wall) an exit that failed three times waits between further tries, and when (in market time) what is to
# be sold is looked at again. (A sweep looks, too.)
EXIT_AGAIN, LOOK_AGAIN = timedelta(seconds=15), timedelta(seconds=5)


def open_lead_stream(portfolio: Portfolio) -> LeadStream:
    """Make a portfolio one that can be followed: from now on its fills are numbered as lead events."""
    if is_following(portfolio):
        raise DomainError("LEAD_IS_FOLLOWING", "A portfolio that copies a lead cannot be led from itself.", status=409)
    return LeadStream.objects.get_or_create(portfolio=portfolio)[0]


def start_follow(
    *,
    follower: User,
    lead: Portfolio,
    source: Portfolio,
    amount: Decimal,
    multiplier: Decimal | None = None,
    settings: Mapping[str, object] | None = None,
    start: StartMode = StartMode.NEW_ONLY,
    guards: Guards = DEFAULT_GUARDS,
    accepted_terms: str | None = None,
    protective_stop: Decimal | None = None,
) -> Follow:
    """Open a portfolio for the follow, fund it from `source`, and copy every later fill of the lead.

    `settings` are checked as everywhere (services/copy_settings.py); `multiplier` is one of them by itself. `start` says
    what is done about what the lead holds already, `accepted_terms` which version was accepted (trading/copy_terms.py;
    None where nobody is asked), `protective_stop` how far from its entries it is stopped at the exchange (0-1;
    services/protecting.py). Where the lead is full the follow is WAITING: its money stays in
    `source` until there is room (services/waiting_list.py).
    """
    given = {**(settings or {}), **({} if multiplier is None else {"multiplier": multiplier})}
    wanted = first_settings(lead, given)
    check_stake(amount, wanted.multiplier, source.settlement_id)
    check_guards(guards)
    check_protection(protective_stop, source)
    if accepted_terms is not None:
        check_terms(accepted_terms)
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
        follow = _enrolled(follower, lead, source, wanted)
        guard_row(follow, guards, first_follow_marks(follow.started_at, amount)).save(force_insert=True)
        keep_protection(follow, protective_stop)
        if accepted_terms is not None:
            FollowConsent.objects.create(follow=follow, version=accepted_terms, accepted_at=wall_now())
        if _is_full(follow, amount):
            WaitingFollow.objects.create(follow=follow, source=source, amount=amount, start=start)
        else:
            begin(follow, source=source, amount=amount, start=start)
        audit(
            action="follow.started",
            obj=follow,
            actor=follower,
            after={"amount": str(amount), "settings": follow.settings, "start": start, "state": follow.state},
        )
    return follow


def _enrolled(follower: User, lead: Portfolio, source: Portfolio, settings: CopySettings) -> Follow:
    """Return a follow that waits, with an empty portfolio of its own. Caller holds the locks of a start."""
    exchange = source.account.exchange if source.account else _any_exchange(lead)
    portfolio = open_portfolio(
        owner=follower,
        name=_free_name(follower, lead),
        exchange=exchange,
        settlement=source.settlement,
        amount=Decimal(0),
        audited=False,
        account=source.account,
        # A workspace's money stays the workspace's.
        workspace_id=source.workspace_id,
    )
    return Follow.objects.create(
        follower=follower,
        lead=lead,
        portfolio=portfolio,
        state=FollowState.WAITING,
        settings=settings_data(settings),
        start_seq=open_lead_stream(lead).last_seq,
        started_at=market_now(lead.namespace),
    )


def _is_full(follow: Follow, amount: Decimal) -> bool:
    """Say whether a lead has no room for one more; refuse where it is too small for anybody. Caller holds its lock."""
    room = room_of(follow.lead)
    if not room.is_led:
        message = (
            f"This lead's equity is below {LEAST_LEAD_EQUITY} {follow.lead.settlement_id}: too little to be copied;"
            " follow it when it has grown."
        )
        raise DomainError("LEAD_TOO_SMALL", message, status=409)
    # Whoever came before is let in before.
    others = Follow.objects.filter(lead=follow.lead, state=FollowState.WAITING).exclude(pk=follow.pk)
    return not room.has(amount) or others.exists()


def begin(follow: Follow, *, source: Portfolio, amount: Decimal, start: str) -> None:
    """Fund a follow and let it copy from now on. Caller holds the locks of the lead's, the follow's and the source's portfolio."""
    transfer(actor=follow.follower, source=source, target=follow.portfolio, amount=amount)
    follow.state, follow.started_at = FollowState.ACTIVE, market_now(follow.lead.namespace)
    follow.start_seq = open_lead_stream(follow.lead).last_seq
    follow.save(update_fields=["state", "started_at", "start_seq"])
    guard = FollowGuard.objects.get(pk=follow.pk)
    set_follow_marks(guard, first_follow_marks(follow.started_at, amount))
    guard.save()
    adopt(follow, follow.lead, amount, StartMode(start))
    lead = follow.lead
    notify(user=lead.owner, event="follow.started", context={"portfolio": str(lead.pk), "name": lead.name})


def check_stake(amount: Decimal, multiplier: Decimal, currency: str) -> None:
    """Say what is wrong with an amount and a multiplier that somebody would follow with."""
    check_amount(amount)
    if amount < MIN_AMOUNT:
        raise DomainError("AMOUNT_TOO_SMALL", f"Follow with at least {MIN_AMOUNT} {currency}.")
    checked_settings({"multiplier": multiplier})


def _any_exchange(lead: Portfolio) -> Exchange:
    return Exchange.objects.filter(namespace=lead.namespace).order_by("pk")[0]


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


def refuse_following(portfolio: Portfolio) -> None:
    """Refuse to let a portfolio change hands while it copies a lead: the follow is its owner's, and pays back to them."""
    if is_following(portfolio):
        message = "This portfolio copies a lead; stop the follow first."
        raise DomainError("PORTFOLIO_IS_FOLLOWING", message, status=409)


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


@transaction.atomic
def resume_follow(*, actor: User, follow: Follow, catches_up: bool = False) -> Follow:
    """Copy opens again; with `catches_up` the plan that brings it in step is carried out as well (services/resyncing.py)."""
    resumed = _move(actor, follow, {FollowState.PAUSED}, FollowState.ACTIVE, "follow.resumed")
    if catches_up:
        accept_plan(actor=actor, follow=resumed)
    return resumed


def stop_follow(*, actor: User | None, follow: Follow, mode: StopMode, code: str = "") -> Follow:
    """End a follow: sell what it holds now, mirror the lead's exits until it is flat, or keep the holdings to manage by hand.

    Whoever waits for the lead's exits may still choose another way: a lead may never sell, and after a week it is sold
    anyway. `code` says why where it is not its owner who ends it.
    """
    with transaction.atomic():
        exits_until = market_now(follow.lead.namespace) + EXITS_LIMIT if mode == StopMode.FOLLOW_EXITS else None
        stopped = _move(
            actor,
            follow,
            UNFINISHED_FOLLOW,
            FollowState.STOPPING,
            "follow.stopping",
            code=code,
            mode=mode,
            exits_until=exits_until,
        )
        WaitingFollow.objects.filter(follow=stopped).delete()
        lock_portfolios([stopped.portfolio_id])
        withdraw_opens(Order.objects.filter(follow=stopped), code="FOLLOW_STOPPING")
        protect(follow_id=stopped.pk)
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


def end_unbegun(follow: Follow, *, code: str) -> None:
    """End a waiting follow that never began; caller holds its lock and its portfolio's."""
    WaitingFollow.objects.filter(follow=follow).delete()
    follow.state, follow.state_code, follow.stop_mode = FollowState.STOPPED, code, StopMode.KEEP
    follow.stopped_at = market_now(follow.lead.namespace)
    follow.save(update_fields=["state", "state_code", "stop_mode", "stopped_at"])


def end_orphans(*, until: Mapping[str, datetime]) -> int:
    """Close at the market what has nobody to copy or no way to go on (rule 31); return how many follows that ended.

    A lead whose portfolio trades no more, a follower's key that was taken away, and exits that the lead did not make in time
    (by market time, `until` by namespace).
    """
    open_ones = Follow.objects.filter(state__in=UNFINISHED_FOLLOW).exclude(
        stop_mode__in=[StopMode.CLOSE_NOW, StopMode.KEEP]
    )
    reasons = (
        ("LEAD_LEFT", Q(lead__state=PortfolioState.CLOSED) | Q(lead__owner__is_active=False)),
        ("KEY_REVOKED", Q(portfolio__account__state=AccountState.REVOKED)),
    )
    found = {pk: code for code, which in reasons for pk in open_ones.filter(which).values_list("pk", flat=True)}
    for namespace, at in until.items():
        late = open_ones.filter(state=FollowState.STOPPING, exits_until__lte=at, lead__namespace=namespace)
        found |= dict.fromkeys(late.values_list("pk", flat=True), "EXITS_OVERDUE")
    for pk, code in sorted(found.items()):
        with transaction.atomic():
            follow = lock_rows(Follow.objects.filter(pk=pk).select_related("lead", "portfolio", "follower"))[0]
            if follow.state == FollowState.STOPPED or follow.stop_mode == StopMode.CLOSE_NOW:
                continue
            facts = {"portfolio": str(follow.portfolio_id), "name": follow.lead.name, "words": follow_reason(code)}
            notify(user=follow.follower, event="follow.closing", context=facts)
            stop_follow(actor=None, follow=follow, mode=StopMode.CLOSE_NOW, code=code)
    return len(found)


def _move(
    actor: User | None,
    follow: Follow,
    allowed: Container[str],
    state: FollowState,
    action: str,
    code: str = "",
    mode: str = "",
    exits_until: datetime | None = None,
) -> Follow:
    with transaction.atomic():
        locked = lock_rows(Follow.objects.filter(pk=follow.pk).select_related("lead", "portfolio"))[0]
        if locked.state not in allowed or (locked.state, locked.stop_mode) == (state, mode):
            message = f"A follow that is {locked.get_state_display().lower()} cannot become {state.label.lower()}."
            raise DomainError("FOLLOW_STATE", message, {"state": locked.state}, status=409)
        before, locked.state, locked.state_code = locked.state, state, code
        locked.stop_mode, locked.exits_until = mode, exits_until
        locked.save(update_fields=["state", "state_code", "stop_mode", "exits_until"])
        after = {"state": state, "mode": mode, "code": code}
        audit(action=action, obj=locked, actor=actor, before={"state": before}, after=after)
    publish([(f"portfolio:{locked.portfolio_id}", {"refresh": ["follow", "summary"]})])
    return locked


@transaction.atomic
def close_all_held(*, command_id: int) -> None:
    """Write the closing orders of a CLOSE_ALL command; called again it writes another where one ended with something left.

    So an exit that its venue refused is tried again, and its owner told of the third refusal (rule 16). It is done with the
    follow's end: what an open that is still under way buys is closed as well.
    """
    from trading.tasks import execute_orders

    follow_id = FollowCommand.objects.values_list("follow", flat=True).get(pk=command_id)
    follow = lock_rows(Follow.objects.filter(pk=follow_id).select_related("lead"))[0]
    follow.portfolio = lock_portfolios([follow.portfolio_id])[follow.portfolio_id]
    command = FollowCommand.objects.select_for_update(no_key=True).get(pk=command_id)
    if command.is_done:
        return
    # Its owner may have chosen to keep everything meanwhile.
    orders = _closing_orders(follow, command) if follow.stop_mode == StopMode.CLOSE_NOW else []
    for order in orders:
        order.save(force_insert=True)
    command.is_done = follow.stop_mode != StopMode.CLOSE_NOW or follow.state == FollowState.STOPPED
    command.due_at = market_now(follow.lead.namespace) + LOOK_AGAIN
    command.save(update_fields=["is_done", "due_at"])
    if orders:
        enqueue(execute_orders, CauseKind.FOLLOW_COMMAND, str(command.pk))


def _closing_orders(follow: Follow, command: FollowCommand) -> list[Order]:
    """Return an exit of each position that none of the command's is closing, where the venue may be asked again by now."""
    written = Order.objects.filter(
        follow=follow, cause_kind=CauseKind.FOLLOW_COMMAND, cause_id=str(command.pk)
    ).select_related("instrument")
    last = {one.instrument_id: one for one in written.order_by("attempt")}
    held = Position.objects.filter(portfolio_id=follow.portfolio_id).exclude(quantity=Decimal(0))
    # After every event so far: what is in flight ends first, and its quantity is closed too.
    seq = LeadStream.objects.get(portfolio_id=follow.lead_id).last_seq + 1
    orders = []
    for position in held.select_related("instrument__market", "instrument__exchange"):
        before = last.get(position.instrument_id)
        if (before is not None and not _may_try_again(before)) or _is_left_as_dust(follow, position):
            continue
        order = new_order(
            portfolio=follow.portfolio,
            instrument=position.instrument,
            side=Side.SELL if position.quantity > 0 else Side.BUY,
            leg=Leg.CLOSE,
            quantity=abs(position.quantity),
            cause=Cause(CauseKind.FOLLOW_COMMAND, str(command.pk)),
            follow=follow,
            closed_fraction=Decimal(1),
            seq=seq,
            attempt=before.attempt + 1 if before else 1,
        )
        if before is not None and before.attempt == LAST_EXIT and before.state != OrderState.FILLED:
            tell_of_failure(before, event="follow.close_failed")
        orders.append(order)
    return orders


def _may_try_again(exit_before: Order) -> bool:
    """Say whether an exit has ended, and so long ago (by the wall) that a venue which refuses is not flooded."""
    if exit_before.state in UNFINISHED:
        return False
    if exit_before.attempt < LAST_EXIT:
        return True
    # The longer it goes on, the less often: it may go on for days.
    return wall_now() >= exit_before.recorded_at + EXIT_AGAIN * max(1, exit_before.attempt // 10)


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
            FollowCommand.objects.filter(follow=follow, kind=FollowCommandKind.CLOSE_ALL, is_done=False).update(
                is_done=True
            )
            audit(action="follow.stopped", obj=follow, after={"mode": follow.stop_mode, "code": follow.state_code})
            facts = {
                "portfolio": str(follow.portfolio_id),
                "portfolio_name": follow.portfolio.name,
                "name": follow.lead.name,
            }
            notify(user=follow.follower, event="follow.stopped", context=facts)
            publish([(f"portfolio:{follow.portfolio_id}", {"refresh": ["follow", "summary"]})])
            if Follow.objects.filter(lead=follow.lead_id, state=FollowState.WAITING).exists():
                from trading.tasks import admit_waiting  # likewise

                enqueue(admit_waiting, str(follow.lead_id))
            stopped += 1
    return stopped


def _has_more_to_do(follow: Follow) -> bool:
    if Order.objects.filter(follow=follow, state__in=UNFINISHED).exists() or is_protected_at_venue(follow):
        return True
    if follow.stop_mode == StopMode.KEEP:
        return False
    held = Position.objects.filter(portfolio_id=follow.portfolio_id).exclude(quantity=Decimal(0))
    return any(not _is_left_as_dust(follow, one) for one in held.select_related("instrument__market"))


def _is_left_as_dust(follow: Follow, position: Position) -> bool:
    """Say whether a position is worth less than its venue takes and no exit can sell it: it never blocks an end (rule 12).

    An exit of all of it was refused, or a protective stop sold the rest.
    """
    exits = Order.objects.filter(follow=follow, instrument=position.instrument, leg=Leg.CLOSE)
    last = exits.order_by("-pk").values_list("state", "closed_fraction").first()
    price = latest_prices([position.instrument]).get(position.instrument_id)
    aims = FollowPosition.objects.filter(follow=follow, instrument=position.instrument_id)
    is_refused = last is not None and last[0] in (*ENDED_EARLY, OrderState.DENIED) and last[1] == 1
    if price is None or not (is_refused or aims.filter(stopped_at__isnull=False).exists()):
        return False
    return is_dust_of(position.instrument, abs(position.quantity), price.price)
