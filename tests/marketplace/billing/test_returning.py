"""Refunds made at the processor's own page, and refunds that fail after they had succeeded: lead, platform, taxes, to the cent."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest

from accounts.models import User
from common.clock import wall_now
from marketplace.billing import gateway
from marketplace.billing.checks import book_errors, differences_from_processor
from marketplace.billing.models import Account, Finding, FindingKind, Invoice, MoneyLine, Price, Refund
from marketplace.billing.services import returning
from marketplace.billing.services.inbox import process_due
from marketplace.billing.services.reconciling import reconcile
from marketplace.billing.services.refunding import refund_part, request_refund
from marketplace.billing.services.sweeping import sweep
from marketplace.billing.services.syncing import sync_invoice
from marketplace.billing.tax_models import TakenBack
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop, deliver
from tests.marketplace.billing.test_taxing import agree, buy, contested, operator, sums, taxed
from tests.marketplace.billing.test_taxing import lead_has as lead_has_in_all

__all__ = ["operator", "taxed"]


@pytest.fixture(autouse=True)
def balance(processor: StripeSandbox) -> None:
    """The platform leaves its money at the processor, from where leads are paid back."""
    processor.control("POST", "options", platform_payouts="manual")


# What the operator ticks at the processor's page.
BOTH = {"reverse_transfer": True, "refund_application_fee": True}
TICKED = [{}, {"reverse_transfer": True}, {"refund_application_fee": True}, BOTH]


def refund_there(shop: Shop, paid: Invoice, amount: int, **ticked: Any) -> str:
    """Refund a part at the processor's own page; return the refund's id."""
    wish = {"payment_intent": paid.payment_id, "amount": amount, **ticked}
    return str(shop.processor.client().v1.refunds.create(wish).id)  # type: ignore[arg-type]  # a dict of mixed values


def sell_another(shop: Shop, buyer: User) -> None:
    """Let the platform earn more than what it lost on fees, so that it has money to pay a lead back with."""
    checkout = shop.begin(buyer, Price.objects.get())
    shop.processor.check_out(checkout.processor_id, country="DE")
    shop.hear()
    shop.advance(3)


def lead_has(processor: StripeSandbox) -> int:
    """Return what the lead's balance comes to there, without what anybody but bob paid."""
    others = MoneyLine.objects.filter(account=Account.SELLER).exclude(invoice__user__email="bob@example.org")
    return lead_has_in_all(processor) - sum(one.amount_minor for one in others if one.kind != "PAYOUT")


def settled(shop: Shop) -> None:
    """Let the platform's balance be there, and a night pass in which everything is compared."""
    shop.advance(3)
    with shop.working():
        reconcile()
        sweep()
    agree()


def state(paid: Invoice) -> tuple[int, int, int]:
    """Return what lead, taxes and buyer come to; the lead's is asked of the processor, too."""
    found = sums(paid)
    return found.get(Account.SELLER, 0), found.get(Account.TAX, 0), found[Account.BUYER]


def rows(**narrowed: Any) -> list[tuple[str, int, str]]:
    found = TakenBack.objects.filter(**narrowed).order_by("created_at", "pk")
    return list(found.values_list("cause", "amount_minor", "state"))


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("ticked", TICKED)
@pytest.mark.parametrize(("amount", "share", "tax"), [(595, 400, 95), (1, 799, 190), (333, 576, 137), (1190, 0, 0)])
def test_a_part_refund_made_there_is_shared_like_one_made_here(
    shop: Shop, bob: User, charlie: User, ticked: dict[str, bool], amount: int, share: int, tax: int
) -> None:
    paid = buy(shop, bob)
    sell_another(shop, charlie)
    refund_there(shop, paid, amount, **ticked)
    shop.hear()
    with shop.working():
        sweep()
    assert (state(paid), lead_has(shop.processor)) == ((share, tax, amount - 1190), share)
    assert not Finding.objects.exists()
    agree()


@pytest.mark.usefixtures("taxed")
def test_refunds_made_here_and_there_end_at_nothing(shop: Shop, bob: User, charlie: User, operator: User) -> None:
    paid = buy(shop, bob)
    sell_another(shop, charlie)
    refund_there(shop, paid, 333, **BOTH)
    shop.hear()
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=262)
    shop.hear()
    assert (state(paid), lead_has(shop.processor)) == ((400, 95, -595), 400)
    refund_there(shop, paid, 595, reverse_transfer=True)
    shop.hear()
    assert (state(paid), lead_has(shop.processor)) == ((0, 0, 0), 0)
    agree()


@pytest.mark.usefixtures("taxed")
def test_however_often_late_or_out_of_order_its_messages_come_it_is_shared_once(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    refund_there(shop, paid, 333, **BOTH)
    refund_there(shop, paid, 262)
    events = processor.control("GET", "events")
    for seed in range(3):
        shuffled = [dict(one, id=f"{one['id']}_{seed}") for one in [*events, *events]]
        random.Random(seed).shuffle(shuffled)
        with shop.working():
            for one in shuffled:
                assert deliver(one) == 200
    shop.hear()
    with shop.working():
        process_due()
        sweep()
    assert (state(paid), lead_has(processor)) == ((400, 95, -595), 400)
    assert MoneyLine.objects.filter(kind="REFUND", account=Account.BUYER).count() == 2
    agree()


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("ticked", TICKED)
def test_without_any_message_the_night_finds_it_and_shares_it(
    shop: Shop, bob: User, processor: StripeSandbox, ticked: dict[str, bool]
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    refund_there(shop, paid, 595, **ticked)
    with shop.working():
        assert reconcile() == 1
        sweep()
    assert (state(paid), lead_has(processor)) == ((400, 95, -595), 400)
    assert Finding.objects.get().details["theirs"] == {"refunded_minor": 595}
    agree()


@pytest.mark.usefixtures("taxed")
def test_made_there_before_the_taxes_were_taken_what_is_gone_is_not_asked_for(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    """All of the transfer went back with the refund: the reversal of its taxes is refused, and nobody owes them."""
    processor.fault("server_error", where="POST /v1/transfers/")
    paid = buy(shop, bob)
    assert rows() == [("TAX", 152, "PENDING")]
    processor.no_faults()
    refund_there(shop, paid, 1190, **BOTH)
    shop.hear()
    shop.advance(0.01)
    assert rows() == [("TAX", 152, "VOID")]
    assert (state(paid), lead_has(processor)) == ((0, 0, 0), 0)
    assert not Finding.objects.filter(settled_at=None).exists()
    agree()


@pytest.mark.usefixtures("taxed")
def test_the_platform_has_no_money_yet_the_lead_is_paid_when_it_has(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    refund_there(shop, paid, 595, **BOTH)
    shop.hear()
    assert rows(cause="RETURN") == [("RETURN", 76, "FAILED")]
    assert Finding.objects.get().kind == FindingKind.RETURN_REFUSED
    settled(shop)
    assert rows(cause="RETURN") == [("RETURN", 76, "DONE")]
    assert (state(paid), lead_has(processor)) == ((400, 95, -595), 400)


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("fault", ["server_error", "server_error_after", "rate_limit"])
def test_after_silence_or_a_crash_a_lead_is_paid_back_once_even_a_week_later(
    shop: Shop, bob: User, processor: StripeSandbox, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    processor.fault(fault, where="POST /v1/transfers", count=1)
    refund_there(shop, paid, 595, **BOTH)
    shop.hear()
    processor.no_faults()
    assert rows(cause="RETURN") == [("RETURN", 76, "PENDING")]
    TakenBack.objects.update(due_at=wall_now())
    with monkeypatch.context() as patched:
        patched.setattr(returning, "book_returned", lambda *args: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            sweep()
    assert (lead_has(processor), sums(paid)[Account.SELLER]) == (400, 324)
    shop.advance(8)
    assert (rows(cause="RETURN"), state(paid), lead_has(processor)) == (
        [("RETURN", 76, "DONE")],
        (400, 95, -595),
        400,
    )
    agree()


# --- refunds that fail after they had succeeded ---------------------------------------------------------------------
@pytest.mark.parametrize("is_taxed", [True, False])
@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize("ticked", [None, *TICKED])
def test_what_was_taken_for_a_refund_that_failed_goes_back_to_the_lead(
    shop: Shop,
    bob: User,
    operator: User,
    settings: Any,
    is_taxed: bool,
    is_heard: bool,
    ticked: dict[str, bool] | None,
) -> None:
    """Made here (None) or there; heard of before it failed, or only after: the lead has its share, and the taxes are held."""
    settings.STRIPE_TAX = is_taxed
    paid = buy(shop, bob)
    shop.advance(3)
    had = state(paid)
    if ticked is None:
        with shop.working():
            made = refund_part(operator=operator, invoice=paid, amount_minor=500)
        made.refresh_from_db()
        name = made.processor_id
    else:
        name = refund_there(shop, paid, 500, **ticked)
    if is_heard:
        shop.hear()
    shop.processor.fail_refund(name)
    for _ in range(2):
        shop.hear()
        with shop.working():
            sweep()
    paid.refresh_from_db()
    assert (state(paid), paid.refunded_minor) == (had, 0)
    assert lead_has(shop.processor) == 800
    assert Finding.objects.get(kind=FindingKind.REFUND_FAILED).object_id == name
    agree()
    settled(shop)
    assert state(paid) == had


@pytest.mark.usefixtures("taxed")
def test_whatever_looks_at_the_payment_next_hears_of_the_failure(shop: Shop, bob: User) -> None:
    """Its own messages are lost, and the charge says nothing of a refund any more."""
    paid = buy(shop, bob)
    shop.advance(3)
    name = refund_there(shop, paid, 595)
    shop.hear()
    shop.processor.fail_refund(name)
    with shop.working():
        sync_invoice(mode="TEST", invoice_id=paid.processor_id)
    assert state(paid) == (800, 190, -1190)


@pytest.mark.usefixtures("taxed")
def test_its_buyer_may_ask_again_and_then_has_it_once(shop: Shop, bob: User, charlie: User) -> None:
    paid = buy(shop, bob)
    sell_another(shop, charlie)
    with shop.working():
        request_refund(user=bob, invoice=paid)
    shop.hear()
    first = Refund.objects.get()
    assert (first.state, state(paid)) == ("DONE", (0, 0, 0))
    shop.processor.fail_refund(first.processor_id)
    shop.hear()
    first.refresh_from_db()
    assert (first.state, "expired_or_canceled_card" in first.problem) == ("FAILED", True)
    assert (state(paid), lead_has(shop.processor)) == ((800, 190, -1190), 800)
    with shop.working():
        request_refund(user=bob, invoice=paid)
    shop.hear()
    assert (state(paid), lead_has(shop.processor)) == ((0, 0, 0), 0)
    agree()


@pytest.mark.usefixtures("taxed")
def test_of_two_refunds_the_one_that_failed_is_paid_back(shop: Shop, bob: User, charlie: User, operator: User) -> None:
    paid = buy(shop, bob)
    sell_another(shop, charlie)
    for amount in (333, 262):
        with shop.working():
            refund_part(operator=operator, invoice=paid, amount_minor=amount)
        shop.hear()
    failing = Refund.objects.get(amount_minor=333)
    shop.processor.fail_refund(failing.processor_id)
    shop.hear()
    # Of 2.62 alone.
    assert (sums(paid)[Account.SELLER], lead_has(shop.processor)) == (624, 624)
    refund_there(shop, paid, 928, **BOTH)
    shop.hear()
    assert (state(paid), lead_has(shop.processor)) == ((0, 0, 0), 0)
    agree()


@pytest.mark.usefixtures("taxed")
def test_of_what_was_never_taken_nothing_is_paid_back(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    processor.fault("server_error", where="POST /v1/transfers/", status=400)
    with shop.working():
        made = refund_part(operator=operator, invoice=paid, amount_minor=595)
    shop.hear()
    assert rows(cause="REFUND") == [("REFUND", 400, "FAILED")]
    made.refresh_from_db()
    processor.fail_refund(made.processor_id)
    shop.hear()
    processor.no_faults()
    assert rows() == [("TAX", 152, "DONE"), ("REFUND", 400, "VOID")]
    assert (state(paid), lead_has(processor)) == ((800, 190, -1190), 800)
    assert not Finding.objects.filter(kind=FindingKind.TRANSFER_REFUSED, settled_at=None).exists()
    settled(shop)


@pytest.mark.usefixtures("taxed")
@pytest.mark.parametrize("is_refused", [True, False])
def test_what_is_being_taken_while_its_refund_fails_is_paid_back_once_it_was_taken(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox, is_refused: bool
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    processor.fault("server_error", where="POST /v1/transfers/")
    with shop.working():
        made = refund_part(operator=operator, invoice=paid, amount_minor=595)
    made.refresh_from_db()
    processor.fail_refund(made.processor_id)
    shop.hear()
    assert rows(cause="RETURN") == []
    processor.no_faults()
    if is_refused:
        processor.fault("server_error", where="POST /v1/transfers/", status=400)
    shop.advance(0.01)
    processor.no_faults()
    ended = [("REFUND", 400, "VOID")] if is_refused else [("REFUND", 400, "DONE"), ("RETURN", 400, "DONE")]
    assert rows() == [("TAX", 152, "DONE"), *ended]
    assert (state(paid), lead_has(processor)) == ((800, 190, -1190), 800)
    agree()


@pytest.mark.usefixtures("taxed")
def test_failed_doubled_and_shuffled_it_is_paid_back_once(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    shop.advance(3)
    name = refund_there(shop, paid, 595, **BOTH)
    shop.hear()
    processor.fail_refund(name)
    news = [one for one in processor.control("GET", "events") if "refund" in one["type"]]
    for number, order in enumerate(list(permutations(news))[:12]):
        with shop.working():
            for one in order:
                assert deliver(dict(one, id=f"{one['id']}_{number}")) == 200
    assert rows(cause="RETURN") == [("RETURN", 76, "DONE"), ("RETURN", 400, "DONE")]
    assert (state(paid), lead_has(processor)) == ((800, 190, -1190), 800)
    agree()


@pytest.mark.usefixtures("taxed")
def test_a_lost_dispute_after_a_refund_is_not_taken_for_too_much(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    paid = buy(shop, bob)
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=595)
    shop.hear()
    processor.close_dispute(contested(shop, paid), "lost")
    shop.hear()
    with shop.working():
        # (What comes after it looks at the whole payment once more.)
        for one in processor.control("GET", "events"):
            if one["type"] == "charge.refunded":
                assert deliver(dict(one, id="evt_again")) == 200
        sweep()
    assert rows() == [("TAX", 152, "DONE"), ("REFUND", 400, "DONE"), ("DISPUTE", 400, "DONE")]
    assert not Finding.objects.filter(kind=FindingKind.DIFFERENCE).exists()
    assert (book_errors(), differences_from_processor(), lead_has(processor)) == ([], [], 0)


def test_a_refund_that_was_cancelled_came_to_nothing() -> None:
    found = [gateway.has_come_to_nothing({"status": one}) for one in ("failed", "canceled", "pending", "succeeded")]
    assert found == [True, True, False, False]
