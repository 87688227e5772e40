"""How often one asker may have a lead's trades re-run: each takes a while, and pages ask while somebody types."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import Throttled

from accounts.requests import client_address
from common.limiter import limiter

# A slider that is moved, or a figure that is typed, asks a few times a second for a moment.
RERUNS_PER_SECOND, RERUN_BURST = 1.0, 30.0
TOO_OFTEN = "That was asked very often of late: wait a few seconds."


def rerun_wait(request: HttpRequest) -> float:
    """Take one re-run of a person, or of the address of somebody not signed in; return the seconds to wait, 0 to go on."""
    asker = request.user.pk if request.user.is_authenticated else client_address(request)
    return limiter().take(f"reruns:{asker}", per_second=RERUNS_PER_SECOND, burst=RERUN_BURST)


def check_reruns(request: HttpRequest) -> None:
    """Refuse a program's re-run that comes too soon."""
    if wait := rerun_wait(request):
        raise Throttled(wait, TOO_OFTEN)
