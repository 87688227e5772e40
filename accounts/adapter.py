"""allauth's questions answered our way: who may sign up, and what a sign-up brings along."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from accounts.lockout import place_of, take_attempt
from accounts.models import User
from accounts.selectors import invitation_by_code
from accounts.services import finish_sign_up
from accounts.services.invitations import check_invited
from common.errors import DomainError

SESSION_KEY = "invitation"
# Where an address is given by somebody who comes in, whatever else they come in with.
SIGN_UPS = frozenset({"account_signup", "account_signup_by_passkey", "socialaccount_signup", "wallet_signup"})
CLOSED = "Sign-up is closed here at present: ask the operator for an account."
INVITED_ONLY = "Sign-up is by invitation here: open the link in your invitation."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is open, closed or by invitation, as the setting SIGNUP_MODE says."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if settings.SIGNUP_MODE == "open":
            return True
        if settings.SIGNUP_MODE == "closed":
            raise _refusal(request, CLOSED)
        if code := request.GET.get("invitation"):
            request.session[SESSION_KEY] = code
        held = request.session.get(SESSION_KEY, "")
        if not held:
            raise _refusal(request, INVITED_ONLY)
        try:
            invitation_by_code(held)
        except DomainError as error:
            del request.session[SESSION_KEY]
            raise _refusal(request, error.message) from None
        return True

    def clean_email(self, email: str) -> str:
        """Refuse, while the form can still say so, an address that the invitation was not made for."""
        match = self.request.resolver_match
        if settings.SIGNUP_MODE == "invitation" and match and match.url_name in SIGN_UPS:
            try:
                check_invited(invitation_by_code(self.request.session.get(SESSION_KEY, "")), email)
            except DomainError as error:
                raise forms.ValidationError(error.message) from None
        return email

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt (accounts/lockout.py) before anything is compared, whether the account exists or not."""
        super().pre_authenticate(request, **credentials)
        self._account_usage = take_attempt(request, _login(credentials))
        if self._account_usage is None:
            raise self.validation_error("too_many_login_attempts")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return place_of(request, _login(credentials))

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if usage := getattr(self, "_account_usage", None):
            usage.rollback()

    def get_login_stages(self) -> list[str]:
        """Link the wallet that somebody signed up with once their address is confirmed, not before."""
        return [*super().get_login_stages(), "accounts.wallets.stages.LinkWalletStage"]

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True) -> Any:
        saved = super().save_user(request, user, form, commit)
        if commit:
            finish_sign_up(user=saved, invitation_code=request.session.pop(SESSION_KEY, ""))
        return saved


def _login(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username") or "")


def _refusal(request: HttpRequest, reason: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(render(request, "account/signup_closed.html", {"reason": reason}, status=403))
