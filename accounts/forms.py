"""The forms of the settings pages; services judge the values, forms carry their sentences back to the field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import EditWebAuthnForm
from django import forms
from django.db import transaction

from accounts.programs.scopes import Scope
from accounts.services import audit
from common.clock import wall_now


class ProfileForm(forms.Form):
    display_name = forms.CharField(max_length=60, help_text="What others see.")
    handle = forms.CharField(max_length=30, help_text="3 to 30 of a–z, 0–9 and _; the address of your public page.")
    bio = forms.CharField(label="About you", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 4}))


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]
    """allauth's form that names a passkey; the name is its owner's own words, so the audit has none of it."""

    @transaction.atomic
    def save(self) -> Authenticator:
        saved: Authenticator = super().save()
        audit(action="second_factor.renamed", obj=saved, actor=saved.user, after={"type": saved.type})
        return saved


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=60, help_text="For you alone, such as the program that uses it.")
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        choices=[(30, "30 days"), (90, "90 days"), (365, "one year"), (0, "until revoked")],
        initial=90,
    )

    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
    )
    networks = forms.CharField(
        label="Only from",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Addresses and networks, one a line, as in 192.0.2.7 or 2001:db8::/32. Empty: from anywhere.",
    )
    portfolios = forms.MultipleChoiceField(
        label="Only these portfolios",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: all of yours, future ones included.",
    )

    def __init__(self, data: Any = None, *, portfolios: Sequence[tuple[UUID, str]] = ()) -> None:
        super().__init__(data)
        choices = [(str(key), name) for key, name in portfolios]
        self.fields["portfolios"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["portfolios"]

    def limits(self) -> dict[str, Any]:
        """Return what the token is to be limited to."""
        data = self.cleaned_data
        networks = data["networks"].replace(",", "\n").splitlines()
        return {
            "scopes": data["scopes"],
            "networks": [one for one in networks if one.strip()],
            "portfolios": [UUID(one) for one in data.get("portfolios", [])],
        }

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return wall_now() + timedelta(days=days) if days else None
