"""The form of leaving."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User


class LeaveForm(forms.Form):
    """What becomes of what one's follows hold, and the confirmation. Who has no password has logged in a moment ago."""

    holdings = forms.ChoiceField(
        label="What your follows hold",
        choices=[
            ("CLOSE", "Sell it\nEach follow stops now, and what it holds is sold at the market."),
            ("KEEP", "Keep it\nEach follow stops now, and what it holds stays in its portfolio."),
        ],
        widget=forms.RadioSelect,
        initial="CLOSE",
    )
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    understood = forms.BooleanField(label="I understand that a closed account cannot be opened again")

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self._user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self._user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password
