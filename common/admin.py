"""What admin pages share. Operators look; they act through services only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from common import display
from common.fields import AmountField


class ReadOnlyAdmin:
    """Mixin for what no hand may change: ledgers, fills, keys, the audit. Put it before `unfold.admin.ModelAdmin`.

    Amounts read as on the pages: Django's admin would write all of their eighteen decimals.
    """

    model: type[Model]
    actions: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self._written(super().get_list_display(request))  # type: ignore[misc] # ModelAdmin comes after this

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        # Where a class lists no fields, Django adds the read-only ones, amounts again among them.
        return list(dict.fromkeys(self._written(super().get_fields(request, obj))))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *map(amount_column, self._amounts())]  # type: ignore[misc]

    def _written(self, names: Sequence[Any]) -> list[Any]:
        amounts = self._amounts()
        return [amount_column(name) if name in amounts else name for name in names]

    def _amounts(self) -> list[str]:
        return [field.name for field in self.model._meta.get_fields() if isinstance(field, AmountField)]


@cache
def amount_column(name: str) -> Callable[[Model], str]:
    """Return a column that writes the amount field `name` in full and without padding; the same one each time."""

    def column(row: Model) -> str:
        return display.amount(getattr(row, name), 18)

    column.__name__ = name
    return admin.display(description=name.replace("_", " "), ordering=name)(column)
