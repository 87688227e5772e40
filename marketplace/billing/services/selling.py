"""Leads' accounts at the processor: opened, finished, held; and what is missing before anything can be sold."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.gateway import Refused, Unanswered
from marketplace.billing.models import Seller
from marketplace.billing.modes import required_mode
from marketplace.billing.selectors import seller_of
from marketplace.billing.services.syncing import hold_while_disputed, sync_seller

SILENT = DomainError("PROCESSOR_SILENT", "The payment processor does not answer: try again in a minute.", status=503)


def check_can_sell(owner: User) -> Seller:
    """Return a lead's finished account, or say what is missing."""
    required_mode()
    seller = seller_of(owner)
    if seller is None or not seller.processor_id:
        message = "Set up your payout account first: buyers' money has nowhere to go yet."
        raise DomainError("SELLER_MISSING", message, status=409)
    if not seller.is_ready:
        wanted = ", ".join(name.replace(".", " ").replace("_", " ") for name in seller.requirements) or "your details"
        message = f"The payment processor still needs of your payout account: {wanted}."
        raise DomainError("SELLER_UNFINISHED", message, {"requirements": seller.requirements}, status=409)
    return seller


def start_onboarding(*, user: User) -> str:
    """Return the address at which a lead goes on with their account; it is opened with the first call."""
    mode = required_mode()
    now = wall_now()
    Seller.objects.get_or_create(user=user, mode=mode, defaults={"created_at": now, "fetched_at": now})
    seller = Seller.objects.get(user=user, mode=mode)
    try:
        if not seller.processor_id:
            found = gateway.create_account(mode, row=seller.pk, user=user.pk, email=user.email)
            Seller.objects.filter(pk=seller.pk, processor_id="").update(processor_id=found["id"])
            seller.processor_id = found["id"]
            audit(action="seller.opened", obj=seller, actor=user)
        link = gateway.create_account_link(
            mode,
            seller.processor_id,
            refresh_url=settings.SITE_URL + reverse("billing:onboarding"),
            return_url=settings.SITE_URL + reverse("billing:onboarded"),
        )
    except Unanswered:
        raise SILENT from None
    except Refused as error:
        raise DomainError("PROCESSOR_REFUSED", error.words, status=409) from None
    return str(link["url"])


def finish_onboarding(*, user: User) -> Seller | None:
    """Take over how far a lead's account is, as they come back from the processor."""
    seller = seller_of(user)
    if seller is None or not seller.processor_id:
        return None
    try:
        sync_seller(mode=seller.mode, account_id=seller.processor_id)
    except (Unanswered, Refused):
        # Its message is under way.
        return seller
    seller.refresh_from_db()
    return seller


def payout_settings_url(*, user: User) -> str:
    """Return the address of a lead's own pages at the processor."""
    seller = check_can_sell(user)
    try:
        return str(gateway.create_login_link(seller.mode, seller.processor_id)["url"])
    except Unanswered:
        raise SILENT from None
    except Refused as error:
        raise DomainError("PROCESSOR_REFUSED", error.words, status=409) from None


@transaction.atomic
def hold_payouts(*, operator: User, seller: Seller, reason: str) -> None:
    """Have a lead's payouts wait until an operator releases them."""
    from marketplace.billing.tasks import tell_holds

    locked = _for_operator(operator, seller)
    locked.is_held, locked.hold_reason = True, reason[:200] or "Held by an operator."
    locked.save(update_fields=["is_held", "hold_reason"])
    audit(action="seller.held", obj=locked, actor=operator)
    enqueue(tell_holds)


@transaction.atomic
def release_payouts(*, operator: User, seller: Seller) -> None:
    """Let a lead's payouts go on, unless a charge of theirs is contested."""
    locked = _for_operator(operator, seller)
    locked.is_held, locked.hold_reason = False, ""
    locked.save(update_fields=["is_held", "hold_reason"])
    audit(action="seller.released", obj=locked, actor=operator)
    hold_while_disputed(locked)


def _for_operator(operator: User, seller: Seller) -> Seller:
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may hold payouts.", status=403)
    return lock_rows(Seller.objects.filter(pk=seller.pk))[0]


def tell_processor_of_holds() -> int:
    """Tell the processor whose payouts wait; return how many it was told of."""
    told = 0
    mode = required_mode()
    differing = Seller.objects.filter(mode=mode).exclude(processor_id="").exclude(is_held=F("is_held_there"))
    for seller in differing.order_by("pk"):
        try:
            gateway.hold_payouts(seller.mode, seller.processor_id, is_held=seller.is_held)
        except (Unanswered, Refused):
            continue
        told += Seller.objects.filter(pk=seller.pk).update(is_held_there=seller.is_held)
    return told
