"""Where a version is to run."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from portfolios.models import Portfolio
from strategies.models import StrategyVersion
from strategies.selectors import portfolios_to_run_on


class RunForm(forms.Form):
    """Where a version is to run."""

    portfolio = forms.ModelChoiceField(queryset=Portfolio.objects.none(), empty_label=None)

    def __init__(self, *args: Any, user: User, version: StrategyVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.portfolios = portfolios_to_run_on(user, version)
        self.fields["portfolio"].queryset = self.portfolios  # type: ignore[attr-defined]

    def has_choices(self) -> bool:
        return self.portfolios.exists()
