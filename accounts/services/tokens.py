"""API tokens: issued, used, revoked."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from accounts.models import ApiToken
from common.clock import wall_now

# A busy program would otherwise write a row per request.
USE_RECORDED_EVERY = timedelta(minutes=1)


def record_token_use(*, token: ApiToken) -> None:
    """Note that the token was used now, unless that was noted less than a minute ago."""
    now = wall_now()
    if token.last_used_at is None or token.last_used_at <= now - USE_RECORDED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
