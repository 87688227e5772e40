"""Ending sessions: one, or all others, and on wish whatever else acts for the person."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.idp.oidc.models import Token
from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import User
from accounts.selectors import session_credential, user_credential, valid_tokens
from accounts.services.auditing import audit
from accounts.services.tokens import revoke_token
from common.errors import NotFound
from common.realtime import withdraw


def session_for_user(user: User, session_id: int) -> UserSession:
    """Gate: a session of one's own."""
    found = UserSession.objects.filter(user=user, pk=session_id).first()
    if found is None:
        raise NotFound("session")
    return found


@transaction.atomic
def end_sessions(*, sessions: Sequence[UserSession]) -> None:
    """End these sessions: the next request is a stranger's, and the sockets that they opened close."""
    for session in sessions:
        user, key = session.user, session.session_key
        audit(action="session.ended", obj=user, before={"address": session.ip})
        session.end()
        withdraw(session_credential(key))


@transaction.atomic
def end_other_sessions(*, user: User, but: str, with_programs: bool = False) -> int:
    """End the user's sessions except the one of this key, and return how many.

    `with_programs` also revokes API tokens and what other apps were granted, and closes the sockets opened with them.
    """
    others = list(UserSession.objects.filter(user=user).exclude(session_key=but).select_related("user").order_by("pk"))
    end_sessions(sessions=others)
    if with_programs:
        for token in valid_tokens().filter(user=user).order_by("pk"):
            revoke_token(token=token)
        granted, _ = Token.objects.filter(user=user).delete()
        audit(action="session.programs_ended", obj=user, actor=user, before={"granted": granted})
        # Every socket, this browser's too: it connects again with the session that it has kept.
        withdraw(user_credential(user))
    return len(others)
