"""Set-based writes: one statement for a whole batch, on PostgreSQL and on SQLite. Only this file knows which one it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from django.db import connection, models, transaction

Row = TypeVar("Row", bound=models.Model)
# In quotes: Django's fields take type arguments for the checker only.
Column: TypeAlias = "models.Field[Any, Any]"
if TYPE_CHECKING:
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup


class Among(_Lookup):
    """`field__among=values`: as `__in`, for the keys of a whole batch, of which PostgreSQL gets one array.

    A parameter each, as `__in` sends them, is compiled, bound and parsed one by one, and no two batches are the same
    statement.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        values = _stored(field, list(self.rhs))
        if connection.vendor == "postgresql":
            return f"{left} = ANY(%s::{_type_of(field)}[])", (*parameters, values)
        return f"{left} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", (*parameters, *values)


def lock_rows(queryset: models.QuerySet[Row]) -> list[Row]:
    """Lock and return the rows, in primary-key order, so that two batches never wait for each other in a circle.

    Without the key: whoever stores a row that refers to a locked one (an audit entry names its user) need not wait.
    """
    return list(queryset.select_for_update(of=("self",), no_key=True).order_by("pk"))


@contextmanager
def one_moment() -> Iterator[None]:
    """Read all that the block reads as of one moment: no commit of another falls between two of its statements.

    Inside a transaction of the caller's it is that transaction's business, and locks are the means.
    """
    if connection.in_atomic_block:
        yield
        return
    with _reading_only(), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


@contextmanager
def _reading_only() -> Iterator[None]:
    """On SQLite, begin transactions without the one write lock: reading waits for nobody, and nobody for it."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    before, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.transaction_mode = before  # type: ignore[attr-defined]


def bulk_insert(model: type[Row], rows: Sequence[Row], *, ignore_conflicts: bool = False) -> int:
    """Insert all rows in one statement and return how many went in; with `ignore_conflicts` a repeat is a no-op.

    PostgreSQL gets one array per column (`unnest`), whose cost does not grow with the number of parameters as
    `VALUES` does; SQLite one prepared statement run for each row.
    """
    if not rows:
        return 0
    fields = [field for field in model._meta.local_concrete_fields if not _is_serial_and_unset(field, rows[0])]
    return _insert(model, fields, _values_of(fields, rows), ignore_conflicts=ignore_conflicts)


def insert_values(model: type[models.Model], names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert rows given as tuples of the named fields' values (ids for relations), each field of the model among them.

    For tables that get many rows a batch and whose rows nobody looks at: making a model instance of each costs more
    than storing it. A serial key is left to the database.
    """
    if not rows:
        return 0
    fields = [_column(model, name) for name in names]
    return _insert(model, fields, list(zip(*rows, strict=True)), ignore_conflicts=False)


def _insert(
    model: type[models.Model], fields: Sequence[Column], values: Sequence[Sequence[Any]], *, ignore_conflicts: bool
) -> int:
    """Insert columns of values, one for each field."""
    columns = ", ".join(_quoted(field) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    if connection.vendor == "postgresql":
        batch = _Batch(fields, values)
        sql = f"INSERT INTO {table} ({columns}) SELECT {', '.join(batch.expressions)} FROM {batch.source}{conflict}"
        return _execute(sql, [*batch.constants, *batch.arrays])
    marks = ", ".join(["%s"] * len(fields))
    return _execute_many(f"INSERT INTO {table} ({columns}) VALUES ({marks}){conflict}", _tuples(fields, values))


def bulk_update(
    model: type[models.Model], rows: Sequence[object], fields: Iterable[str], *, still: tuple[str, str] | None = None
) -> int:
    """Write the named fields of all rows in one statement and return how many rows it met.

    A row is an instance of the model, or anything that has its key and these fields as attributes. `still` is a text
    column with what it must hold before: rows where it does not are not met.
    """
    if not rows:
        return 0
    primary = model._meta.pk
    changed = [_column(model, name) for name in fields]
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(primary)
    condition = f" AND {table}.{_quoted(_column(model, still[0]))} = %s" if still else ""
    required = list((still or ())[1:])
    if connection.vendor == "postgresql":
        written = [primary, *changed]
        batch = _Batch(written, _values_of(written, rows))
        sets = ", ".join(f"{_quoted(field)} = {new}" for field, new in zip(changed, batch.expressions[1:], strict=True))
        sql = f"UPDATE {table} SET {sets} FROM {batch.source} WHERE {table}.{key} = {batch.expressions[0]}{condition}"
        return _execute(sql, [*batch.constants, *batch.arrays, *required])
    sets = ", ".join(f"{_quoted(field)} = %s" for field in changed)
    written = [*changed, primary]
    stored = [(*one, *required) for one in _tuples(written, _values_of(written, rows))]
    return _execute_many(f"UPDATE {table} SET {sets} WHERE {key} = %s{condition}", stored)


class _Batch:
    """Columns of values as PostgreSQL takes them: an array each, save where all rows have the same value.

    `expressions` names each field's value in a row of `source`; their `constants` come before the source's `arrays`. The
    first field is the one that tells the rows apart. Of a batch of copied orders half of the columns are the event's.
    """

    def __init__(self, fields: Sequence[Column], values: Sequence[Sequence[Any]]) -> None:
        self.expressions: list[str] = []
        self.constants: list[Any] = []
        self.arrays: list[list[Any]] = []
        names, types = [], []
        for field, column in zip(fields, values, strict=True):
            kind = _type_of(field)
            if self.arrays and column.count(column[0]) == len(column):
                self.expressions.append(f"%s::{kind}")
                self.constants += _stored(field, column[:1])
            else:
                self.expressions.append(f"new.{_quoted(field)}")
                self.arrays.append(_stored(field, column))
                names.append(_quoted(field))
                types.append(f"%s::{kind}[]")
        self.source = f"unnest({', '.join(types)}) AS new({', '.join(names)})"


def bulk_save(model: type[Row], rows: Sequence[Row], fields: Iterable[str]) -> None:
    """Insert the rows that are new, and write the named fields of the others."""
    bulk_insert(model, [row for row in rows if row._state.adding])
    bulk_update(model, [row for row in rows if not row._state.adding], fields)


def _column(model: type[models.Model], name: str) -> Column:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field), f"{name} is not a column"
    return field


def _quoted(field: Column) -> str:
    assert field.column is not None, f"{field} is not a column"
    return str(connection.ops.quote_name(field.column))


def _type_of(field: Column) -> str | None:
    return field.rel_db_type(connection) if field.is_relation else field.db_type(connection)


def _is_serial_and_unset(field: Column, row: models.Model) -> bool:
    return isinstance(field, models.AutoField) and getattr(row, field.attname) is None


# What psycopg takes as it is; Django's preparation of each value would cost more than sending it.
_AS_IS = (models.UUIDField, models.CharField, models.BooleanField, models.IntegerField, models.DateTimeField)


def _values_of(fields: Sequence[Column], rows: Sequence[object]) -> list[list[Any]]:
    """Return each field's values in the order of the rows."""
    return [list(map(attrgetter(field.attname), rows)) for field in fields]


def _stored(field: Column, values: Sequence[Any]) -> list[Any]:
    """Return a field's values as the database takes them."""
    stored = field.target_field if isinstance(field, models.ForeignKey) else field
    if connection.vendor == "postgresql" and isinstance(stored, _AS_IS):
        return list(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def _tuples(fields: Sequence[Column], values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*map(_stored, fields, values), strict=True))


def _execute(sql: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _execute_many(sql: str, parameters: Sequence[tuple[Any, ...]]) -> int:
    with connection.cursor() as cursor:
        cursor.executemany(sql, parameters)
        return int(cursor.rowcount)
