"""What one broken row must not do to the others, and what a lost night is made up for by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from accounts.models import User
from common import clock
from common.errors import DomainError
from marketplace.billing.gateway import Refused
from marketplace.billing.models import ChangeKind, Price, Seller, ShareInvoice
from marketplace.billing.selectors import has_right
from marketplace.billing.services import lapsing
from marketplace.billing.services.changing import request_change
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.reconciling import reconcile_once_a_night
from marketplace.billing.services.sweeping import sweep
from marketplace.services.listings import end_use
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop


def test_a_row_of_the_other_mode_waits_and_holds_up_no_other(shop: Shop, settings: Settings) -> None:
    price = shop.price()
    foreign = {"mode": "LIVE", "state": "PENDING", "processor_id": "", "product_id": ""}
    terms = {"subject": price.subject, "listing": price.listing, "currency": "usd", "amount_minor": 900}
    times = {"due_at": price.created_at, "created_at": price.created_at}
    other = Price.objects.create(interval="month", **terms, **times, **foreign)
    Price.objects.filter(pk=price.pk).update(state="PENDING", processor_id="", due_at=price.created_at)
    sweep()
    price.refresh_from_db()
    other.refresh_from_db()
    assert (price.state, other.state, other.processor_id) == ("LIVE", "PENDING", "")
    assert other.problem.startswith("This was made in live mode")


def test_a_refusal_that_cannot_be_told_is_not_written_down_and_holds_up_no_other_row(
    shop: Shop, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.price()
    now = clock.wall_now()
    seller = Seller.objects.get()
    terms = {"seller": seller, "currency": "usd", "amount_minor": 900, "platform_fee_minor": 90}
    times = {"week": now.date(), "due_at": now, "created_at": now}
    share = ShareInvoice.objects.create(follower=bob, **terms, **times)

    def refuse(row: ShareInvoice) -> None:
        raise Refused("No.")

    def fail(row: ShareInvoice, words: str) -> None:
        raise RuntimeError

    assert carry_out(ShareInvoice, share.pk, refuse, fail) is False
    share.refresh_from_db()
    assert (share.state, share.problem) == ("PENDING", "")


def test_a_right_that_cannot_be_ended_now_holds_up_nobody_elses(
    shop: Shop, bob: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = shop.price()
    stuck, other = shop.subscribe(bob, price), shop.subscribe(charlie, price)

    def refuse_once(*, user: User, **facts: object) -> int:
        if user == bob:
            raise DomainError("BUSY", "Not now.")
        return end_use(user=user, **facts)  # type: ignore[arg-type]  # a dict of mixed values

    monkeypatch.setattr(lapsing, "end_use", refuse_once)
    for one, user in ((stuck, bob), (other, charlie)):
        with shop.working():
            request_change(user=user, subscription=one, kind=ChangeKind.CANCEL_NOW)
        one.refresh_from_db()
    assert (stuck.is_lapsed, other.is_lapsed, has_right(bob, shop.subject)) == (False, True, False)
    monkeypatch.undo()
    sweep()
    stuck.refresh_from_db()
    assert stuck.is_lapsed


def test_a_night_in_which_the_processor_was_silent_is_made_up_for(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    bought = shop.subscribe(bob, shop.price())
    type(bought).objects.update(status="past_due")
    now = clock.wall_now()
    clock.use_wall_clock(lambda: datetime(now.year, now.month, now.day, 4, tzinfo=UTC) + timedelta(days=1))
    processor.fault("server_error", count=1)
    assert [reconcile_once_a_night() for _ in range(3)] == [0, 1, 0]
    bought.refresh_from_db()
    assert bought.status == "active"
