"""Settings that must fit each other before money moves, and the proof that our books agree with the processor's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError
from django.db.models import Sum

from marketplace.billing import gateway
from marketplace.billing.fees import parsed_fee
from marketplace.billing.models import Account, Mode, MoneyLine, Seller, Subscription
from marketplace.billing.modes import current_mode, mode_of, required_mode

ENDED = ("canceled", "incomplete_expired")


def settings_fit(app_configs: Any = None, **options: Any) -> list[CheckMessage]:
    """Refuse to start with payment settings that would lose or mix money."""
    found: list[CheckMessage] = []
    key, mode = settings.STRIPE_SECRET_KEY, mode_of(settings.STRIPE_SECRET_KEY)
    if key and mode is None:
        found.append(
            Error("STRIPE_SECRET_KEY is no secret key: it begins with sk_test_ or sk_live_.", id="billing.E001")
        )
    if key and not settings.STRIPE_WEBHOOK_SECRETS:
        message = "STRIPE_WEBHOOK_SECRET is missing: without it no message of the processor's can be believed."
        found.append(Error(message, id="billing.E002"))
    if mode == Mode.LIVE and settings.STRIPE_API_BASE:
        message = "STRIPE_API_BASE is for a stand-in: a live key is never sent there."
        found.append(Error(message, id="billing.E003"))
    if mode == Mode.LIVE and not settings.HTTPS:
        message = "SLIPSTREAM_SITE_URL is not https: buyers would come back from their payment over an open line."
        found.append(Error(message, id="billing.E004"))
    if parsed_fee(settings.PLATFORM_FEE_RATIO) is None:
        message = "SLIPSTREAM_PLATFORM_FEE is a ratio from 0 to 0.5 with at most four decimals, such as 0.2."
        found.append(Error(message, id="billing.E005"))
    if settings.GRACE_DAYS < 0:
        found.append(Error("SLIPSTREAM_GRACE_DAYS is a number of days, 0 or more.", id="billing.E006"))
    return found


def modes_do_not_mix(app_configs: Any = None, databases: Any = None, **options: Any) -> list[CheckMessage]:
    """Refuse to start with a key of one mode on the running subscriptions of the other."""
    mode = current_mode()
    if mode is None or not databases:
        return []
    try:
        others = Subscription.objects.exclude(mode=mode).exclude(status__in=ENDED)
        modes = sorted(set(others.values_list("mode", flat=True)))
    except DatabaseError:
        # A database that has yet to be made.
        return []
    message = "The key is of {} mode, and subscriptions of {} mode are running: {}"
    if Mode.LIVE in modes:
        words = message.format("test", "live", "set the live key, or nobody's payment is heard of.")
        return [Error(words, id="billing.E007")]
    if modes:
        words = message.format("live", "test", "they give no rights here.")
        return [checks.Warning(words, id="billing.W001")]
    return []


def book_errors() -> list[str]:
    """Return the bookings that do not sum to zero, in words."""
    sums = MoneyLine.objects.order_by().values("booking", "currency").annotate(total=Sum("amount_minor"))
    wrong = sums.exclude(total=0).order_by("booking")
    return [f"the booking {one['booking']} sums to {one['total']} {one['currency']}" for one in wrong]


def differences_from_processor() -> list[str]:
    """Compare each balance at the processor with our books, to the minor unit; return what differs, in words."""
    mode = required_mode()
    rows = MoneyLine.objects.filter(mode=mode)
    # What the platform pays out to itself is no business of these books.
    theirs = _sums(one for one in gateway.balance_transactions(mode) if one["type"] not in PAYOUTS)
    found = _compared("the platform", _ours(rows.filter(account__in=PLATFORMS)), theirs)
    for seller in Seller.objects.filter(mode=mode).exclude(processor_id="").select_related("user__profile"):
        theirs = _sums(gateway.balance_transactions(mode, account=seller.processor_id))
        ours = _ours(rows.filter(account=Account.SELLER, seller=seller))
        found += _compared(f"{seller.user.profile} ({seller.processor_id})", ours, theirs)
    return found


# The taxes that the platform holds lie in its one balance.
PLATFORMS = (Account.PLATFORM, Account.TAX)
PAYOUTS = frozenset({"payout", "payout_cancel", "payout_failure"})


def _sums(moved: Iterable[dict[str, Any]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in moved:
        total[one["currency"]] += one["net"]
    return dict(total)


def _ours(rows: Any) -> dict[str, int]:
    return dict(rows.order_by().values_list("currency").annotate(total=Sum("amount_minor")))


def _compared(whose: str, ours: dict[str, int], theirs: dict[str, int]) -> list[str]:
    return [
        f"{whose}: our books say {ours.get(currency, 0)}, the processor {theirs.get(currency, 0)} ({currency})"
        for currency in sorted({*ours, *theirs})
        if ours.get(currency, 0) != theirs.get(currency, 0)
    ]
