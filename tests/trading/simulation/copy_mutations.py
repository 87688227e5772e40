"""Mistakes that somebody might make in copying, each as a patch: one for each rule that a simulation asks about by its number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import PositiveBigIntegerField, UUIDField

from accounts.models import User
from common.db import Slot, locking
from common.prepared import Prepared
from engine.copying import minimums
from engine.copying.checks import refusal_of
from engine.decimals import ZERO, floor_to_step
from engine.risk import InstrumentRules, OrderFacts
from portfolios.models import Portfolio
from tests.trading.simulation.mutations import RAISED, Mutation
from trading.models import MIRRORING, Follow, LeadEvent, LeadStream, Order
from trading.rules import rules_for
from trading.services import copy_orders, copying, execution, follows, judging, lead_events
from trading.services.orders import another_order
from trading.simulation import moves

Patch = pytest.MonkeyPatch


def tell_what_was_held_before(patch: Patch) -> None:
    """A lead's event says what was held before its fill."""
    right = lead_events._add

    def stale(event: LeadEvent, order: Order, fill: Any, booked: Any) -> None:
        right(event, order, fill, booked)
        event.resulting_quantity = booked.held - fill.change

    patch.setattr(lead_events, "_add", stale)


def close_all_of_it(patch: Patch) -> None:
    """Whatever part the lead closes, followers close everything."""
    right = another_order

    def whole(model: Order, **facts: Any) -> Order:
        order = right(model, **facts)
        order.closed_fraction = None if order.closed_fraction is None else Decimal(1)
        return order

    patch.setattr(copy_orders, "another_order", whole)


def leave_a_lot(patch: Patch) -> None:
    """A copy that closes everything leaves one lot."""
    right = judging._sized

    def short(order: Order, own: OrderFacts, rules: InstrumentRules) -> OrderFacts:
        sized = right(order, own, rules)
        is_all = order.follow_id is not None and order.closed_fraction == 1 and sized.quantity > rules.lot_step
        return replace(sized, quantity=sized.quantity - rules.lot_step) if is_all else sized

    patch.setattr(judging, "_sized", short)


def send_parts_of_lots(patch: Patch) -> None:
    """What is netted is sent in tenths of a lot."""
    patch.setattr(minimums, "floor_to_step", lambda quantity, step: floor_to_step(quantity, step / 10))


def send_what_is_too_small(patch: Patch) -> None:
    """The venue's minimum is no reason to wait, nor to deny."""
    right = rules_for
    patch.setattr(copy_orders, "smallest_of", lambda instrument, price: ZERO)
    patch.setattr(judging, "rules_for", lambda order: replace(right(order), min_notional=ZERO))


def keep_parts(patch: Patch) -> None:
    """A part that the lead closes waits for the next one, whatever it is worth."""
    right = minimums.net_reduction

    def kept(closing: Decimal, closed_fraction: Decimal, bucket: minimums.Bucket, terms: minimums.Terms) -> Any:
        never = replace(terms, smallest=Decimal(10) ** 12)
        return right(closing, closed_fraction, bucket, never)

    patch.setattr(copy_orders, "net_reduction", kept)


def pay_any_price(patch: Patch) -> None:
    """An open may trade two in a hundred from the lead's price."""
    patch.setattr(copy_orders, "price_cap", lambda **facts: Decimal("0.02"))


def open_however_late(patch: Patch) -> None:
    """An event is never too old."""
    now = timedelta(0)
    patch.setattr(copy_orders, "refusal_of", lambda facts, settings: refusal_of(replace(facts, age=now), settings))


def open_in_a_pause(patch: Patch) -> None:
    """A pause keeps nothing from being opened."""
    patch.setattr(
        copy_orders, "refusal_of", lambda facts, settings: refusal_of(replace(facts, is_paused=False), settings)
    )


def send_all_at_once(patch: Patch) -> None:
    """A copy does not wait for those before it."""
    right = execution._waiting_parts
    patch.setattr(execution, "_waiting_parts", lambda *asked: right(*asked)._replace(copies=False))
    patch.setattr(copying, "_ready", lambda event, orders: [])


def name_copies_at_random(patch: Patch) -> None:
    """A copy's client order id says nothing of what it copies."""
    right = another_order

    def nameless(model: Order, **facts: Any) -> Order:
        order = right(model, **facts)
        order.client_order_id = order.pk.hex
        return order

    patch.setattr(copy_orders, "another_order", nameless)


def lead_from_a_copy(patch: Patch) -> None:
    """Whoever follows is followed themselves, and nobody refuses it."""
    patch.setattr(follows, "is_following", lambda portfolio: False)
    right = follows.start_follow

    def onward(*, follower: User, lead: Portfolio, **facts: Any) -> Follow:
        copying_one = Follow.objects.filter(state="ACTIVE").exclude(follower=follower).order_by("pk").first()
        if copying_one is None:
            return right(follower=follower, lead=lead, **facts)
        LeadStream.objects.get_or_create(portfolio=copying_one.portfolio)
        return right(follower=follower, lead=copying_one.portfolio, **facts)

    patch.setattr(moves, "start_follow", onward)


def resume_what_has_ended(patch: Patch) -> None:
    """A stopped follow is resumed like a paused one."""

    def revive(*, actor: User, follow: Follow) -> Follow:
        follow.state = "ACTIVE"
        follow.save(update_fields=["state"])
        return follow

    patch.setattr(moves, "resume_follow", revive)


def _copy_for(patch: Patch, **which: Any) -> None:
    """Let other follows copy an event than those that mirror, and began before it."""
    asked = Slot("lead", UUIDField())
    copied = Follow.objects.filter(lead_id=asked, **which)
    patch.setattr(copying, "_MIRRORING", Prepared(lambda: copied.values_list("pk")))
    patch.setattr(copying, "_CHOSEN", Prepared(lambda: locking(copied.filter(pk__among=Slot("follows")))))
    patch.setattr(copying, "_seen", lambda follow: follow.last_seq)


def copy_what_came_before(patch: Patch) -> None:
    """A follow copies events of before its start."""
    _copy_for(patch, state__in=MIRRORING)


def copy_after_the_end(patch: Patch) -> None:
    """A stopped follow goes on copying."""
    _copy_for(patch, state__in=(*MIRRORING, "STOPPED"), start_seq__lt=Slot("seq", PositiveBigIntegerField()))


COPY_MUTATIONS = (
    Mutation(lead_from_a_copy, 13, ("rule_01",)),
    Mutation(resume_what_has_ended, 35, ("rule_02",)),
    Mutation(copy_what_came_before, 43, ("rule_29",)),
    Mutation(copy_after_the_end, 2, ("rule_31",)),
    Mutation(tell_what_was_held_before, 1, ("rule_03",)),
    Mutation(close_all_of_it, 6, ("rule_09",)),
    Mutation(leave_a_lot, 6, ("rule_09",)),
    Mutation(send_parts_of_lots, 7, ("rule_10",)),
    Mutation(send_what_is_too_small, 273, ("rule_11",)),
    Mutation(keep_parts, 6, ("no_exit_is_blocked",)),
    Mutation(pay_any_price, 6, ("rule_14",)),
    Mutation(open_however_late, 7, ("rule_15",)),
    Mutation(send_all_at_once, 59, ("rule_17", RAISED)),
    Mutation(name_copies_at_random, 1, ("rule_18",)),
    Mutation(open_in_a_pause, 22, ("rule_30",)),
)
