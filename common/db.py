"""Set-based writes: one statement for a whole batch, on PostgreSQL and on SQLite. Only this file knows which one it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from django.db import connection, models, transaction

Row = TypeVar("Row", bound=models.Model)
# In quotes: Django's fields take type arguments for the checker only.
Column: TypeAlias = "models.Field[Any, Any]"


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
    columns = ", ".join(_quoted(field) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    if connection.vendor == "postgresql":
        return _execute(
            f"INSERT INTO {table} ({columns}) SELECT * FROM {_unnest(fields)}{conflict}", _columns(fields, rows)
        )
    marks = ", ".join(["%s"] * len(fields))
    return _execute_many(f"INSERT INTO {table} ({columns}) VALUES ({marks}){conflict}", _tuples(fields, rows))


def bulk_update(model: type[Row], rows: Sequence[Row], fields: Iterable[str]) -> int:
    """Write the named fields of all rows in one statement and return how many rows it met."""
    if not rows:
        return 0
    primary = model._meta.pk
    changed = [_column(model, name) for name in fields]
    table, key = connection.ops.quote_name(model._meta.db_table), _quoted(primary)
    if connection.vendor == "postgresql":
        values = [primary, *changed]
        names = ", ".join(_quoted(field) for field in values)
        sets = ", ".join(f"{_quoted(field)} = new.{_quoted(field)}" for field in changed)
        sql = f"UPDATE {table} SET {sets} FROM {_unnest(values)} AS new({names}) WHERE {table}.{key} = new.{key}"
        return _execute(sql, _columns(values, rows))
    sets = ", ".join(f"{_quoted(field)} = %s" for field in changed)
    return _execute_many(f"UPDATE {table} SET {sets} WHERE {key} = %s", _tuples([*changed, primary], rows))


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


def _is_serial_and_unset(field: Column, row: models.Model) -> bool:
    return isinstance(field, models.AutoField) and getattr(row, field.attname) is None


# What psycopg takes as it is; Django's preparation of each value would cost more than sending it.
_AS_IS = (models.UUIDField, models.CharField, models.BooleanField, models.IntegerField, models.DateTimeField)


def _columns(fields: Sequence[Column], rows: Sequence[models.Model]) -> list[list[Any]]:
    """Return each field's values, as the database takes them, in the order of the rows."""
    return [_values(field, [getattr(row, field.attname) for row in rows]) for field in fields]


def _values(field: Column, values: list[Any]) -> list[Any]:
    stored = field.target_field if isinstance(field, models.ForeignKey) else field
    if connection.vendor == "postgresql" and isinstance(stored, _AS_IS):
        return values
    return [field.get_db_prep_save(value, connection) for value in values]


def _tuples(fields: Sequence[Column], rows: Sequence[models.Model]) -> list[tuple[Any, ...]]:
    return list(zip(*_columns(fields, rows), strict=True))


def _unnest(fields: Sequence[Column]) -> str:
    return "unnest({})".format(
        ", ".join(
            f"%s::{field.rel_db_type(connection) if field.is_relation else field.db_type(connection)}[]"
            for field in fields
        )
    )


def _execute(sql: str, parameters: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _execute_many(sql: str, parameters: Sequence[tuple[Any, ...]]) -> int:
    with connection.cursor() as cursor:
        cursor.executemany(sql, parameters)
        return int(cursor.rowcount)
