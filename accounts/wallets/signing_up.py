"""Signing up with a wallet: the person it makes, who has no password."""

from __future__ import annotations

from allauth.account.internal.flows.manage_email import sync_email_address
from allauth.account.signals import user_signed_up
from django.db import transaction
from django.http import HttpRequest

from accounts.adapter import SESSION_KEY
from accounts.models import User
from accounts.services import finish_sign_up

PENDING, NEXT = "wallet_pending", "wallet_next"


def pending_wallet(request: HttpRequest) -> dict[str, str] | None:
    """Return the wallet (`chain`, `address`) that this session has proven and that nobody has linked; None without one."""
    held: dict[str, str] | None = request.session.get(PENDING)
    return held


def create_wallet_user(request: HttpRequest, email: str) -> User:
    """Make a person with this address, to be confirmed. Raises DomainError where an invitation is due and unfit."""
    with transaction.atomic():
        user = User(email=email)
        user.set_unusable_password()
        user.save()
        finish_sign_up(user=user, invitation_code=request.session.pop(SESSION_KEY, ""))
        sync_email_address(user, email)
    user_signed_up.send(sender=User, request=request, user=user)
    return user
