"""Billing's doors for workers. Each carries an id at most, may come twice or never, and calls one service."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.billing.services import (
    buying,
    changing,
    disputing,
    inbox,
    lapsing,
    pricing,
    promoting,
    reconciling,
    refunding,
    selling,
    sharing,
    sweeping,
    taxing,
)


@shared_task(name="marketplace.process_processor_events")
def process_events() -> None:
    """Work off what the processor sent, batch by batch; a batch that is not full is the last."""
    while inbox.process_due() >= inbox.BATCH:
        pass
    lapsing.keep_rights()


@shared_task(name="marketplace.set_up_price")
def set_up_price(price_id: str) -> None:
    pricing.set_up(price_id=UUID(price_id))


@shared_task(name="marketplace.open_checkout")
def open_checkout(checkout_id: str) -> None:
    buying.open_page(checkout_id=UUID(checkout_id))


@shared_task(name="marketplace.set_up_promotion_code")
def set_up_code(code_id: str) -> None:
    promoting.set_up(code_id=UUID(code_id))


@shared_task(name="marketplace.switch_promotion_codes_off")
def switch_codes_off() -> None:
    promoting.switch_off()


@shared_task(name="marketplace.tell_change")
def tell_change(change_id: str) -> None:
    changing.tell(change_id=UUID(change_id))
    lapsing.keep_rights()


@shared_task(name="marketplace.carry_out_refund")
def carry_out_refund(refund_id: str) -> None:
    refunding.give_back(refund_id=UUID(refund_id))
    lapsing.keep_rights()


@shared_task(name="marketplace.take_back")
def take_back(row_id: str) -> None:
    taxing.take(row_id=UUID(row_id))


@shared_task(name="marketplace.send_share_invoice")
def send_share_invoice(share_id: str) -> None:
    sharing.send(share_id=UUID(share_id))


@shared_task(name="marketplace.tell_holds")
def tell_holds() -> None:
    selling.tell_processor_of_holds()
    disputing.recover_lost()


@shared_task(name="marketplace.sweep_billing")
def sweep_billing() -> None:
    """Find what a lost task left behind; runs every few seconds."""
    sweeping.sweep()


@shared_task(name="marketplace.invoice_shares")
def invoice_shares() -> None:
    """Invoice the profit shares of the weeks that have ended; runs every few minutes."""
    sharing.invoice_shares()


@shared_task(name="marketplace.reconcile_billing")
def reconcile_billing() -> None:
    """Compare with the processor; asked often, done each night."""
    reconciling.reconcile_once_a_night()
