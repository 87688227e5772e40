"""Mistakes that somebody might make in trading, each as a patch: the simulation is worth what it finds of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q

from common.ids import new_id
from engine import reconciliation as rules
from engine.decimals import ZERO
from engine.margin import Settled, settle
from engine.reconciliation import Action, Answer, Ours, Theirs
from engine.risk import judge
from portfolios.services import books
from trading.brokers import BrokerFill, OrderResult
from trading.models import RESTING, LeadEvent, Order, OrderState
from trading.rules import to_reserve
from trading.services import (
    brackets,
    canceling,
    copy_orders,
    copying,
    execution,
    fills,
    judging,
    lead_events,
    liquidation,
    orders,
    reconciliation,
    resting,
    withdrawing,
)
from trading.simulation import living, moves

Patch = pytest.MonkeyPatch


def book_fills_again(patch: Patch) -> None:
    """A fill is booked as often as it is told, each time under a name of its own."""

    def all_are_new(reported: Sequence[BrokerFill]) -> list[BrokerFill]:
        return [replace(one, venue_fill_id=f"{one.venue_fill_id}:{new_id().hex[-8:]}") for one in reported]

    patch.setattr(fills, "_not_yet_booked", all_are_new)


def send_again_after_one_silence(patch: Patch) -> None:
    """An order that the venue says nothing of is sent again."""
    right = rules._action

    def hasty(ours: Ours, theirs: Theirs, asked_at: datetime) -> Action:
        is_silent = theirs.answer is Answer.SILENCE and ours.is_unheard
        return Action.RESEND if is_silent else right(ours, theirs, asked_at)

    patch.setattr(rules, "_action", hasty)


def send_again_after_one_not_found(patch: Patch) -> None:
    """The first "not found" is believed, whenever it is said."""
    patch.setattr(rules, "_of_missing", lambda ours, asked_at: Action.RESEND if ours.is_unheard else Action.WAIT)


def ignore_the_validity_window(patch: Patch) -> None:
    """Two "not found" count although the request may still arrive."""
    right = reconciliation._ours

    def early(order: Order, valid_for: Any) -> Ours:
        assert order.claimed_at is not None
        return replace(right(order, valid_for), closes_at=order.claimed_at)

    patch.setattr(reconciliation, "_ours", early)


def send_stale_claims(patch: Patch) -> None:
    """A worker that stood still goes on and sends, whatever happened meanwhile."""
    patch.setattr(execution, "may_send", lambda order: True)


def take_late_answers_for_new_ones(patch: Patch) -> None:
    """An answer to the first sending ends the second."""
    right = execution._settle
    patch.setattr(execution, "_settle", lambda results, claims: right(results, {}))


def forget_a_hold(patch: Patch) -> None:
    """An order that ends early keeps its promise."""
    patch.setattr(withdrawing, "release", lambda orders: None)


def never_sweep(patch: Patch) -> None:
    """Nobody looks for what lost tasks left behind."""
    for module in (moves, living):
        patch.setattr(module, "sweep", lambda: 0)


def fan_out_twice(patch: Patch) -> None:
    """An event stays unfinished once more, and nothing in a copy's identity tells the second from the first."""
    right, again = orders.another_order, set[int]()

    def unkeyed(model: Order, **facts: Any) -> Order:
        order = right(model, **facts)
        order.client_order_id, order.attempt = new_id().hex, 1 + len(again)
        return order

    save = LeadEvent.save

    def save_once_more(event: LeadEvent, **facts: Any) -> None:
        if event.state == "DONE" and event.pk not in again:
            again.add(event.pk)
            event.state, event.cursor = "WAITING", ""
            facts["update_fields"] = [*facts["update_fields"], "cursor"]
        save(event, **facts)

    patch.setattr(copy_orders, "another_order", unkeyed)
    patch.setattr(copying, "_seen", lambda follow: 0)
    patch.setattr(copying, "has_gap", lambda seen, seq: False)
    patch.setattr(LeadEvent, "save", save_once_more)


def promise_half(patch: Patch) -> None:
    """What an order reserves does not cover what it can cost."""
    right = to_reserve
    patch.setattr(judging, "to_reserve", lambda order, quantity: right(order, quantity) / 2)


def leave_parts_without_a_stop(patch: Patch) -> None:
    """An order that ended with a part filled arms nothing."""
    patch.setattr(withdrawing, "arm_stops_of_parts", lambda orders: None)


def end_before_all_is_told(patch: Patch) -> None:
    """An order ends by the venue's word though its last fills are not booked, and a late fill then revives it."""

    def is_told_whole(order: Order, result: OrderResult) -> bool:
        return True

    def advance(order: Order, one: BrokerFill) -> None:
        right(order, one)
        if order.state != OrderState.FILLED:
            order.state = OrderState.PARTIALLY_FILLED

    right = fills._advance
    patch.setattr(execution, "_is_told_whole", is_told_whole)
    patch.setattr(fills, "_advance", advance)


def never_ask_about_what_rests(patch: Patch) -> None:
    """An order that filled in part is taken for granted."""
    patch.setattr(reconciliation, "_rests_at_venue", lambda: Q(pk__in=[]))


def keep_what_was_missed(patch: Patch) -> None:
    """What a venue refused, and what risk clipped, stays in a follow's aim."""
    for module in (execution, withdrawing):
        patch.setattr(module, "take_off_targets", lambda taken, **how: None)


def trust_the_venues_clock(patch: Patch) -> None:
    """Followers wait until the venue's wrong clock has come."""
    patch.setattr(lead_events, "market_now", lambda namespace: datetime(9999, 1, 1, tzinfo=UTC))


def deny_exits_in_a_halt(patch: Patch) -> None:
    """A halt also stops what closes."""
    right = judge

    def strict(own: Any, market_rules: Any) -> Any:
        return right(replace(own, reduces=own.reduces and own.safety_state == "ACTIVE"), market_rules)

    patch.setattr(judging, "judge", strict)


def lose_the_last_unit(patch: Patch) -> None:
    """A balance moves by a little less than the fill says."""
    from portfolios.services import books

    right = books._move_balances

    def rounded(balances: Any, one: Any) -> None:
        right(balances, replace(one, fee=one.fee.quantize(Decimal("0.0001"))) if one.change < ZERO else one)

    patch.setattr(books, "_move_balances", rounded)


def believe_the_cancel(patch: Patch) -> None:
    """An order ends when its cancel is sent, whatever the venue makes of it."""
    right = canceling.claim_cancels

    def claim_and_end(orders: Any) -> list[Order]:
        claimed = right(orders)
        withdrawing.end_orders(claimed, OrderState.CANCELED, "CANCELED_BY_OWNER")
        return claimed

    patch.setattr(canceling, "claim_cancels", claim_and_end)


def ask_for_a_cancel_once(patch: Patch) -> None:
    """A cancel that got lost is never asked for again."""
    patch.setattr(canceling, "AGAIN", timedelta(days=1))


def replace_before_the_end(patch: Patch) -> None:
    """What takes an order's place is sent while that one still lives; and the second of a pair likewise."""
    right = execution._waiting_parts
    patch.setattr(execution, "_waiting_parts", lambda *asked: right(*asked)._replace(grouped=False, replacing=False))


def forget_what_filled_meanwhile(patch: Patch) -> None:
    """What takes an order's place, or is the other of its pair, asks for what that one has filled in part, too."""
    patch.setattr(brackets, "_shrink", lambda smaller: None)


def halt_only_what_is_here(patch: Patch) -> None:
    """A halt leaves what waits at a venue alone."""
    right = withdrawing.wish_cancels
    patch.setattr(
        withdrawing, "wish_cancels", lambda orders, code: [] if code == "TRADING_HALTED" else right(orders, code)
    )


def fill_here_what_waits_there(patch: Patch) -> None:
    """What was set off and rests at the venue is met by our own engine, too, and filled here."""
    patch.setattr(resting, "has_venue", lambda order: not order.is_at_venue)
    patch.setattr(Order, "rests_on_book", property(lambda order: order.state in RESTING and order.change is not None))
    patch.setattr(resting, "ON_BOOK", Q(state__in=RESTING, change__isnull=False))


def never_liquidate(patch: Patch) -> None:
    """What no longer carries its margin is left alone."""
    patch.setattr(liquidation, "due_for_liquidation", lambda portfolio: [])


def forget_margins(patch: Patch) -> None:
    """What is set aside for a position stays promised when it closes."""
    right = settle

    def wrong(*facts: Any, **more: Any) -> Settled:
        settled = right(*facts, **more)
        return replace(settled, margin=max(settled.margin, Decimal(1)))

    patch.setattr(books, "settle", wrong)


@dataclass(frozen=True)
class Mutation:
    """A mistake, the names under which it may be found, and a seed that is known to find it."""

    make: Callable[[Patch], None]
    seed: int
    found_as: tuple[str, ...]


RAISED, TOO_SOON, UNBOOKED = "raised", "sent again too soon", "every_fill_is_booked_once"
HELD, ORPHAN, AIMS = "every_hold_is_released", "no_orphan_order", "aims_are_what_was_had"
DEAD, TWO, MUCH = "what_ended_here_is_dead_there", "two live at once", "no_wish_is_filled_twice"
MUTATIONS = (
    Mutation(book_fills_again, 1, (RAISED, UNBOOKED)),
    Mutation(send_again_after_one_silence, 15, (TOO_SOON,)),
    Mutation(send_again_after_one_not_found, 9, (TOO_SOON,)),
    Mutation(ignore_the_validity_window, 15, (TOO_SOON,)),
    Mutation(send_stale_claims, 2, (TOO_SOON,)),
    Mutation(take_late_answers_for_new_ones, 11, (RAISED, UNBOOKED, HELD, DEAD)),
    Mutation(forget_a_hold, 2, (HELD,)),
    Mutation(never_sweep, 1, (HELD, ORPHAN)),
    Mutation(fan_out_twice, 1, (RAISED, "no_duplicate_copy", "rule_18")),
    Mutation(promise_half, 72, (RAISED, UNBOOKED, "nothing_is_overspent")),
    Mutation(leave_parts_without_a_stop, 7, ("parts_are_guarded",)),
    Mutation(end_before_all_is_told, 59, (RAISED, UNBOOKED, HELD, AIMS)),
    Mutation(never_ask_about_what_rests, 17, (HELD, UNBOOKED, ORPHAN)),
    Mutation(keep_what_was_missed, 9, (AIMS,)),
    Mutation(trust_the_venues_clock, 2, (ORPHAN,)),
    Mutation(deny_exits_in_a_halt, 6, ("no_exit_is_blocked",)),
    Mutation(believe_the_cancel, 30, (DEAD, RAISED, UNBOOKED, HELD)),
    Mutation(ask_for_a_cancel_once, 30, (HELD, ORPHAN, "halted_opens")),
    Mutation(replace_before_the_end, 2, (TWO,)),
    Mutation(forget_what_filled_meanwhile, 48, (MUCH,)),
    Mutation(halt_only_what_is_here, 12, ("halted_opens",)),
    Mutation(fill_here_what_waits_there, 13, (RAISED, UNBOOKED)),
    Mutation(lose_the_last_unit, 2, ("holdings_are_the_venues", RAISED)),
    Mutation(never_liquidate, 8, ("nothing_is_beyond_its_margin",)),
    Mutation(forget_margins, 18, ("margins_equal_entries", RAISED)),
)
