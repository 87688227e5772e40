"""The filters above a scanner's rows; an empty field does not filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from markets.models import Exchange
from markets.scanning.filters import MOMENTUM, VOLUME, MoverFilter, OpportunityFilter
from markets.scanning.results import WINDOWS


def _least(label: str, help_text: str = "") -> forms.FloatField:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 20}
    return forms.FloatField(
        label=label, required=False, min_value=0, help_text=help_text, widget=forms.TextInput(attrs=attrs)
    )


# What a first look shows: an address that says nothing of it asks for this.
_USUAL = {"by": MOMENTUM, "minutes": "15", "change": "0.5", "multiple": "3"}


class _ScannerForm(forms.Form):
    """Where to look; the exchanges are those that a scanner covers."""

    venue = forms.ChoiceField(label="Venue", required=False)
    namespace = forms.ChoiceField(label="Prices", required=False)

    def __init__(self, *args: Any, exchanges: Sequence[Exchange], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        namespaces = sorted({one.namespace for one in exchanges})
        self._choose("venue", [("", "Any"), *((one.code, one.name) for one in exchanges)])
        self._choose("namespace", [("", "All"), *((name, name) for name in namespaces)])
        if len(namespaces) < 2:
            del self.fields["namespace"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined] # only this class's own two come here

    def given(self) -> dict[str, Any]:
        """Return what was filled in; nothing while something of it is wrong."""
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


class OpportunityForm(_ScannerForm):
    """What an opportunity must pay, and how much of it there must be."""

    bps = _least("At least, bps")
    size = _least("Size at least")
    field_order = ["bps", "size"]

    def filter(self) -> OpportunityFilter:
        """Return what to show; everything while something typed is wrong."""
        given = self.given()
        names = {"bps": "min_bps", "size": "min_size"}
        return OpportunityFilter(**{names.get(name, name): value for name, value in given.items()})


class MoverForm(_ScannerForm):
    """What counts as moving. Volumes of the last hour choose between large and small markets."""

    by = forms.ChoiceField(
        label="Look for", required=False, choices=[(MOMENTUM, "Price moves"), (VOLUME, "Volume spikes")]
    )
    minutes = forms.TypedChoiceField(
        label="Within", required=False, coerce=int, empty_value=None, choices=[(one, f"{one} min") for one in WINDOWS]
    )
    change = _least("Move at least, %")
    multiple = _least("× usual volume")
    turnover_from = _least("Hour's volume from")
    turnover_to = _least("Hour's volume to")
    field_order = ["by", "minutes", "change", "multiple", "turnover_from", "turnover_to"]

    def __init__(self, data: QueryDict, *, exchanges: Sequence[Exchange]) -> None:
        asked = data.copy()
        for name, value in _USUAL.items():
            asked.setdefault(name, value)
        super().__init__(asked, exchanges=exchanges)

    def filter(self) -> MoverFilter:
        """Return what to show; the usual while something typed is wrong."""
        given = self.given()
        if given:
            given = {"change": 0.0, "multiple": 0.0} | given
            given["change"] /= 100
        names = {
            "change": "min_change_ratio",
            "multiple": "min_multiple",
            "turnover_from": "min_turnover",
            "turnover_to": "max_turnover",
        }
        return MoverFilter(**{names.get(name, name): value for name, value in given.items()})
