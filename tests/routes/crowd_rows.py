"""What a crowd is written with: copies of rows that are there already, one per number of a range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, UUIDField

from common.ids import new_id
from tests.routes.world import World

Row = TypeVar("Row", bound=Model)


class Rows:
    """Writes one row of a kind for each of `numbers`, in one statement."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.numbers = range(0)

    def copies(self, row: Row, **changes: Callable[[int], Any]) -> list[Row]:
        """Write one copy of a row per number, each with what `changes` (column -> value of a number) say."""
        columns = [one for one in row._meta.concrete_fields if not one.primary_key]
        held = {one.attname: getattr(row, one.attname) for one in columns}
        made = []
        for number in self.numbers:
            copy = type(row)(**held)
            if isinstance(row._meta.pk, UUIDField):
                copy.pk = new_id()
            for name, value in changes.items():
                setattr(copy, name, value(number))
            made.append(copy)
        return type(row)._base_manager.bulk_create(made)

    def first(self, model: type[Row], **facts: Any) -> Row:
        """Return the row that was there before any crowd came."""
        return model._base_manager.filter(**facts).order_by("pk")[0]

    def at(self, rows: list[Any]) -> Callable[[int], Any]:
        """Return number -> key of the row that belongs to it."""
        first = self.numbers.start
        return lambda number: rows[number - first].pk
