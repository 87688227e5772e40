"""A lead's share, changed for those who follow already: raised with notice, lowered at once (rule 36)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from common.db import bulk_update, lock_rows
from portfolios.models import Portfolio
from portfolios.services.books import lock_portfolios
from trading.copy_accounts.models import ProfitShareAccount
from trading.copy_accounts.services.settling import check_ratio, settle_accounts
from trading.models import Follow


@transaction.atomic
def raise_share(*, lead: Portfolio, ratio: Decimal, at: datetime) -> list[UUID]:
    """Have the open follows that share less than `ratio` share that much from `at` (market time) on; return their followers.

    What they earn until then is settled at what they began with. A later raise takes an earlier one's place.
    """
    check_ratio(ratio)
    accounts = [one for one in _open_accounts(lead) if one.ratio < ratio]
    for one in accounts:
        one.next_ratio, one.next_ratio_at = ratio, at
    bulk_update(ProfitShareAccount, accounts, ["next_ratio", "next_ratio_at"])
    return sorted({one.follow.follower_id for one in accounts})


@transaction.atomic
def lower_share(*, lead: Portfolio, ratio: Decimal, at: datetime) -> list[UUID]:
    """Have the open follows that share more than `ratio` share that much from now on; raises that were announced are off.

    What was earned until now is settled at the old share; where a price is missing that happens as soon as it is there.
    """
    check_ratio(ratio)
    # As settling locks: portfolios first.
    lock_portfolios(Follow.objects.filter(lead=lead, profit_share__is_open=True).values("portfolio_id"))
    accounts = _open_accounts(lead)
    lowered = [one for one in accounts if one.ratio > ratio]
    for one in accounts:
        one.next_ratio, one.next_ratio_at = (ratio, at) if one.ratio > ratio else (None, None)
    bulk_update(ProfitShareAccount, accounts, ["next_ratio", "next_ratio_at"])
    settle_accounts(follow_ids=[one.pk for one in lowered], until=at)
    return sorted({one.follow.follower_id for one in lowered})


def _open_accounts(lead: Portfolio) -> list[ProfitShareAccount]:
    return lock_rows(ProfitShareAccount.objects.filter(is_open=True, follow__lead=lead).select_related("follow"))
