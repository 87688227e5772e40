"""Lists that skip the serializer: the columns that a ModelSerializer names, read by `values()` and sent as they are.

What is read is derived from the serializer itself, so that both say the same; only fields that are computed need a
function here. A list of 50 rows costs a third of what serializing 50 objects does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

from django.db.models import F, QuerySet
from rest_framework import serializers

Rows = list[dict[str, Any]]


class ValueRows:
    """How rows of a ModelSerializer are read without it.

    `computed` names the fields that no column holds, each with what its function needs (a name and where it is found); a
    function gets all rows of a page at once and sets the field on each. What orders a page is always read.
    """

    def __init__(
        self,
        serializer: type[serializers.ModelSerializer[Any]],
        computed: Mapping[str, tuple[Mapping[str, str], Callable[[Rows], None]]] | None = None,
        order: str = "id",
    ) -> None:
        self._serializer, self._computed, self._order = serializer, computed or {}, order

    @cached_property
    def columns(self) -> dict[str, str]:
        """The serializer's fields and where each is found."""
        fields = self._serializer().fields
        return {
            name: ".".join(field.source_attrs).replace(".", "__")
            for name, field in fields.items()
            if name not in self._computed
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All fields, in the serializer's order."""
        return tuple(self._serializer().fields)

    def field(self, name: str) -> serializers.Field[Any, Any, Any, Any]:
        """Return the serializer's field of that name."""
        return self._serializer().fields[name]

    def read(self, queryset: QuerySet[Any], names: Collection[str]) -> QuerySet[Any, dict[str, Any]]:
        """Return the rows as dictionaries of these fields, and of what computing them needs."""
        wanted = {name: self.columns[name] for name in names if name in self.columns} | {self._order: self._order}
        for name in names:
            for needed, source in self._computed[name][0].items() if name in self._computed else ():
                wanted.setdefault(needed, source)
        own = [name for name, source in wanted.items() if source == name]
        return queryset.values(*own, **{name: F(source) for name, source in wanted.items() if source != name})

    def finish(self, rows: Rows, names: Collection[str]) -> Rows:
        """Compute what is computed, and leave what was only read for that."""
        for name in names:
            if name in self._computed:
                self._computed[name][1](rows)
        for more in rows[0].keys() - set(names) if rows else ():
            for row in rows:
                del row[more]
        return rows
