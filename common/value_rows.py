"""Lists that skip the serializer: the columns that a ModelSerializer names, read by `values()` and sent as they are.

What is read is derived from the serializer itself, so that both say the same; only fields that are computed need a
function here. A list of 50 rows costs a third of what serializing 50 objects does, and of that again less than half where
its query is put together once (common/prepared.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from django.db import models
from django.db.models import F, Field, QuerySet
from rest_framework import serializers

from common.db import Slot
from common.prepared import Prepared, Question

Rows = list[dict[str, Any]]
# Statements that a process keeps. Who asks for ever other fields and filters makes it put one together, as ever.
MOST_STATEMENTS = 512
_POSITION = "position"


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

    @cached_property
    def place(self) -> Field[Any, Any]:
        """The column by which pages are cut."""
        model: type[models.Model] = self._serializer.Meta.model
        found = model._meta.get_field(self._order)
        assert isinstance(found, Field), "pages are cut by a column"
        return found

    def field(self, name: str) -> serializers.Field[Any, Any, Any, Any]:
        """Return the serializer's field of that name."""
        return self._serializer().fields[name]

    def read(self, queryset: QuerySet[Any], names: Collection[str]) -> QuerySet[Any, dict[str, Any]]:
        """Return the rows as dictionaries of these fields, and of what computing them needs."""
        own, others = self._wanted(names)
        return queryset.values(*own, **others)

    def asked(self, question: Question[Any], names: Collection[str]) -> AskedRows:
        """Return what a paginator takes for a queryset, and finds the same rows in as in what `read` returns."""
        own, others = self._wanted(names)
        return AskedRows(self, question, tuple(names), (*own, *others))

    def _wanted(self, names: Collection[str]) -> tuple[list[str], dict[str, F]]:
        """Return what is read under its own name, and what under another."""
        wanted = {name: self.columns[name] for name in names if name in self.columns} | {self._order: self._order}
        for name in names:
            for needed, source in self._computed[name][0].items() if name in self._computed else ():
                wanted.setdefault(needed, source)
        own = [name for name, source in wanted.items() if source == name]
        return own, {name: F(source) for name, source in wanted.items() if source != name}

    def finish(self, rows: Rows, names: Collection[str]) -> Rows:
        """Compute what is computed, and leave what was only read for that."""
        for name in names:
            if name in self._computed:
                self._computed[name][1](rows)
        for more in rows[0].keys() - set(names) if rows else ():
            for row in rows:
                del row[more]
        return rows


@dataclass(frozen=True, slots=True)
class AskedRows:
    """The rows of a question, as far as a paginator by cursor asks for them: an order, a place to go on from, a slice."""

    source: ValueRows
    question: Question[Any]
    names: tuple[str, ...]
    columns: tuple[str, ...]
    order: tuple[str, ...] = ()
    # The lookup by which they go on from the position, and the position.
    beyond: str = ""
    position: Any = None

    def order_by(self, *order: str) -> AskedRows:
        return replace(self, order=order)

    def filter(self, **beyond: Any) -> AskedRows:
        """Go on from a position; raises ValidationError for what is none of this list."""
        [(lookup, given)] = beyond.items()
        return replace(self, beyond=lookup, position=self.source.place.to_python(given))

    def __getitem__(self, part: slice) -> Rows:
        asked = self.question
        shape = (self.source, self.names, self.order, self.beyond, part.start, part.stop)
        values = {**asked.values, _POSITION: self.position} if self.beyond else asked.values
        found = _statement(_Shape(asked.build, tuple(asked.values), shape, asked.fields)).rows(**values)
        return [dict(zip(self.columns, row, strict=True)) for row in found]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What two lists have in common that are one statement."""

    build: Callable[[Mapping[str, Any]], QuerySet[Any]]
    given: tuple[str, ...]
    cut: tuple[ValueRows, tuple[str, ...], tuple[str, ...], str, int, int]
    fields: Mapping[str, Field[Any, Any]] = field(compare=False)


@lru_cache(maxsize=MOST_STATEMENTS)
def _statement(shape: _Shape) -> Prepared[Any]:
    source, names, order, beyond, start, stop = shape.cut

    def query() -> QuerySet[Any, Any]:
        found = shape.build({name: Slot(name, shape.fields.get(name)) for name in shape.given})
        if beyond:
            found = found.filter(**{beyond: Slot(_POSITION, source.place)})
        return source.read(found.order_by(*order), names)[start:stop]

    # Planning three ways to a portfolio takes longer than going them.
    return Prepared(query, keeps_plan=True)
