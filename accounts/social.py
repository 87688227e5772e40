"""Log-in with an account elsewhere: who may come in that way, asked as at every other sign-up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter as account_adapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.adapter import SESSION_KEY
from accounts.services import finish_sign_up


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Accounts elsewhere open accounts here under the same rules as a password does."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return bool(account_adapter(request).is_open_for_signup(request))

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Show the form to whoever has the site's terms to accept, however much the other site tells of them."""
        return not settings.TERMS_VERSION and bool(super().is_auto_signup_allowed(request, sociallogin))

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        user = super().save_user(request, sociallogin, form)
        # With a form the account adapter has finished the sign-up already.
        if form is None:
            finish_sign_up(user=user, invitation_code=request.session.pop(SESSION_KEY, ""))
        return user
