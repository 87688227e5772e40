"""The forms of the exchange-account pages. What is pasted into them is never shown again, nor put into an error."""

from __future__ import annotations

from typing import Any

from django import forms

from markets.gateway.venues import VENUES
from portfolios.exchange_words import guide_for
from portfolios.services.exchange_accounts import MAX_CREDENTIAL, MAX_LABEL

_QUIET = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class KeyForm(forms.Form):
    """A key as its venue made it."""

    def __init__(self, *args: Any, dialect: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names = VENUES[dialect].credentials
        labels = guide_for(dialect).labels
        for name in self._names:
            # Password fields: browsers keep them off the screen, and never put what was sent back into the page.
            # "new-password" is what keeps them from offering to fill in the person's own.
            widget = forms.PasswordInput(attrs={**_QUIET, "autocomplete": "new-password"})
            self.fields[name] = forms.CharField(
                label=labels[name],
                widget=widget,
                max_length=MAX_CREDENTIAL,
                error_messages={"max_length": "This is longer than any key."},
            )

    def credentials(self) -> dict[str, str]:
        """Return what was pasted."""
        return {name: self.cleaned_data[name] for name in self._names}


class LabelForm(forms.Form):
    """What an account is called here."""

    label = forms.CharField(
        label="Name",
        max_length=MAX_LABEL,
        help_text="For you alone.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ConnectForm(LabelForm, KeyForm):
    """A new account: a name and its key."""
