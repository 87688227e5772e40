"""More of what alice pays and is paid for: a subscription to each listing, its invoice, and the line it is booked in."""

from __future__ import annotations

from marketplace.billing.models import Account, Invoice, MoneyLine, Subscription
from marketplace.billing.tax_models import TakenBack
from marketplace.models import Listing
from tests.routes.crowd_rows import Rows


def more_money(rows: Rows, listings: list[Listing]) -> None:
    """Let alice subscribe to more, and be paid for as much."""
    subscription = Subscription.objects.get(pk=rows.world.values["subscription_id"])
    at = rows.at(listings)
    subscriptions = rows.copies(
        subscription,
        listing_id=at,
        subject=lambda n: f"listing:{at(n)}",
        processor_id=lambda n: f"sub_crowd_{n}",
    )
    invoice = Invoice.objects.get(pk=rows.world.values["invoice_id"])
    invoices = rows.copies(
        invoice,
        subscription_id=rows.at(subscriptions),
        processor_id=lambda n: f"in_crowd_{n}",
        number=lambda n: f"B-{n}",
    )
    rows.copies(rows.first(TakenBack), invoice_id=rows.at(invoices), about=lambda n: f"ch_crowd_{n}")
    line = rows.first(MoneyLine, account=Account.SELLER)
    booked = {"booking": lambda n: f"ch_crowd_{n}", "invoice_id": rows.at(invoices)}
    rows.copies(line, **booked)
    # A booking sums to zero: what she is paid somebody has paid.
    rows.copies(line, **booked, account=lambda n: Account.BUYER, amount_minor=lambda n: -line.amount_minor)
