"""How a page's form shows what a service refused."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from common.errors import DomainError


def show_refusal(form: forms.BaseForm, error: DomainError, fields: Mapping[str, str] | None = None) -> None:
    """Put a refusal's sentence at the field it is about, else above the form.

    The field is the one that `fields` names for the code (or for its beginning, as "AMOUNT" for AMOUNT_TOO_LARGE),
    else the one that the service named in the refusal's context.
    """
    named = (field for prefix, field in (fields or {}).items() if error.code.startswith(prefix))
    field = next(named, error.context.get("field"))
    form.add_error(field if field in form.fields else None, error.message)
