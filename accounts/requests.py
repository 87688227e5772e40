"""Where an act comes from: the request under way, for the audit and the sign-in log."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from accounts.models import User
from common.errors import DomainError
from common.ids import new_token

DEVICE_COOKIE = "device"
DEVICE_SECONDS = 2 * 365 * 86_400
_DEVICE = re.compile(r"[A-Za-z0-9_-]{20,64}")


class SignedInRequest(HttpRequest):
    """What a view behind `login_required` gets."""

    user: User


def asker(request: HttpRequest | Request) -> User:
    """Return who is asking; for views that let in only people who are signed in or have a token."""
    user = request.user
    if not isinstance(user, User):
        raise DomainError("LOGIN_MISSING", "Log in, or send a token, first.", status=401)
    return user


def unlimited_asker(request: HttpRequest | Request) -> User:
    """Return who is asking, for what reaches beyond single portfolios; raise DomainError for a token limited to some."""
    user = asker(request)
    if user.token_portfolios is not None:
        message = "This token is limited to some portfolios: use one that is not."
        raise DomainError("TOKEN_LIMITED_TO_PORTFOLIOS", message, status=403)
    return user


@dataclass
class Origin:
    """The request under way, as far as an audit asks about it."""

    request: HttpRequest
    new_device: str = ""
    # As what the person acts: set by the gate that let them through.
    role: str = ""
    workspace_id: UUID | None = None

    @property
    def user(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if isinstance(user, User) else None

    @property
    def address(self) -> str | None:
        return client_address(self.request)

    @property
    def user_agent(self) -> str:
        return self.request.headers.get("User-Agent", "")[:300]

    def device(self) -> str:
        """Return the browser's random device cookie; one that has none gets it with this answer."""
        held = self.request.COOKIES.get(DEVICE_COOKIE, "")
        if _DEVICE.fullmatch(held):
            return held
        self.new_device = self.new_device or new_token(24)
        return self.new_device


def device_digest(device: str) -> str:
    """Return what the sign-in log keeps of a device cookie: it has 192 random bits, so no salt is due."""
    return hashlib.sha256(device.encode()).hexdigest()


def held_device(request: HttpRequest) -> str:
    """Return the digest of the device cookie that the browser came with; empty where it has none."""
    held = request.COOKIES.get(DEVICE_COOKIE, "")
    return device_digest(held) if _DEVICE.fullmatch(held) else ""


_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current_origin() -> Origin | None:
    """Return where the present act comes from; None in tasks, commands and WebSockets."""
    return _origin.get()


def act_as(role: str, workspace_id: UUID | None = None) -> None:
    """Note, for the audit, by which role the present request's acts are done (nothing outside a request)."""
    if (origin := _origin.get()) is not None:
        origin.role, origin.workspace_id = role, workspace_id


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's IP address, past as many proxies as settings trust; None behind a Unix socket."""
    try:
        return str(get_adapter(request).get_client_ip(request))
    except PermissionDenied:
        return None


class OriginMiddleware:
    """Remember the request while it runs; hand a new browser its device cookie when the sign-in log asked for one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = Origin(request)
        token = _origin.set(origin)
        try:
            response = self._get_response(request)
        finally:
            _origin.reset(token)
        if origin.new_device:
            response.set_cookie(
                DEVICE_COOKIE,
                origin.new_device,
                max_age=DEVICE_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
