"""alice's money in the world of routes: what she bought and sells, in a mode whose key is not set."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from common.clock import wall_now
from marketplace.billing.models import (
    Account,
    BookingKind,
    Checkout,
    Finding,
    FindingKind,
    Invoice,
    Mode,
    MoneyLine,
    Price,
    PriceState,
    ProcessorEvent,
    Seller,
    ShareInvoice,
    Subscription,
    Work,
)
from marketplace.billing.promotion_models import PromotionCode
from marketplace.billing.tax_models import TakenBack
from marketplace.models import CopyRecord, Listing, ListingState, TrackRecord
from portfolios.models import Portfolio


def fill_till(alice: User, listing: Listing, unlisted: Portfolio) -> dict[str, Any]:
    """Write one row of each kind down and return their keys, by the names that addresses call them."""
    now = wall_now()
    subject, test = f"listing:{listing.pk}", {"mode": Mode.TEST}
    # Of another listing, so that the first can be followed for nothing.
    other = Listing.objects.create(
        owner=alice, portfolio=unlisted, title="Other", state=ListingState.WITHDRAWN, published_at=now
    )
    TrackRecord.objects.create(listing=other)
    CopyRecord.objects.create(listing=other)
    price = Price.objects.create(
        listing=other,
        subject=f"listing:{other.pk}",
        interval="month",
        currency="usd",
        amount_minor=1_000,
        state=PriceState.LIVE,
        due_at=now,
        created_at=now,
        **test,
    )
    times = {"expires_at": now, "due_at": now, "created_at": now}
    checkout = Checkout.objects.create(user=alice, price=price, subject=subject, state="EXPIRED", **times, **test)
    subscription = Subscription.objects.create(
        user=alice,
        listing=listing,
        price=price,
        subject=subject,
        processor_id="sub_1",
        status="active",
        started_at=now,
        period_end=now,
        fetched_at=now,
        **test,
    )
    seller = Seller.objects.create(user=alice, processor_id="acct_1", created_at=now, fetched_at=now, **test)
    invoice = Invoice.objects.create(
        user=alice,
        seller=seller,
        subscription=subscription,
        kind="SUBSCRIPTION",
        processor_id="in_1",
        number="A-1",
        status="paid",
        currency="usd",
        total_minor=1_000,
        paid_minor=1_000,
        created_at=now,
        paid_at=now,
        fetched_at=now,
        **test,
    )
    _book(seller, invoice)
    code, share = _offered(other, seller)
    finding = Finding.objects.create(kind=FindingKind.CHARGEBACK, user=alice, object_id="dp_1", found_at=now)
    return {
        "price_id": price.pk,
        "checkout_id": checkout.pk,
        "subscription_id": subscription.pk,
        "seller_id": seller.pk,
        "invoice_id": invoice.pk,
        "finding_id": finding.pk,
        "code_id": code.pk,
        "share_id": share.pk,
        "taking_id": _refused(invoice).pk,
        "form": "csv",
    }


def _offered(listing: Listing, seller: Seller) -> tuple[PromotionCode, ShareInvoice]:
    """Return a code of a listing, and a profit share that was refused."""
    now = wall_now()
    code = PromotionCode.objects.create(
        listing=listing, code="HALF", percent_off=50, state=PriceState.LIVE, due_at=now, created_at=now, mode=Mode.TEST
    )
    share = ShareInvoice.objects.create(
        follower=seller.user,
        seller=seller,
        week=now.date(),
        currency="usd",
        amount_minor=100,
        platform_fee_minor=10,
        state=Work.FAILED,
        problem="Refused.",
        due_at=now,
        created_at=now,
    )
    return code, share


def _refused(invoice: Invoice) -> TakenBack:
    """Return what could not be taken back of a lead."""
    now, words = wall_now(), {"state": "FAILED", "problem": "Refused."}
    times = {"due_at": now, "created_at": now}
    return TakenBack.objects.create(invoice=invoice, cause="TAX", about="ch_1", amount_minor=152, **words, **times)


def _book(seller: Seller, invoice: Invoice) -> None:
    """Book a payment, and keep the message that told of it."""
    now = wall_now()
    facts = {"happened_at": now, "recorded_at": now, "mode": Mode.TEST}
    for account, amount in ((Account.BUYER, -1_000), (Account.SELLER, 1_000)):
        MoneyLine.objects.create(
            booking="ch_1",
            kind=BookingKind.CHARGE,
            account=account,
            seller=seller,
            invoice=invoice,
            currency="usd",
            amount_minor=amount,
            **facts,
        )
    ProcessorEvent.objects.create(
        event_id="evt_1",
        kind="charge.succeeded",
        object_id="ch_1",
        happened_at=now,
        received_at=now,
        due_at=now,
        is_done=True,
        mode=Mode.TEST,
    )
