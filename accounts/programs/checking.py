"""Who a program is: a token's check, kept for a moment in this process so that most requests cost no query.

What is kept is younger than FRESH_SECONDS, so a token that is revoked, expires, changes hands or loses a scope is
refused everywhere within a second; in the process that revoked it, at once.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from uuid import UUID

from django.db.models.base import ModelState

from accounts.models import ApiToken, LimitName, User
from accounts.selectors import Allowance, allowance, token_digest, token_from_secret
from common import clock
from common.errors import DomainError

FRESH_SECONDS = 0.8
# A rush of guesses must not fill the memory; what is found again costs a query.
MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Program:
    """A token that was valid when it was looked at, and what goes with it."""

    token: ApiToken
    networks: tuple[IPv4Network | IPv6Network, ...]
    reach: frozenset[UUID] | None
    requests_a_minute: Allowance
    seen_at: float

    def user(self) -> User:
        """Return the owner, fresh for one request: what a view loads beside it must not outlive that request."""
        user = copy.copy(self.token.user)
        user._state = ModelState()
        user._state.adding, user._state.db = False, self.token.user._state.db
        user.token_portfolios = self.reach
        if self.reach is not None:
            # An operator's rights reach everybody's portfolios, and such a token only some.
            user.is_staff = user.is_superuser = False
        return user


_known: dict[str, Program] = {}
_limits: dict[UUID, tuple[Allowance, float]] = {}
LIMIT_FRESH_SECONDS = 30.0


def program_of(secret: str) -> Program:
    """Return the program that presents this token; raise DomainError BAD_TOKEN (401) where no valid one has it."""
    digest = token_digest(secret)
    known, now = _known.get(digest), clock.monotonic()
    if known is not None and now - known.seen_at < FRESH_SECONDS and not _is_over(known.token):
        return known
    _known.pop(digest, None)
    token = token_from_secret(secret)
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    found = Program(
        token=token,
        networks=tuple(ip_network(one) for one in token.networks),
        reach=frozenset(UUID(one) for one in token.portfolios) or None,
        requests_a_minute=requests_a_minute(token.user),
        seen_at=now,
    )
    _known[digest] = found
    return found


def forget_program(digest: str) -> None:
    """Look at a token anew when it comes next."""
    _known.pop(digest, None)


def forget_programs() -> None:
    """Look at every token, and at its person's plan, anew when it comes next."""
    _known.clear()
    _limits.clear()


def _is_over(token: ApiToken) -> bool:
    return token.expires_at is not None and token.expires_at <= clock.wall_now()


def requests_a_minute(user: User) -> Allowance:
    """Return how many requests a minute (at least one) the user's plan allows each token; half a minute old at most."""
    now = clock.monotonic()
    known = _limits.get(user.pk)
    if known is not None and now - known[1] <= LIMIT_FRESH_SECONDS:
        return known[0]
    if len(_limits) >= MOST_KNOWN:
        _limits.clear()
    said = allowance(user, LimitName.API_REQUESTS)
    found = Allowance(max(1, said.value), said.plan)
    _limits[user.pk] = found, now
    return found


def require_address(networks: Collection[IPv4Network | IPv6Network], address: str | None) -> None:
    """Raise DomainError TOKEN_ADDRESS_REFUSED (403) where a token may not be used from an address."""
    if networks and (address is None or not any(ip_address(address) in one for one in networks)):
        message = "This token may not be used from your address: its owner listed the addresses that it may come from."
        raise DomainError("TOKEN_ADDRESS_REFUSED", message, {"address": address}, status=403)
