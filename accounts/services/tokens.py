"""API tokens: issued, used, revoked."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import ApiToken, LimitName, User
from accounts.selectors import check_limit, token_credential, token_digest, valid_tokens
from accounts.services.auditing import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.ids import new_token
from common.realtime import withdraw

# So that a leaked token is recognised as ours by whoever (or whatever scanner) finds it.
TOKEN_MARK = "slip_"  # noqa: S105
# A busy program would otherwise write a row per request.
USE_RECORDED_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue_token(*, user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """Make a token and return its row with the token itself, which is stored nowhere and never shown again."""
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise DomainError("TOKEN_NAME_INVALID", "Give the token a name of 1 to 60 characters.")
    if expires_at is not None and expires_at <= wall_now():
        raise DomainError("EXPIRY_IN_THE_PAST", "Choose an expiry that lies in the future.")
    # Two requests at once must not both find room for the last one.
    lock_rows(User.objects.filter(pk=user.pk))
    check_limit(user, LimitName.API_TOKENS, valid_tokens().filter(user=user).count())
    secret = TOKEN_MARK + new_token()
    token = ApiToken.objects.create(
        user=user, name=name, prefix=secret[:12], digest=token_digest(secret), expires_at=expires_at
    )
    audit(action="token.issued", obj=token, actor=user, after={"prefix": token.prefix, "expires_at": expires_at})
    return token, secret


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """Close a token for good; revoking it again changes nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=wall_now()):
        audit(action="token.revoked", obj=token, after={"prefix": token.prefix})
        withdraw(token_credential(token))


def record_token_use(*, token: ApiToken) -> None:
    """Note that the token was used now, unless that was noted less than a minute ago."""
    now = wall_now()
    if token.last_used_at is None or token.last_used_at <= now - USE_RECORDED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
