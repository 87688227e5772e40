"""What forms of all apps share: amounts as they are typed, and how a form shows what a service refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common.errors import DomainError

# Longer than any amount that is accepted: what is longer was never meant as one.
MAX_TYPED = 60


class ExactAmountField(forms.DecimalField):
    """A decimal as somebody types it; how large and how fine it may be, a service says."""

    default_error_messages = {"invalid": "Enter a number, such as 1250 or 0.5."}

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "maxlength": MAX_TYPED}
        # A text field: browsers' number fields round, and forbid what a service explains better.
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def to_python(self, value: Any) -> Any:
        typed = str(value or "").replace(",", "").strip()
        amount = super().to_python(typed[: MAX_TYPED + 1])
        # Of such a size no amount is meant, and arithmetic on it could overflow.
        if len(typed) > MAX_TYPED or (amount is not None and amount.is_finite() and abs(amount.adjusted()) > MAX_TYPED):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return amount


def show_refusal(form: forms.BaseForm, error: DomainError, fields: Mapping[str, str] | None = None) -> None:
    """Put a refusal's sentence at the field it is about, else above the form.

    The field is the one that `fields` names for the code (or for its beginning, as "AMOUNT" for AMOUNT_TOO_LARGE),
    else the one that the service named in the refusal's context.
    """
    named = (field for prefix, field in (fields or {}).items() if error.code.startswith(prefix))
    field = next(named, error.context.get("field"))
    form.add_error(field if field in form.fields else None, error.message)
