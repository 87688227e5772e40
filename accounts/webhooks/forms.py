"""The form of a new webhook."""

from __future__ import annotations

from django import forms

from accounts.webhooks.sources import event_names


class EndpointForm(forms.Form):
    """An address and the events that are sent to it."""

    url = forms.CharField(label="Address", max_length=500, help_text="An https:// address of a server of yours.")
    events = forms.MultipleChoiceField(label="Events", widget=forms.CheckboxSelectMultiple)

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # whatever a request posts
        choices = self.fields["events"]
        assert isinstance(choices, forms.MultipleChoiceField)
        choices.choices = [(name, f"{name}: {words}") for name, words in event_names().items()]
