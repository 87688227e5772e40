"""The forms of a portfolio's sharing page; services judge, forms carry their sentences back to the field."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms

from accounts.models import User
from accounts.teams.models import Permission, Workspace
from accounts.teams.selectors import workspaces_with
from common.forms import ExactAmountField
from portfolios.delegation_models import DelegationScope
from portfolios.models import Portfolio
from portfolios.selectors import parents_for


class GiveForm(forms.Form):
    workspace = forms.ModelChoiceField(
        queryset=Workspace.objects.none(), help_text="Its roles then say who may do what."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["workspace"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Workspace.objects.filter(pk__in=workspaces_with(user.pk, Permission.MANAGE)).order_by("name")


class LendForm(forms.Form):
    handle = forms.CharField(label="Person", max_length=40, help_text="Their handle, such as @bob.")
    scope = forms.ChoiceField(choices=DelegationScope.choices, label="They may")
    until = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), help_text="It ends with this day (UTC).")

    def given(self) -> dict[str, Any]:
        data = self.cleaned_data
        ends_at = datetime.combine(data["until"], time(23, 59, 59), UTC)
        return {"handle": data["handle"], "scope": DelegationScope(data["scope"]), "ends_at": ends_at}


class SubAccountForm(forms.Form):
    """A parent, and its limits; an empty one is off."""

    parent = forms.ModelChoiceField(queryset=Portfolio.objects.none())
    max_capital = ExactAmountField(required=False, label="Most capital")
    max_capital_share = ExactAmountField(
        required=False, label="Most of the group's capital", help_text="A share from 0 to 1."
    )
    max_order_value = ExactAmountField(required=False, label="Most one order opens")

    def __init__(self, *args: Any, portfolio: Portfolio, **kwargs: Any) -> None:
        names = ("parent", "max_capital", "max_capital_share", "max_order_value")
        kwargs["initial"] = {name: getattr(portfolio, name) for name in names}
        super().__init__(*args, **kwargs)
        field = self.fields["parent"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = parents_for(portfolio)


class ApprovalForm(forms.Form):
    above = ExactAmountField(
        required=False, label="Opens above", help_text="In the settlement currency; empty: none waits. Exits never do."
    )
    minutes = forms.IntegerField(min_value=1, label="Wait at most, minutes")

    def __init__(self, *args: Any, portfolio: Portfolio, **kwargs: Any) -> None:
        kwargs["initial"] = {"above": portfolio.approval_above, "minutes": portfolio.approval_minutes}
        super().__init__(*args, **kwargs)
