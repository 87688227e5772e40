"""How often a program may ask: a token bucket per token, as its owner's plan says, told in every answer."""

from __future__ import annotations

import math

from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.programs.checking import Program, requests_a_minute
from accounts.requests import client_address
from accounts.selectors import Allowance
from common.limiter import limiter

# Of those who are nobody, per network address: the public parts are few.
ANONYMOUS_A_MINUTE = Allowance(120)
WINDOW_SECONDS = 60


def counted(request: Request) -> dict[str, str]:
    """Count the request and return the headers that say what is left; raise Throttled where nothing is.

    `RateLimit-Reset` is in seconds, when the whole minute's worth is there again.
    """
    key, said = _bucket(request)
    allowed = said.value
    wait, left = limiter().count(f"api:{key}", per_second=allowed / WINDOW_SECONDS, burst=allowed)
    headers = {
        "RateLimit-Limit": str(allowed),
        "RateLimit-Remaining": str(max(0, math.floor(left))),
        "RateLimit-Reset": str(math.ceil((allowed - left) * WINDOW_SECONDS / allowed)),
        "RateLimit-Policy": f"{allowed};w={WINDOW_SECONDS}",
    }
    if wait:
        refusal = Throttled(wait, f"Too many requests at once: {said} a minute. Wait a little.")
        refusal.rate_headers = headers  # type: ignore[attr-defined]  # the door sends them with the refusal
        raise refusal
    return headers


def _bucket(request: Request) -> tuple[str, Allowance]:
    """Return whose bucket it is, and how many requests it holds."""
    program = getattr(request._request, "program", None)
    if isinstance(program, Program) and isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}", program.requests_a_minute
    if isinstance(request.user, User):
        return f"user:{request.user.pk}", requests_a_minute(request.user)
    return f"address:{client_address(request._request)}", ANONYMOUS_A_MINUTE
