"""How guessing is stopped without handing a stranger the key to somebody's door.

Failed log-ins are counted three ways. By network address: 20 a minute. By account *and* where they come from: 5 in five
minutes from one address, so that a stranger's failures close the door to that stranger. By account from all
browsers that never logged in to it: 50 an hour, which stops guessing from many addresses. A browser that has logged in to
the account (its random cookie says so) is counted by itself: whatever strangers do, their owner gets in from there.
"""

from __future__ import annotations

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest

from accounts.models import SignIn
from accounts.requests import client_address, held_device
from accounts.selectors import email_digest

APP = "allauth.account"
ACCOUNT = "login_failed_account"


def is_known_device(request: HttpRequest, email: str) -> bool:
    """Tell whether this browser has logged in to this account before."""
    device = held_device(request)
    if not device:
        return False
    return SignIn.objects.filter(email_digest=email_digest(email), device_digest=device, succeeded=True).exists()


def place_of(request: HttpRequest, email: str) -> str:
    """Name where an attempt comes from, as failures at one account are counted by it."""
    if is_known_device(request, email):
        return f"{email_digest(email)}:known:{held_device(request)}"
    # Not by a cookie that nobody knows: it could be another one each time.
    return f"{email_digest(email)}:{client_address(request)}"


def take_attempt(request: HttpRequest, email: str) -> ratelimit.RateLimitUsage | None:
    """Count an attempt against the account; None where strangers have used up what it has and this browser is one."""
    if is_known_device(request, email):
        return ratelimit.RateLimitUsage(usage=[])
    return ratelimit.consume(
        request, app=APP, action=ACCOUNT, config=settings.ACCOUNT_RATE_LIMITS, key=email_digest(email)
    )


def forgive(request: HttpRequest, email: str) -> None:
    """Count the account's failures afresh: whoever reads its mail has just chosen a new password."""
    ratelimit.clear(request, app=APP, action=ACCOUNT, config=settings.ACCOUNT_RATE_LIMITS, key=email_digest(email))
    ratelimit.clear(request, app=APP, action="login_failed", key=place_of(request, email))
