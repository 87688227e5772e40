"""API tokens: issued, used, revoked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import ApiToken, LimitName, User
from accounts.programs.checking import forget_program
from accounts.programs.scopes import ALL_SCOPES
from accounts.registry import reachable_of
from accounts.selectors import check_limit, token_credential, token_digest, valid_tokens
from accounts.services.auditing import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.ids import new_token
from common.realtime import withdraw

# So that a leaked token is recognised as ours by whoever (or whatever scanner) finds it.
TOKEN_MARK = "slip_"  # noqa: S105
# A busy program would otherwise write a row per request.
USE_RECORDED_EVERY = timedelta(minutes=1)
MOST_NETWORKS = 50


@transaction.atomic
def issue_token(
    *,
    user: User,
    name: str,
    expires_at: datetime | None = None,
    scopes: Collection[str] = ALL_SCOPES,
    networks: Collection[str] = (),
    portfolios: Collection[UUID] = (),
) -> tuple[ApiToken, str]:
    """Make a token and return its row with the token itself, which is stored nowhere and never shown again.

    `scopes` are what it may do; `networks` the addresses and networks ("192.0.2.7", "2001:db8::/32") it may come from,
    `portfolios` the only ones of its owner's that it may reach: none of either limits nothing.
    """
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise DomainError("TOKEN_NAME_INVALID", "Give the token a name of 1 to 60 characters.")
    if expires_at is not None and expires_at <= wall_now():
        raise DomainError("EXPIRY_IN_THE_PAST", "Choose an expiry that lies in the future.")
    limits = {
        "scopes": _known_scopes(scopes),
        "networks": _known_networks(networks),
        "portfolios": _known_portfolios(user, portfolios),
    }
    # Two requests at once must not both find room for the last one.
    lock_rows(User.objects.filter(pk=user.pk))
    check_limit(user, LimitName.API_TOKENS, valid_tokens().filter(user=user).count())
    secret = TOKEN_MARK + new_token()
    token = ApiToken.objects.create(
        user=user, name=name, prefix=secret[:12], digest=token_digest(secret), expires_at=expires_at, **limits
    )
    after = {"prefix": token.prefix, "expires_at": expires_at, **limits}
    audit(action="token.issued", obj=token, actor=user, after=after)
    return token, secret


def _known_scopes(given: Collection[str]) -> list[str]:
    if not given or set(given) - set(ALL_SCOPES):
        message = f"Choose at least one scope of {', '.join(ALL_SCOPES)}."
        raise DomainError("SCOPES_INVALID", message, {"known": list(ALL_SCOPES)})
    return [scope for scope in ALL_SCOPES if scope in given]


def _known_networks(given: Collection[str]) -> list[str]:
    if len(given) > MOST_NETWORKS:
        raise DomainError("NETWORKS_INVALID", f"Name at most {MOST_NETWORKS} addresses and networks.")
    try:
        return sorted({str(ip_network(one.strip(), strict=False)) for one in given})
    except ValueError:
        message = "Write addresses as in 192.0.2.7 or 2001:db8::1, and networks as in 192.0.2.0/24, one a line."
        raise DomainError("NETWORKS_INVALID", message) from None


def _known_portfolios(user: User, given: Collection[UUID]) -> list[str]:
    own = {one for one, _ in reachable_of(user)} if given else set()
    if set(given) - own:
        raise NotFound("portfolio")
    return sorted(str(one) for one in given)


@transaction.atomic
def revoke_token(*, token: ApiToken) -> None:
    """Close a token for good; revoking it again changes nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=wall_now()):
        audit(action="token.revoked", obj=token, after={"prefix": token.prefix})
        forget_program(token.digest)
        withdraw(token_credential(token))


def record_token_use(*, token: ApiToken) -> None:
    """Note that the token was used now, unless that was noted less than a minute ago."""
    now = wall_now()
    if token.last_used_at is None or token.last_used_at <= now - USE_RECORDED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_RECORDED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
