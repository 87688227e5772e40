"""The form by which a search is kept."""

from __future__ import annotations

from django import forms


class SaveSearchForm(forms.Form):
    name = forms.CharField(max_length=60, help_text="You are told of new matches under this name.")
    query = forms.CharField(max_length=1_000, required=False, widget=forms.HiddenInput)
