"""What the audit is narrowed by, on its pages and in its API alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator

from accounts.audit_log.selectors import MAX_TEXT

# There is a day, and in some zones another, after every day that is asked for.
_NOT_THE_LAST = MaxValueValidator(date(9000, 1, 1))


class AuditFilter(forms.Form):
    """Person, action, object, days, text."""

    person = forms.CharField(
        required=False, max_length=254, widget=forms.TextInput(attrs={"class": "input", "placeholder": "Person"})
    )
    action = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={"class": "input", "placeholder": "Action"})
    )
    object = forms.CharField(
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"class": "input", "placeholder": "Object's kind or id"}),
    )
    text = forms.CharField(
        required=False, max_length=MAX_TEXT, widget=forms.TextInput(attrs={"class": "input", "placeholder": "Text"})
    )
    since = forms.DateField(
        required=False,
        label="From",
        validators=[_NOT_THE_LAST],
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}),
    )
    until = forms.DateField(
        required=False,
        label="To",
        validators=[_NOT_THE_LAST],
        widget=forms.DateInput(attrs={"class": "input", "type": "date"}),
    )

    @property
    def is_used(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    def asked(self) -> Mapping[str, Any]:
        """Return what `narrowed` takes; nothing of what is no answer to a field."""
        self.is_valid()
        asked = dict(self.cleaned_data)
        if asked.get("until"):
            # The day is included.
            asked["until"] = _midnight(asked["until"] + timedelta(days=1))
        if asked.get("since"):
            asked["since"] = _midnight(asked["since"])
        return asked


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
