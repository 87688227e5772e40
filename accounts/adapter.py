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

from accounts.models import User
from accounts.selectors import invitation_by_code
from accounts.services import finish_sign_up
from accounts.services.invitations import check_invited
from common.errors import DomainError

SESSION_KEY = "invitation"
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
        if settings.SIGNUP_MODE == "invitation" and match and match.url_name == "account_signup":
            try:
                check_invited(invitation_by_code(self.request.session.get(SESSION_KEY, "")), email)
            except DomainError as error:
                raise forms.ValidationError(error.message) from None
        return email

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True) -> Any:
        saved = super().save_user(request, user, form, commit)
        if commit:
            finish_sign_up(user=saved, invitation_code=request.session.pop(SESSION_KEY, ""))
        return saved


def _refusal(request: HttpRequest, reason: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(render(request, "account/signup_closed.html", {"reason": reason}, status=403))
