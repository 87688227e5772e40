"""Queries that are asked for every order: put together once, then only run.

For one order alone Django spends three quarters of a read on putting the statement together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

from common.db import Slot, plan_kept

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Question(Generic[Row]):
    """A list as somebody asks for it: with these values in a query that others ask with other values.

    `build`, a function of a module, gets something for each name, the value or a `Slot` for it, and makes of the same names
    always the same query; `fields` says what a value is, but for those that are `among`, of which the lookup knows.
    """

    build: Callable[[Mapping[str, Any]], models.QuerySet[Row]]
    values: Mapping[str, Any]
    fields: Mapping[str, models.Field[Any, Any]]

    def queryset(self) -> models.QuerySet[Row]:
        """Return it as a query like any other."""
        return self.build(self.values)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A query as one kind of database takes it: its parameters, and which are made of the values of which slots, and how.

    `instances` are what makes one of a row, where the query is of a model: the model, the names and the end of its columns,
    and what makes the related ones.
    """

    sql: str
    constants: tuple[Any, ...]
    slots: tuple[tuple[int, str, Callable[[Any], Any]], ...]
    is_locking: bool
    converters: tuple[tuple[int, Any, Any], ...]
    instances: tuple[type[models.Model], list[str], int, list[Any]] | None


class Prepared(Generic[Row]):
    """A query with a `Slot` for whatever changes from one time to the next."""

    def __init__(self, query: Callable[[], models.QuerySet[Row, Any]], *, keeps_plan: bool = False) -> None:
        """`query` is called once per kind of database, when the models are there.

        `keeps_plan`: PostgreSQL may keep a plan for any values, until the next ANALYZE of a table. It must be the right one for
        however many rows: of what is found by an index of a few keys.
        """
        self._query, self._keeps_plan = query, keeps_plan
        self._statements: dict[str, _Statement] = {}

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run it with a value for each slot and return its rows, of a `values_list` query."""
        return self._run(values)[1]

    def found(self, **values: Any) -> list[Row]:
        """Run it likewise and return instances, with those that it selects along with them."""
        statement, rows = self._run(values)
        assert statement.instances is not None, "rows of values are asked for by `rows`"
        model, names, end, related = statement.instances
        made: list[Any] = [model.from_db(DEFAULT_DB_ALIAS, names, row[:end]) for row in rows]
        for populator in related:
            for row, one in zip(rows, made, strict=True):
                populator.populate(row, one)
        return made

    def first(self, **values: Any) -> Row | None:
        """Run it likewise and return the first instance; None where there is none."""
        return next(iter(self.found(**values)), None)

    def _run(self, values: dict[str, Any]) -> tuple[_Statement, list[tuple[Any, ...]]]:
        connection = connections[DEFAULT_DB_ALIAS]
        one = self._statements.get(connection.vendor) or self._put_together(connection)
        if one.is_locking and connection.get_autocommit():
            # Django says so when it puts a statement together: here that is once.
            raise TransactionManagementError("A query that locks rows needs a transaction, or it locks nothing.")
        bound = list(one.constants)
        for place, name, bind in one.slots:
            bound[place] = bind(values[name])
        with connection.cursor() as cursor, plan_kept() if self._keeps_plan else nullcontext():
            cursor.execute(one.sql, bound)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        if not one.converters or not rows:
            return one, rows
        columns = [list(column) for column in zip(*rows, strict=True)]
        for place, converters, expression in one.converters:
            for converter in converters:
                columns[place] = [converter(value, expression, connection) for value in columns[place]]
        return one, list(zip(*columns, strict=True))

    def _put_together(self, connection: BaseDatabaseWrapper) -> _Statement:
        compiler = self._query().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        slots = tuple(
            (place, part.name, part.binder(connection))
            for place, part in enumerate(parameters)
            if isinstance(part, Slot)
        )
        found = compiler.get_converters([column[0] for column in compiler.select])
        converters = tuple((place, *one) for place, one in found.items())
        instances = None
        if compiler.klass_info:
            first, last = compiler.klass_info["select_fields"][0], compiler.klass_info["select_fields"][-1]
            assert first == 0, "annotations come after a model's own columns"
            names = [column[0].target.attname for column in compiler.select[: last + 1]]
            # (The stubs are those of a later Django, which says how rows are fetched.)
            related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
            instances = (compiler.klass_info["model"], names, last + 1, related)
        made = self._statements[connection.vendor] = _Statement(
            sql, tuple(parameters), slots, compiler.query.select_for_update, converters, instances
        )
        return made
