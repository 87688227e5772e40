"""Prices: what leads ask for following, and the platform for its plans."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts.models import Plan, User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.billing import gateway
from marketplace.billing.currencies import currency_of, minor_units
from marketplace.billing.models import Interval, Mode, Price, PriceState
from marketplace.billing.modes import required_mode
from marketplace.billing.selectors import listing_subject, plan_subject
from marketplace.billing.services.outbox import carry_out
from marketplace.billing.services.selling import check_can_sell
from marketplace.models import Listing
from marketplace.search.services import index_listings

MAX_TRIAL_DAYS = 30


@transaction.atomic
def set_price(
    *, owner: User, listing: Listing, interval: Interval, amount: Decimal, currency: str, trial_days: int = 0
) -> Price:
    """Ask for a subscription of whoever follows from now on; who has one goes on at what they agreed to."""
    mode = required_mode()
    found = lock_rows(Listing.objects.filter(pk=listing.pk, owner=owner))
    if not found:
        raise NotFound("listing")
    check_can_sell(owner)
    fresh = _fresh(mode, listing_subject(listing.pk), interval, amount, currency, trial_days)
    fresh.listing = found[0]
    price = _replaced(owner, fresh)
    index_listings(listing_ids=[listing.pk])
    return price


@transaction.atomic
def set_plan_price(
    *, operator: User, plan: Plan, interval: Interval, amount: Decimal, currency: str, trial_days: int = 0
) -> Price:
    """Sell one of the platform's plans."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may sell plans.", status=403)
    locked = lock_rows(Plan.objects.filter(pk=plan.pk))[0]
    if locked.is_default:
        raise DomainError("PLAN_IS_FREE", "The default plan is everybody's: choose another one to sell.", status=409)
    fresh = _fresh(required_mode(), plan_subject(plan.pk), interval, amount, currency, trial_days)
    fresh.plan = locked
    return _replaced(operator, fresh)


def _fresh(mode: Mode, subject: str, interval: Interval, amount: Decimal, currency: str, trial_days: int) -> Price:
    code = currency_of(currency).code
    minor = minor_units(amount, code)
    if not 0 <= trial_days <= MAX_TRIAL_DAYS:
        message = f"A trial lasts 0 to {MAX_TRIAL_DAYS} days."
        raise DomainError("TRIAL_OUT_OF_RANGE", message, {"field": "trial_days"})
    others = Price.objects.filter(subject=subject, mode=mode).exclude(state=PriceState.RETIRED)
    other = others.exclude(interval=interval).first()
    if other is not None and other.currency != code:
        message = f"The other price is in {other.currency.upper()}: ask for both in one currency."
        raise DomainError("CURRENCY_MISMATCH", message, {"field": "currency"}, status=409)
    terms = {"interval": interval, "currency": code, "amount_minor": minor, "trial_days": trial_days}
    return Price(subject=subject, mode=mode, due_at=wall_now(), created_at=wall_now(), **terms)


def _replaced(actor: User, fresh: Price) -> Price:
    """Store a price in the place of the one before, unless that says the same. Caller holds the lock of what is sold."""
    from marketplace.billing.tasks import set_up_price

    rows = Price.objects.filter(subject=fresh.subject, interval=fresh.interval, mode=fresh.mode)
    before = rows.exclude(state=PriceState.RETIRED).first()
    terms = ("currency", "amount_minor", "trial_days")
    is_same = before is not None and all(getattr(before, name) == getattr(fresh, name) for name in terms)
    if before is not None and is_same and before.state != PriceState.FAILED:
        return before
    if before is not None:
        before.state = PriceState.RETIRED
        before.save(update_fields=["state"])
    fresh.save(force_insert=True)
    after = {name: getattr(fresh, name) for name in ("interval", *terms)}
    audit(action="price.set", obj=fresh, actor=actor, after=after)
    enqueue(set_up_price, str(fresh.pk))
    return fresh


@transaction.atomic
def retire_price(*, actor: User, price: Price, makes_free: bool = False) -> None:
    """Sell nothing at this price any more; who subscribed goes on. A repeat is a no-op.

    Without its last price a listing is everybody's for nothing: that takes `makes_free`, or LAST_PRICE is raised.
    """
    if price.listing_id is not None:
        # The listing's lock: of two prices, retired at once, one is the last.
        lock_rows(Listing.objects.filter(pk=price.listing_id))
    kept = Price.objects.filter(subject=price.subject, mode=price.mode).exclude(state=PriceState.RETIRED)
    is_last = price.listing_id is not None and set(kept.values_list("pk", flat=True)) == {price.pk}
    if is_last and not makes_free:
        message = (
            "This is the last price: without it everybody may follow for nothing. Say so, or withdraw the listing."
        )
        raise DomainError("LAST_PRICE", message, {"field": "makes_free"}, status=409)
    if Price.objects.filter(pk=price.pk).exclude(state=PriceState.RETIRED).update(state=PriceState.RETIRED):
        audit(action="price.retired", obj=price, actor=actor, after={"is_free": is_last})
        if price.listing_id is not None:
            index_listings(listing_ids=[price.listing_id])


def set_up(*, price_id: UUID) -> bool:
    """Have the processor know a price; by its idempotency keys a repeat makes none twice."""
    return carry_out(Price, price_id, _set_up)


def _set_up(price: Price) -> None:
    name = price.listing.title if price.listing is not None else f"Plan {price.plan}"
    # One product for all prices of a thing, so that a promotion code holds for those that come later, too.
    others = Price.objects.filter(subject=price.subject, mode=price.mode).exclude(product_id="")
    known_product = price.product_id or others.order_by("created_at").values_list("product_id", flat=True).first()
    product = known_product or gateway.create_product(price.mode, row=price.pk, name=name)["id"]
    found = gateway.create_price(
        price.mode,
        row=price.pk,
        product=product,
        currency=price.currency,
        amount=price.amount_minor,
        interval=price.interval,
    )
    known = {"product_id": product, "processor_id": found["id"]}
    Price.objects.filter(pk=price.pk).update(**known)
    Price.objects.filter(pk=price.pk, state=PriceState.PENDING).update(state=PriceState.LIVE)
