"""How money reads in templates: `{% load billing %}`."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

from common import display
from marketplace.billing.business import Money
from marketplace.billing.currencies import written

register = template.Library()


@register.filter
def minor(amount: int, currency: str) -> str:
    """Write minor units: `{{ 1250|minor:"usd" }}` is "12.50 USD"."""
    return written(amount, currency)


@register.filter
def sums(found: Sequence[Money]) -> str:
    """Write sums of several currencies, or a dash."""
    return " + ".join(one.words for one in found) or display.MISSING


@register.filter
def requirement(name: str) -> str:
    """Write what the processor wants to know: "individual.first_name" is "individual first name"."""
    return name.replace(".", " ").replace("_", " ")
