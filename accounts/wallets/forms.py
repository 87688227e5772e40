"""The one question to somebody who comes in with a wallet: their address, for confirmation and for news."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.internal.userkit import filter_users_by_email
from django import forms

from accounts.signing_up import TermsForm


class WalletSignUpForm(TermsForm):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="For confirmations and warnings, and your way back in if the wallet is lost.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ("email", "terms")
    # Not told: whether an account has this address.
    account_already_exists = False

    def clean_email(self) -> str:
        email = str(get_adapter().clean_email(self.cleaned_data["email"].lower()))
        self.account_already_exists = bool(filter_users_by_email(email))
        return email
