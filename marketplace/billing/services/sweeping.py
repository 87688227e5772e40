"""Finding what a lost task, a dead worker or a silent processor left behind."""

from __future__ import annotations

from common.clock import wall_now
from marketplace.billing.models import Change, Checkout, CheckoutState, Price, Refund, ShareInvoice
from marketplace.billing.modes import current_mode
from marketplace.billing.promotion_models import PromotionCode
from marketplace.billing.services import (
    buying,
    changing,
    disputing,
    inbox,
    lapsing,
    pricing,
    promoting,
    refunding,
    selling,
    sharing,
    taxing,
)
from marketplace.billing.services.outbox import waiting
from marketplace.billing.tax_models import TakenBack


def sweep() -> None:
    """Do once more all that waits; nothing where no key is set."""
    if current_mode() is None:
        return
    for price_id in waiting(Price):
        pricing.set_up(price_id=price_id)
    for checkout_id in waiting(Checkout):
        buying.open_page(checkout_id=checkout_id)
    for change_id in waiting(Change):
        changing.tell(change_id=change_id)
    for code_id in waiting(PromotionCode):
        promoting.set_up(code_id=code_id)
    for refund_id in waiting(Refund):
        refunding.give_back(refund_id=refund_id)
    for share_id in waiting(ShareInvoice):
        sharing.send(share_id=share_id)
    Checkout.objects.filter(state=CheckoutState.OPEN, expires_at__lte=wall_now()).update(state=CheckoutState.EXPIRED)
    inbox.process_due()
    lapsing.keep_rights()
    selling.tell_processor_of_holds()
    for row_id in waiting(TakenBack):
        taxing.take(row_id=row_id)
    disputing.recover_lost()
    promoting.switch_off()
