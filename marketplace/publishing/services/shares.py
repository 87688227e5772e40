"""A listing's profit share, changed: raised for those who follow with 14 days' notice, lowered at once (rule 36)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from accounts.models import User
from accounts.services import notify
from common.clock import market_now
from common.display import percent
from marketplace.models import Listing, ShareRaise
from trading.copy_accounts.services.sharing import lower_share, raise_share

NOTICE = timedelta(days=14)


def change_share(*, listing: Listing, before: Decimal, after: Decimal) -> list[str]:
    """Change the share of those who follow; return what that does, in words. Within the caller's transaction.

    Follows that start from now on begin with the new share: it is what their follower reads and accepts. Times are
    market time, in which shares are settled; of real money that is the calendar.
    """
    if before == after:
        return []
    now = market_now(listing.portfolio.namespace)
    was, becomes = percent(before), percent(after)
    if after < before:
        ShareRaise.objects.filter(listing=listing, effective_at__gt=now, is_off=False).update(is_off=True)
        lower_share(lead=listing.portfolio, ratio=after, at=now)
        return [f"The profit share is {becomes} instead of {was} from now on, for everybody."]
    at = now + NOTICE
    ShareRaise.objects.filter(listing=listing, effective_at__gt=now, is_off=False).update(is_off=True)
    ShareRaise.objects.create(listing=listing, before=before, after=after, announced_at=now, effective_at=at)
    concerned = raise_share(lead=listing.portfolio, ratio=after, at=at)
    facts = {
        "listing": str(listing.pk),
        "title": listing.title,
        "share": becomes,
        "effective_at": f"{at:%-d %B %Y, %H:%M UTC}",
    }
    for user in User.objects.filter(pk__in=concerned).order_by("pk"):
        notify(user=user, event="listing.share_raised", context=facts)
    date = f"{at:%-d %B %Y}"
    return [
        f"Whoever follows already shares {becomes} from {date} on, and only of profit made after that; until then as before."
    ]
