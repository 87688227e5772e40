"""The forms of the settings pages; services judge the values, forms carry their sentences back to the field."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts.models import User
from common.clock import wall_now


class ProfileForm(forms.Form):
    display_name = forms.CharField(max_length=60, help_text="What others see.")
    handle = forms.CharField(max_length=30, help_text="3 to 30 of a–z, 0–9 and _; the address of your public page.")
    bio = forms.CharField(label="About you", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 4}))


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=60, help_text="For you alone, such as the program that uses it.")
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "one year"), (0, "until revoked")],
        initial=90,
    )

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return wall_now() + timedelta(days=days) if days else None


class LeaveForm(forms.Form):
    """The confirmation of leaving for good."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    understood = forms.BooleanField(label="I understand that this cannot be undone")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        # Who logs in with a passkey, a wallet or elsewhere has none: they have just confirmed in that way.
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self._user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password
