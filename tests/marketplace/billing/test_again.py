"""What is asked for again after the processor's keys were forgotten, and what operators do about what it refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.webhooks.models import WebhookDelivery
from accounts.webhooks.services import collect_facts, create_endpoint
from common.errors import DomainError
from marketplace.billing.checks import differences_from_processor
from marketplace.billing.models import (
    Customer,
    Dispute,
    Finding,
    FindingKind,
    Invoice,
    MoneyLine,
    Payout,
    Refund,
    Seller,
    ShareInvoice,
    ShareLine,
)
from marketplace.billing.services.inbox import process_due
from marketplace.billing.services.refunding import refund_part
from marketplace.billing.services.sharing import invoice_shares, retry_share, void_share
from tests.fixtures_stripe import StripeSandbox
from tests.fixtures_vending import Shop, deliver
from tests.marketplace.billing.test_sharing import settle, week_ended
from trading.copy_accounts.services.settling import open_account


@pytest.fixture
def operator() -> User:
    return User.objects.create_user("olive@example.org", is_staff=True)


def test_a_refund_that_was_made_unheard_is_found_two_days_later_and_not_made_twice(
    shop: Shop, bob: User, processor: StripeSandbox, operator: User
) -> None:
    shop.subscribe(bob, shop.price("10.01"))
    paid = Invoice.objects.get(status="paid")
    processor.fault("server_error_after", where="POST /v1/refunds", count=1)
    with shop.working():
        refund_part(operator=operator, invoice=paid, amount_minor=333)
    assert Refund.objects.get().state == "PENDING"
    # The message that told of it is lost, too; its row waits until a worker is back.
    shop.advance(2)
    assert Refund.objects.get().state == "DONE"
    assert [one.amount for one in processor.client().v1.refunds.list().data] == [333]
    paid.refresh_from_db()
    assert paid.refunded_minor == 333
    assert differences_from_processor() == []


def _due(shop: Shop, bob: User, amount: str = "12.34") -> None:
    shop.subscribe(bob, shop.price())
    settle(open_account(follow=shop.pit.follow(bob)), 1, amount, week_ended())


def test_items_of_an_earlier_release_name_no_line_and_are_not_charged_beside_those_that_do(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    """It wrote them, was not answered when it finished the draft, and two days later it is this release that goes on."""
    _due(shop, bob)
    processor.fault("server_error", where="/finalize")
    with shop.working():
        invoice_shares()
    processor.no_faults()
    api = processor.client().v1
    (item,) = api.invoice_items.list().data
    draft = ShareInvoice.objects.get()
    facts = {"customer": item.customer, "invoice": item.invoice, "currency": "usd", "amount": 1234}
    api.invoice_items.delete(item.id)
    api.invoice_items.create(facts)  # type: ignore[arg-type]  # a dict of mixed values
    shop.advance(2)
    draft.refresh_from_db()
    assert (draft.state, draft.invoice and draft.invoice.total_minor) == ("DONE", 1234)
    assert differences_from_processor() == []


@pytest.mark.parametrize("where", ["POST /v1/invoices", "POST /v1/invoiceitems", "/finalize", "/pay"])
def test_a_share_invoice_that_was_made_unheard_is_gone_on_with_two_days_later(
    shop: Shop, bob: User, processor: StripeSandbox, where: str
) -> None:
    _due(shop, bob)
    processor.fault("server_error_after", where=where, count=1)
    with shop.working():
        assert invoice_shares() == 1
    assert ShareInvoice.objects.get().state == "PENDING"
    shop.advance(2)
    share = ShareInvoice.objects.get()
    assert (share.state, share.invoice and share.invoice.status) == ("DONE", "paid")
    listed = processor.client().v1.invoices.list({"limit": 100}).data
    mine = [one for one in listed if "share" in (one.to_dict().get("metadata") or {})]
    assert [(one.total, one.amount_paid) for one in mine] == [(1234, 1234)]
    assert differences_from_processor() == []


def test_what_a_lost_dispute_took_back_unheard_is_not_taken_twice(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    shop.subscribe(bob, shop.price())
    charge = processor.client().v1.payment_intents.retrieve(Invoice.objects.get().payment_id).latest_charge
    assert isinstance(charge, str)
    opened = processor.dispute(charge)
    shop.hear()
    processor.close_dispute(opened["id"], "lost")
    processor.fault("server_error_after", where="POST /v1/transfers", count=1)
    shop.hear()
    assert not MoneyLine.objects.filter(kind="TRANSFER").exists()
    # (How often it is asked about is the cache's, which has a clock of its own.)
    cache.delete(f"billing-recovery:{Dispute.objects.get().pk}")
    shop.advance(2)
    assert dict(MoneyLine.objects.filter(kind="TRANSFER").values_list("account", "amount_minor")) == {
        "SELLER": -800,
        "PLATFORM": 800,
    }
    assert differences_from_processor() == []


def test_a_reversal_of_an_earlier_release_is_not_made_again(shop: Shop, bob: User, processor: StripeSandbox) -> None:
    """It did not mark what it made: of the same amount, and of no refund, it is the dispute's."""
    shop.subscribe(bob, shop.price())
    api = processor.client().v1
    charge = api.payment_intents.retrieve(Invoice.objects.get().payment_id).latest_charge
    assert isinstance(charge, str)
    transfer = api.charges.retrieve(charge).transfer
    assert isinstance(transfer, str)
    opened = processor.dispute(charge)
    shop.hear()
    made = api.transfers.reversals.create(transfer, {"amount": 1000, "refund_application_fee": True})
    processor.close_dispute(opened["id"], "lost")
    shop.hear()
    shop.advance(0.01)
    assert [one.id for one in api.transfers.reversals.list(transfer).data] == [made.id]
    assert MoneyLine.objects.filter(kind="TRANSFER").exists()


def test_a_dispute_that_was_won_gives_right_and_payouts_back(shop: Shop, bob: User, processor: StripeSandbox) -> None:
    bought = shop.subscribe(bob, shop.price())
    charge = processor.client().v1.payment_intents.retrieve(Invoice.objects.get().payment_id).latest_charge
    assert isinstance(charge, str)
    opened = processor.dispute(charge)
    shop.hear()
    bought.refresh_from_db()
    assert (bought.is_disputed, bought.right_until, Seller.objects.get().is_held) == (True, None, True)
    processor.close_dispute(opened["id"], "won")
    shop.hear()
    bought.refresh_from_db()
    assert (bought.is_disputed, bought.right_until is not None) == (False, True)
    assert (Seller.objects.get().is_held, Seller.objects.get().is_held_there) == (False, False)
    shop.advance(0.01)
    # Nothing is taken of the lead, and the books agree.
    assert not MoneyLine.objects.filter(kind="TRANSFER").exists()
    assert differences_from_processor() == []


def _refused(shop: Shop, bob: User) -> ShareInvoice:
    """Return a share that the processor refused: it does not know the follower under this name."""
    _due(shop, bob)
    Customer.objects.update(processor_id="cus_unknown")
    with shop.working():
        invoice_shares()
    share = ShareInvoice.objects.get()
    assert share.state == "FAILED"
    return share


def test_a_refused_share_is_told_to_operators_and_tried_again(shop: Shop, bob: User, operator: User) -> None:
    share = _refused(shop, bob)
    told = Finding.objects.get(kind=FindingKind.SHARE_REFUSED)
    assert (told.object_id, told.user, told.details["amount_minor"]) == (str(share.pk), bob, 1234)
    assert share.problem == told.details["problem"] != ""
    with pytest.raises(DomainError) as refused:
        retry_share(operator=bob, share=share)
    assert refused.value.code == "OPERATORS_ONLY"
    # (Without one, another is made of them there.)
    Customer.objects.update(processor_id="")
    with shop.working():
        retry_share(operator=operator, share=share)
    share.refresh_from_db()
    assert (share.state, share.is_void, share.invoice and share.invoice.paid_minor) == ("DONE", False, 1234)
    told.refresh_from_db()
    assert told.settled_at is not None
    assert AuditEntry.objects.filter(action="profit_share.retried", actor=operator).count() == 1
    with pytest.raises(DomainError) as refused:
        void_share(operator=operator, share=share)
    assert refused.value.code == "SHARE_NOT_REFUSED"


def test_a_share_that_is_given_up_leaves_its_settlements_for_the_next_week(
    shop: Shop, bob: User, operator: User
) -> None:
    share = _refused(shop, bob)
    with shop.working():
        void_share(operator=operator, share=share)
    share.refresh_from_db()
    assert (share.state, share.is_void, share.invoice) == ("DONE", True, None)
    assert not ShareLine.objects.exists()
    Customer.objects.update(processor_id="")
    # Not twice in a week: whatever was in the way may be so still.
    assert invoice_shares() == 0
    shop.advance(7)
    with shop.working():
        assert invoice_shares() == 1
    again = ShareInvoice.objects.get(is_void=False)
    assert (again.week - share.week, again.amount_minor, again.state) == (timedelta(days=7), 1234, "DONE")
    assert ShareLine.objects.get().settlement.due == Decimal("12.34")  # type: ignore[union-attr]


def test_a_draft_of_a_share_that_is_given_up_asks_nobody_for_anything(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    _due(shop, bob)
    processor.fault("server_error", where="/finalize")
    with shop.working():
        invoice_shares()
    processor.no_faults()
    ShareInvoice.objects.update(state="FAILED")
    with shop.working():
        void_share(operator=operator, share=ShareInvoice.objects.get())
    assert ShareInvoice.objects.get().is_void
    api = processor.client().v1
    assert [
        one for one in api.invoices.list({"limit": 100}).data if "share" in (one.to_dict().get("metadata") or {})
    ] == []
    assert api.invoice_items.list().data == []


def test_a_payout_that_the_bank_refused_is_back_in_the_books_and_told(
    shop: Shop, bob: User, processor: StripeSandbox
) -> None:
    create_endpoint(user=shop.alice, url="https://example.com/", events=["payout.sent", "payout.failed"])
    collect_facts()
    shop.subscribe(bob, shop.price())
    processor.control("POST", "payouts/fail", account=Seller.objects.get().processor_id)
    shop.advance(4)
    failed = Payout.objects.get(status="failed")
    lines = MoneyLine.objects.filter(booking__startswith=failed.processor_id, account="SELLER").order_by("pk")
    assert list(lines.values_list("booking", "amount_minor")) == [
        (failed.processor_id, -800),
        (f"{failed.processor_id}:failed", 800),
    ]
    assert differences_from_processor() == []
    collect_facts()
    mine = WebhookDelivery.objects.filter(body__contains=failed.processor_id).order_by("event")
    assert [one.event for one in mine] == ["payout.failed", "payout.sent"]
    before = MoneyLine.objects.count()
    for event in processor.control("GET", "events"):
        deliver(event)
    with shop.working():
        process_due()
    assert MoneyLine.objects.count() == before


def test_operators_hold_and_release_payouts_and_say_whether_a_refund_ends_the_right(
    shop: Shop, bob: User, operator: User, processor: StripeSandbox
) -> None:
    bought = shop.subscribe(bob, shop.price())
    seller, paid = Seller.objects.get(), Invoice.objects.get()
    client = Client()
    client.force_login(operator)
    page = client.get("/billing/platform/").content.decode()
    assert page.count("and end the subscription") == 1
    account = processor.client().v1.accounts
    hold = f"/billing/platform/sellers/{seller.pk}/hold/"
    for sent, interval in (({"act": "hold", "reason": "Looks odd"}, "manual"), ({"act": "release"}, "daily")):
        with shop.working():
            assert client.post(hold, sent).status_code == 302
        schedule = account.retrieve(seller.processor_id).to_dict()["settings"]["payouts"]["schedule"]
        assert schedule["interval"] == interval
    actions = (
        AuditEntry.objects.filter(action__startswith="seller.", actor=operator)
        .order_by("pk")
        .values_list("action", flat=True)
    )
    assert list(actions) == ["seller.held", "seller.released"]
    give_back = f"/billing/platform/invoices/{paid.pk}/give-back/"
    with shop.working():
        client.post(give_back, {"amount": "1.00"})
    bought.refresh_from_db()
    assert (bought.status, Refund.objects.get().ends_right) == ("active", False)
    with shop.working():
        client.post(give_back, {"amount": "2.00", "ends_right": "on"})
    bought.refresh_from_db()
    paid.refresh_from_db()
    assert (bought.status, bought.right_until, paid.refunded_minor) == ("canceled", None, 300)
    assert "Steady" not in client.get("/billing/platform/?q=nobody").content.decode()
    assert client.get("/billing/platform/?q=bob").context["platform"].invoices == [paid]
    client.force_login(shop.alice)
    assert client.post(hold, {"act": "hold"}).status_code == 404
