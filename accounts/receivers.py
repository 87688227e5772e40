"""What Django and allauth announce, written down: sign-ins, changed passwords and addresses; the default plan."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as social_signals
from django.apps import apps as installed
from django.apps.registry import Apps
from django.contrib.auth import signals as auth_signals
from django.http import HttpRequest

from accounts.lockout import forgive
from accounts.models import User
from accounts.second_factor import FACTORS
from accounts.selectors import email_digest, session_credential, user_credential
from accounts.services import audit, ensure_default_plan, record_sign_in
from common.realtime import withdraw


def connect() -> None:
    """Listen; called once from `AccountsConfig.ready`."""
    auth_signals.user_logged_in.connect(_signed_in, dispatch_uid="accounts.signed_in")
    auth_signals.user_logged_out.connect(_signed_out, dispatch_uid="accounts.signed_out")
    auth_signals.user_login_failed.connect(_refused, dispatch_uid="accounts.refused")
    account_signals.password_changed.connect(_password_changed, dispatch_uid="accounts.password_changed")
    account_signals.password_set.connect(_password_set, dispatch_uid="accounts.password_set")
    account_signals.email_confirmed.connect(_email_confirmed, dispatch_uid="accounts.email_confirmed")
    account_signals.password_reset.connect(_password_reset, dispatch_uid="accounts.password_reset")
    account_signals.email_changed.connect(_email_changed, dispatch_uid="accounts.email_changed")
    account_signals.email_added.connect(_email_added, dispatch_uid="accounts.email_added")
    account_signals.email_removed.connect(_email_removed, dispatch_uid="accounts.email_removed")
    social_signals.social_account_added.connect(_social_added, dispatch_uid="accounts.social_added")
    social_signals.social_account_removed.connect(_social_removed, dispatch_uid="accounts.social_removed")
    factor_signals.authenticator_added.connect(_factor_added, dispatch_uid="accounts.factor_added")
    factor_signals.authenticator_removed.connect(_factor_removed, dispatch_uid="accounts.factor_removed")
    factor_signals.authenticator_reset.connect(_factor_reset, dispatch_uid="accounts.factor_reset")


def _signed_in(user: User, request: HttpRequest, **kwargs: Any) -> None:
    record_sign_in(email=user.email, user=user, succeeded=True)
    # A log-in is as good as the answer to "is it still you?", whatever it was done with (a sign-up, a wallet).
    record_authentication(request, user, "login", reauthenticated=True)
    audit(action="sign_in.accepted", obj=user, actor=user)


def _refused(credentials: dict[str, Any], **kwargs: Any) -> None:
    record_sign_in(email=str(credentials.get("email") or credentials.get("username") or ""), user=None, succeeded=False)


def _signed_out(user: User | None, request: HttpRequest, **kwargs: Any) -> None:
    if user is None:
        return
    audit(action="session.signed_out", obj=user, actor=user)
    if request.session.session_key:
        withdraw(session_credential(request.session.session_key))


def _password_changed(user: User, **kwargs: Any) -> None:
    audit(action="password.changed", obj=user, actor=user)
    withdraw(user_credential(user))


def _password_set(user: User, **kwargs: Any) -> None:
    audit(action="password.set", obj=user, actor=user)


def _password_reset(user: User, request: HttpRequest, **kwargs: Any) -> None:
    forgive(request, user.email)
    audit(action="password.reset", obj=user, actor=user)
    withdraw(user_credential(user))


def _email_changed(user: User, from_email_address: Any, to_email_address: Any, **kwargs: Any) -> None:
    before = {"email_digest": email_digest(from_email_address.email)} if from_email_address else None
    after = {"email_digest": email_digest(to_email_address.email)}
    audit(action="email.changed", obj=user, actor=user, before=before, after=after)


def _email_added(user: User, email_address: EmailAddress, **kwargs: Any) -> None:
    audit(action="email.added", obj=user, actor=user, after={"email_digest": email_digest(email_address.email)})


def _email_confirmed(email_address: EmailAddress, **kwargs: Any) -> None:
    user = email_address.user
    audit(action="email.confirmed", obj=user, actor=user, after={"email_digest": email_digest(email_address.email)})


def _email_removed(user: User, email_address: EmailAddress, **kwargs: Any) -> None:
    audit(action="email.removed", obj=user, actor=user, before={"email_digest": email_digest(email_address.email)})


def _social_added(sociallogin: Any, **kwargs: Any) -> None:
    user, provider = sociallogin.user, sociallogin.account.provider
    audit(action="social_account.connected", obj=user, actor=user, after={"provider": provider})


def _social_removed(socialaccount: Any, **kwargs: Any) -> None:
    user, provider = socialaccount.user, socialaccount.provider
    audit(action="social_account.disconnected", obj=user, actor=user, before={"provider": provider})


def _factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    audit(action="second_factor.added", obj=user, actor=user, after={"type": authenticator.type})
    if authenticator.type in FACTORS and request.user == user:
        # It was used just now: the recovery codes, which come next, need a factor that was used.
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type, reauthenticated=True)


def _factor_removed(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    audit(action="second_factor.removed", obj=user, actor=user, before={"type": authenticator.type})


def _factor_reset(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    audit(action="second_factor.reset", obj=user, actor=user, after={"type": authenticator.type})


def make_default_plan(apps: Apps = installed, **kwargs: Any) -> None:
    """Receive post_migrate: a fresh database, or one that a release taught a new limit, gets its default plan.

    `apps` are the models that the database now has: after migrating back to zero there are none of ours. (A flush
    sends no `apps`.)
    """
    if apps.is_installed("accounts"):
        ensure_default_plan()
