"""The form of the page of signals."""

from __future__ import annotations

from django import forms

from trading.signals.services import MAX_NAME


class SourceForm(forms.Form):
    """What a new source is called."""

    name = forms.CharField(max_length=MAX_NAME, help_text="As the program or chart that will send them is called.")
