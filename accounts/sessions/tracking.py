"""Notes when a session was last seen, at most every five minutes: a row per request would cost more than it tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.requests import client_address
from accounts.selectors import session_credential
from common.clock import wall_now

SEEN_EVERY_SECONDS = 300


class SessionsMiddleware:
    """Looks at sessions that were read anyhow, after the answer is made: pages that need none stay without one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        session = request.session
        if session.accessed and session.session_key and SESSION_KEY in session:
            _note(request, session.session_key)
        return response


def _note(request: HttpRequest, key: str) -> None:
    if cache.add(f"seen:{session_credential(key)}", True, timeout=SEEN_EVERY_SECONDS):
        address = client_address(request)
        seen: dict[str, Any] = {"last_seen_at": wall_now()} | ({"ip": address} if address else {})
        known = UserSession.objects.filter(session_key=key).update(**seen)
        if not known and address and isinstance(request.user, User):
            # A log-in from before sessions were listed: it must be seen and ended like any other.
            UserSession.objects.create_from_request(request)
