"""Promotion codes: what a lead gives up of a price, for whom and how often; the row is the outbox."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.gateway import Refused, Unanswered
from marketplace.billing.models import Price, PriceState
from marketplace.billing.modes import current_mode, required_mode
from marketplace.billing.promotion_models import DiscountLength, PromotionCode
from marketplace.billing.selectors import is_paid, listing_subject
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.selling import check_can_sell
from marketplace.models import Listing

# What the processor takes as a code; people type it.
_CODE = re.compile(r"[A-Z0-9]{3,20}")
MOST_CODES, MOST_USES = 50, 1_000_000
# Told to the processor with every code that is switched off.
_AT_ONCE = 100


@transaction.atomic
def create_code(
    *,
    owner: User,
    listing: Listing,
    code: str,
    percent_off: int,
    length: DiscountLength = DiscountLength.ONCE,
    most_uses: int | None = None,
    expires_at: datetime | None = None,
) -> PromotionCode:
    """Let whoever enters a code on the payment page pay so many percent less of a listing of one's own."""
    mode = required_mode()
    found = lock_rows(Listing.objects.filter(pk=listing.pk, owner=owner))
    if not found:
        raise NotFound("listing")
    check_can_sell(owner)
    if not is_paid(listing):
        raise DomainError("PRICE_MISSING", "Set a price first: there is nothing to take off yet.", status=409)
    code, now = code.strip().upper(), wall_now()
    if not _CODE.fullmatch(code):
        message = "A code has 3 to 20 letters and digits, such as SPRING20."
        raise DomainError("CODE_INVALID", message, {"field": "code"})
    if not 1 <= percent_off <= 100:
        raise DomainError("DISCOUNT_OUT_OF_RANGE", "Take off 1 to 100 percent.", {"field": "percent_off"})
    if most_uses is not None and not 1 <= most_uses <= MOST_USES:
        message = f"Let it be used 1 to {MOST_USES:,} times, or leave it empty."
        raise DomainError("USES_OUT_OF_RANGE", message, {"field": "most_uses"})
    if expires_at is not None and expires_at <= now:
        raise DomainError("CODE_EXPIRES_IN_PAST", "Choose an end that is still to come.", {"field": "expires_at"})
    standing = PromotionCode.objects.filter(mode=mode, state__in=[PriceState.PENDING, PriceState.LIVE])
    if standing.filter(listing=listing).count() >= MOST_CODES:
        raise DomainError("TOO_MANY_CODES", f"A listing has at most {MOST_CODES} codes: end one first.", status=409)
    terms = {"percent_off": percent_off, "length": length, "most_uses": most_uses, "expires_at": expires_at}
    # (Another lead may take the same code at this moment: the constraint decides.)
    made, is_new = standing.get_or_create(
        mode=mode, code=code, defaults={"listing": found[0], "due_at": now, "created_at": now, **terms}
    )
    if not is_new:
        raise DomainError("CODE_TAKEN", "This code is in use: choose another one.", {"field": "code"}, status=409)
    audit(action="promotion_code.created", obj=made, actor=owner, after={"code": code, "percent_off": percent_off})
    from marketplace.billing.tasks import set_up_code

    enqueue(set_up_code, str(made.pk))
    return made


@transaction.atomic
def retire_code(*, actor: User | None, code: PromotionCode) -> None:
    """Let nobody use a code any more; who did keeps what it gave. A repeat is a no-op."""
    from marketplace.billing.tasks import switch_codes_off

    rows = PromotionCode.objects.filter(pk=code.pk).exclude(state=PriceState.RETIRED)
    if rows.update(state=PriceState.RETIRED):
        audit(action="promotion_code.retired", obj=code, actor=actor)
        enqueue(switch_codes_off)


def set_up(*, code_id: UUID) -> bool:
    """Have the processor know a code; what it made of this row already is found there."""
    return carry_out(PromotionCode, code_id, _set_up)


def _set_up(row: PromotionCode) -> None:
    prices = Price.objects.filter(subject=listing_subject(row.listing_id), mode=row.mode).exclude(product_id="")
    products = sorted(set(prices.values_list("product_id", flat=True)))
    if not products:
        raise Unanswered("The price is being set up.")
    if not row.coupon_id:
        coupon = gateway.create_coupon(
            row.mode,
            row=row.pk,
            products=products,
            percent_off=row.percent_off,
            duration=row.length,
            name=row.code,
        )
        row.coupon_id = coupon["id"]
        PromotionCode.objects.filter(pk=row.pk).update(coupon_id=row.coupon_id)
    limits: dict[str, int] = {}
    if row.most_uses is not None:
        limits["max_redemptions"] = row.most_uses
    if row.expires_at is not None:
        limits["expires_at"] = int(row.expires_at.timestamp())
    found = gateway.made_promotion_code(row.mode, row=row.pk, code=row.code) or gateway.create_promotion_code(
        row.mode, row=row.pk, coupon=row.coupon_id, code=row.code, **limits
    )
    # (It may have been ended meanwhile, and looked for there in vain.)
    PromotionCode.objects.filter(pk=row.pk).update(processor_id=found["id"], is_off_there=False)
    PromotionCode.objects.filter(pk=row.pk, state=PriceState.PENDING).update(state=PriceState.LIVE)


def switch_off() -> int:
    """Tell the processor of codes that are used no more; return of how many.

    One that was ended while its making was unanswered is looked for there first, once nobody can be making it any more.
    """
    told = 0
    may_be_there = ~Q(processor_id="") | (~Q(coupon_id="") & Q(due_at__lte=wall_now()))
    rows = PromotionCode.objects.filter(state=PriceState.RETIRED, is_off_there=False, mode=current_mode() or "")
    for row in rows.filter(may_be_there).order_by("pk")[:_AT_ONCE]:
        try:
            _switch_off(row)
        except Unanswered:
            continue
        except Refused:
            # Gone there: that is as good.
            pass
        # (Not where its making was answered since it was looked for.)
        told += PromotionCode.objects.filter(pk=row.pk, processor_id=row.processor_id).update(is_off_there=True)
    return told


def _switch_off(row: PromotionCode) -> None:
    if not row.processor_id:
        found = gateway.made_promotion_code(row.mode, row=row.pk, code=row.code)
        if found is None:
            return
        row.processor_id = found["id"]
        PromotionCode.objects.filter(pk=row.pk).update(processor_id=row.processor_id)
    gateway.switch_off_promotion_code(row.mode, row.processor_id)
