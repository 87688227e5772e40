"""Who is at the other end of a WebSocket: a token's owner, or whoever is signed in to the page that opened it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from accounts.models import User
from accounts.programs.checking import program_of, require_address
from accounts.programs.scopes import require_scope
from accounts.selectors import (
    access_credential,
    session_credential,
    token_credential,
    token_from_secret,
    user_credential,
)
from accounts.services import record_token_use
from common.errors import DomainError

Scope = Any  # ASGI's mapping; channels and asgiref type it in ways that do not meet
App = Callable[[Scope, Any, Any], Awaitable[None]]


class LiveAuthentication:
    """ASGI middleware that sets `scope["user"]` (a User or None) and, for a refused token, `scope["auth_error"]`.

    A token comes as `Authorization: Bearer …` or, from browsers of other sites, which cannot send headers, as
    `?token=…`. Without one the session cookie counts, but only for pages of this very site: a browser sends cookies
    with whatever page opens the socket. A program that sends neither token nor origin is nobody: it sees the public.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._with_session = CookieMiddleware(SessionMiddleware(SessionUser(app)))
        self._denied = WebsocketDenier.as_asgi()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
        token, origin = _token(headers, scope["query_string"]), headers.get("origin")
        if token is not None:
            address = (scope.get("client") or [None])[0]
            facts = await database_sync_to_async(_token_facts)(token, address)
            await self._app({**scope, **facts}, receive, send)
        elif origin is None:
            await self._app({**scope, "user": None}, receive, send)
        elif is_same_site(origin, headers.get("host", "")):
            await self._with_session(scope, receive, send)
        else:
            await self._denied(scope, receive, send)


class SessionUser:
    """ASGI middleware, inside channels' session: sets `scope["user"]` to the person signed in, or None."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        user = await get_user(scope)
        if not isinstance(user, User):
            await self._app({**scope, "user": None}, receive, send)
            return
        session = session_credential(scope["session"].session_key)
        credentials = (session, user_credential(user), access_credential(user.pk))
        await self._app({**scope, "user": user, "credentials": credentials}, receive, send)


def is_same_site(origin: str, host: str) -> bool:
    """Return whether a page of `origin` is ours: it came from the host asked for, or settings name it.

    The host itself must be an allowed one, else a foreign name pointed at our address would pass.
    """
    domain, _ = split_domain_port(host)
    if not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    return origin in settings.CSRF_TRUSTED_ORIGINS or urlsplit(origin).netloc == host


def _token(headers: Mapping[str, str], query: bytes) -> str | None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    return parse_qs(query.decode("latin1"), keep_blank_values=True).get("token", [None])[0]


def _token_facts(secret: str, address: str | None) -> dict[str, Any]:
    try:
        program = program_of(secret)
        require_address(program.networks, address)
        require_scope(program.token.scopes, None, "GET")
    except DomainError as error:
        return {"user": None, "auth_error": error.message}
    record_token_use(token=program.token)
    user = program.user()
    return {
        "user": user,
        "credentials": (token_credential(program.token), user_credential(user), access_credential(user.pk)),
        # What was just looked up may be a moment old, and a withdrawal in that moment was told to nobody here.
        "still_valid": partial(token_from_secret, secret),
        "expires_at": program.token.expires_at,
    }
