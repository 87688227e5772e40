"""The forms of how one is told; services judge the values."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict

from accounts.models import User
from accounts.notifying.models import Digest, Reach
from accounts.notifying.selectors import matrix_of
from accounts.registry import Severity, event_groups


class HoursForm(forms.Form):
    """Time zone, quiet hours and digest."""

    timezone = forms.ChoiceField(label="Time zone")
    quiet_from = forms.TimeField(
        label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label="Quiet until",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="What is not critical waits until then. Leave both empty for no quiet hours.",
    )
    digest = forms.ChoiceField(label="Mails", choices=Digest.choices)
    digest_at = forms.TimeField(
        label="Daily mail at", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial="08:00"
    )

    def __init__(self, data: QueryDict | None = None, *, reach: Reach) -> None:
        names = ("timezone", "quiet_from", "quiet_until", "digest", "digest_at")
        super().__init__(data, initial={name: getattr(reach, name) for name in names})
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name.replace("_", " ")) for name in sorted(available_timezones())]


class PhoneForm(forms.Form):
    number = forms.CharField(
        label="Phone number",
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        help_text="With its country, such as +49 170 1234567. A code is sent to it.",
    )


class PhoneCodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        help_text="The six digits that were sent to your phone.",
    )


class FoundForm(forms.Form):
    """What the list of notifications is narrowed by."""

    unread = forms.ChoiceField(required=False, choices=[("", "All"), ("1", "Unread")], label="Read or not")
    group = forms.ChoiceField(required=False, label="Subject")
    severity = forms.ChoiceField(required=False, choices=[("", "Any severity"), *Severity.choices], label="Severity")

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        groups = self.fields["group"]
        assert isinstance(groups, forms.ChoiceField)
        groups.choices = [("", "All subjects"), *((name, name) for name in event_groups())]
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"

    @property
    def is_used(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    def found(self) -> dict[str, Any]:
        """Return the keywords of `selectors.found_notifications`; what is no choice narrows nothing."""
        self.is_valid()
        told = self.cleaned_data
        return {
            "unread": told.get("unread") == "1",
            "group": told.get("group", ""),
            "severity": told.get("severity", ""),
        }


def posted_choices(user: User, data: QueryDict) -> dict[tuple[str, str], bool]:
    """Return what the matrix says as it was sent: a box that is not ticked is not sent, one that is locked cannot be."""
    return {
        (cell.event, cell.channel): cell.name in data
        for rows in matrix_of(user).values()
        for row in rows
        for cell in row.cells
        if not cell.is_locked
    }
