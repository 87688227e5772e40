"""A follow in three steps: amount and sizes, guards, and what is confirmed: forecast, terms.

The address carries what was chosen, so that Back and the browser's own way back show it as it was; nothing is written
before the last step is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from accounts.models import User
from common.errors import DomainError
from common.forms import show_refusal
from engine.following import Guards
from marketplace.forms import STAKE_FIELDS, ConsentForm, StakeForm
from marketplace.models import Listing
from portfolios.models import Portfolio
from trading.brokers.places import takes_stops
from trading.follow_forms import FirstGuardsForm

STEPS = ("Amount", "Guards", "Confirm")
# A step was answered where the data has its first field.
_FIRST = ("amount", "stop", "accepted_terms")
MAX_CARRIED = 200


class FollowWizard:
    """The forms of the three steps as far as they were answered, and the step to show: the one asked for, or the first that is wrong."""

    def __init__(self, data: QueryDict, *, follower: User, listing: Listing) -> None:
        self._data = {name: str(value) for name, value in data.items()}
        stake, guards, consent = (self._data if first in data else None for first in _FIRST)
        self.stake = StakeForm(stake, follower=follower, listing=listing)
        # What a stop at the exchange is judged by; without a valid first step the second is not shown.
        self.source: Portfolio = self.stake.cleaned_data["source"] if self.stake.is_valid() else Portfolio()
        self.guards_form, self.consent = FirstGuardsForm(guards, portfolio=self.source), ConsentForm(consent)
        self.forms: tuple[forms.Form, ...] = (self.stake, self.guards_form, self.consent)
        self._asked = int(self._data["step"]) if data.get("step") in ("1", "2", "3") else 1

    @property
    def step(self) -> int:
        before = enumerate(self.forms[: self._asked - 1], start=1)
        return next((number for number, form in before if not form.is_valid()), self._asked)

    @property
    def form(self) -> forms.Form:
        return self.forms[self.step - 1]

    def steps(self) -> Iterator[tuple[str, str]]:
        """Yield (title, address); "" where it is not behind us."""
        for number, title in enumerate(STEPS, start=1):
            yield title, self.address(number) if number < self.step else ""

    def address(self, step: int) -> str:
        """Return the query of a step, with all that was chosen."""
        return "?" + urlencode([("step", step), *self._chosen(self.forms[:2])])

    def carried(self) -> list[tuple[str, str]]:
        """Return (name, value) of what the other steps chose, to be sent along with the one that is shown."""
        return self._chosen([form for form in self.forms[:2] if form is not self.form])

    def _chosen(self, forms_: Any) -> list[tuple[str, str]]:
        names = [name for form in forms_ for name in form.fields if name in self._data]
        return [(name, self._data[name][:MAX_CARRIED]) for name in names]

    def is_complete(self) -> bool:
        return self.step == len(STEPS) and self.consent.is_valid()

    @property
    def amount(self) -> Decimal:
        amount: Decimal = self.stake.cleaned_data["amount"]
        return amount

    def settings(self) -> Mapping[str, object]:
        return self.stake.settings()

    @property
    def guards(self) -> Guards:
        return self.guards_form.guards()

    @property
    def protective_stop(self) -> Decimal | None:
        return self.guards_form.share

    @property
    def shows_protection(self) -> bool:
        """Say whether a stop at the exchange is offered, or was asked for where there is none."""
        return takes_stops(self.source) or "protective_stop" in self.guards_form.errors

    def terms(self) -> dict[str, Any]:
        """Return what `follow_listing` takes."""
        own = {name: self.stake.cleaned_data[name] for name in ("source", "amount", "start")}
        accepted = self.consent.cleaned_data["accepted_terms"]
        return own | {
            "settings": self.settings(),
            "guards": self.guards,
            "protective_stop": self.protective_stop,
            "accepted_terms": accepted,
        }

    def refuse(self, error: DomainError) -> None:
        """Show a refusal at its field, in the step that has it."""
        field = next((to for prefix, to in STAKE_FIELDS.items() if error.code.startswith(prefix)), None)
        field = field or error.context.get("field")
        owner = next((form for form in self.forms if field in form.fields), self.consent)
        show_refusal(owner, error, STAKE_FIELDS)
