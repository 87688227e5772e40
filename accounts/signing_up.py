"""What everybody is asked who opens an account, by whichever door: whether they accept this site's terms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import User
from accounts.privacy.models import ConsentKind
from accounts.privacy.services.consents import give_consent


class TermsForm(forms.Form):
    """The part that all forms of signing up have; empty where the operator has no terms (SLIPSTREAM_TERMS_VERSION)."""

    terms = forms.BooleanField(error_messages={"required": "Without the terms there is no account here."})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.TERMS_VERSION:
            self.fields["terms"].label = _asked(settings.TERMS_VERSION, settings.TERMS_URL)
        else:
            del self.fields["terms"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Keep what was agreed to, with its version and the time; allauth calls this once the person exists."""
        if self.cleaned_data.get("terms"):
            give_consent(user=user, kind=ConsentKind.TERMS)


def _asked(version: str, url: str) -> str:
    """Return the question; its link opens beside the form, so that nothing typed is lost over reading."""
    if not url:
        return f"I accept the terms of use (version {version})."
    link = '<a class="link" href="{}" target="_blank" rel="noopener">terms of use</a>'
    return format_html(f"I accept the {link} (version {{}}).", url, version)
