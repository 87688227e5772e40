"""Set-based writes: one statement for a whole batch, on PostgreSQL and on SQLite. Only this file knows which one it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.db.models.signals import class_prepared
from django.dispatch import receiver
from psycopg import ClientCursor
from psycopg.types.datetime import TimestamptzLoader

from common.fields import AmountField, exact

Row = TypeVar("Row", bound=models.Model)
# In quotes: Django's fields take type arguments for the checker only.
Column: TypeAlias = "models.Field[Any, Any]"
if TYPE_CHECKING:
    _Lookup = models.Lookup[Any]
    _Relation = ForwardManyToOneDescriptor[Any]
else:
    _Lookup = models.Lookup
    _Relation = ForwardManyToOneDescriptor


class ManyRead(models.Model):
    """A model whose rows are read and made by the thousand: an instance is made without going through `__init__`.

    Django's `__init__` sets every column by itself, sends two signals, and costs three times what reading the row does.
    Nothing here listens to them: they are for fields of files and generic relations.
    """

    class Meta:
        abstract = True

    @classmethod
    def from_db(  # type: ignore[override]  # the stubs are those of a later Django, which says how rows are fetched
        cls, db: str | None, field_names: Collection[str], values: Collection[Any]
    ) -> Self:
        """Return a stored row as an instance; columns that were not read are left to be read when asked for."""
        row = cls.__new__(cls)
        row._state = ModelState()
        row._state.adding, row._state.db = False, db
        row.__dict__.update(zip(field_names, values, strict=True))
        return row

    @classmethod
    def fresh(cls, **columns: Any) -> Self:
        """Return an unsaved instance with these columns (ids for relations) and the others' defaults."""
        row = cls.__new__(cls)
        row._state = ModelState()
        for field in cls._meta.concrete_fields:
            name = field.attname
            row.__dict__[name] = columns.pop(name) if name in columns else field.get_default()
        if columns:
            raise TypeError(f"{cls.__name__} has no column {', '.join(columns)}")
        return row


class _Known(_Relation):
    """A relation whose instance is there is read at once; Django's own way asks the field anew for the name of its place."""

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is not None and (found := instance._state.fields_cache.get(self.field.name)) is not None:
            return found
        return super().__get__(instance, cls)


@receiver(class_prepared, dispatch_uid="common.db.read_relations_fast")
def _read_relations_fast(sender: type[models.Model], **kwargs: object) -> None:
    if issubclass(sender, ManyRead):
        for field in sender._meta.local_concrete_fields:
            if type(vars(sender).get(field.name)) is ForwardManyToOneDescriptor:
                setattr(sender, field.name, _Known(field))


# However many keys there are, it is the same statement.
_IN_JSON = "SELECT value FROM json_each(%s)"


class Slot(models.Expression):
    """A place in a prepared query (common/prepared.py) for a value of `field`; under `among` for any number of keys."""

    def __init__(self, name: str, field: Column | None = None) -> None:
        super().__init__(output_field=field)
        self.name, self._of, self._holds_many = name, field, False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def of_many(self, field: Column) -> Slot:
        """Return the same place for keys of a field."""
        made = Slot(self.name, field)
        made._holds_many = True
        return made

    def binder(self, connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
        """Return what makes of a value what this kind of database takes."""
        field = self._of
        assert field is not None, f"no lookup has said what {self.name} is"
        target = _target(field)
        if self._holds_many:
            if connection.vendor == "postgresql":
                return lambda values: _array(field, _stored(field, list(values)))
            if isinstance(target, models.UUIDField):
                return lambda keys: json.dumps([key.hex if type(key) is UUID else UUID(key).hex for key in keys])
            return lambda values: json.dumps(_stored(field, list(values)))
        if connection.vendor == "postgresql" and isinstance(target, _AS_IS):
            return lambda value: value
        return lambda value: field.get_db_prep_value(value, connection)


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
        if isinstance(self.rhs, Slot):
            keys = f"= ANY(%s::{_type_of(field)}[])" if connection.vendor == "postgresql" else f"IN ({_IN_JSON})"
            return f"{left} {keys}", (*parameters, self.rhs.of_many(field))
        values = _stored(field, list(self.rhs))
        if connection.vendor == "postgresql":
            return f"{left} = ANY(%s::{_type_of(field)}[])", (*parameters, _array(field, values))
        return f"{left} IN ({', '.join(['%s'] * len(values)) or 'NULL'})", (*parameters, *values)


class _Times(TimestamptzLoader):
    """Reads a time as the standard library does, in C; the driver's own way costs ten times as much."""

    # By it Django sees that the loader suits a connection in UTC.
    timezone = UTC

    def load(self, data: Any) -> datetime:
        try:
            return datetime.fromisoformat(str(data, "ascii"))
        except ValueError:
            # Not of Python's years: the driver says so in its own words.
            return super().load(data)


@receiver(connection_created, dispatch_uid="common.db.read_times_fast")
def _read_times_fast(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    if connection.vendor == "postgresql" and connection.timezone is UTC:
        connection.connection.adapters.register_loader("timestamptz", _Times)


def attach(row: models.Model, name: str, related: models.Model) -> None:
    """Give a row the instance of a relation whose id it has: Django's own way checks much that is known here."""
    row._state.fields_cache[name] = related


def locking(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Return a query that locks its rows, in primary-key order, so that two batches never wait for each other in a circle.

    Without the key: whoever stores a row that refers to a locked one (an audit entry names its user) need not wait.
    """
    return queryset.select_for_update(of=("self",), no_key=True).order_by("pk")


def lock_rows(queryset: models.QuerySet[Row]) -> list[Row]:
    """Lock and return the rows, in primary-key order."""
    return list(locking(queryset))


def oldest_write() -> datetime | None:
    """Return when the oldest transaction of others began that has written and is still open; None where there is none.

    On SQLite there is none: whoever writes is alone.
    """
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        )
        began: datetime | None = cursor.fetchone()[0]
        return began


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


def copied_texts(sql: str, parameters: Sequence[Any]) -> Iterator[bytes] | None:
    """Return the rows of a PostgreSQL statement that has one column, a text without line breaks, while the server makes them.

    None on another database, which has no such way (COPY). Rows come as they are sent, in UTF-8.
    """
    return _copied(sql, parameters) if connection.vendor == "postgresql" else None


def _copied(sql: str, parameters: Sequence[Any]) -> Iterator[bytes]:
    connection.ensure_connection()
    # COPY takes no parameters beside it: the driver writes them into it.
    with ClientCursor(connection.connection) as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT", parameters) as rows:
        try:
            for row in rows:
                line = bytes(row)[:-1]
                yield line.replace(b"\\\\", b"\\") if b"\\" in line else line
        except GeneratorExit:
            # Broken off, the statement would be canceled, and the transaction of the caller's with it.
            for _ in rows:
                continue
            raise


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
        return _execute(sql, [*batch.constants, *batch.arrays], keep_plan=True)
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


def move_on(row: models.Model, field: str, *, still: tuple[str, str]) -> bool:
    """Store a field of one row if that is further than what is stored, and say whether it was.

    `still` is a text column with what it must hold. For what happens so often that putting together an UPDATE would
    cost more than running it.
    """
    model = type(row)
    primary, moved, held = model._meta.pk, _column(model, field), _column(model, still[0])
    (key,), (value,) = _stored(primary, [row.pk]), _stored(moved, [getattr(row, moved.attname)])
    sql = (
        f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {_quoted(moved)} = %s"
        f" WHERE {_quoted(primary)} = %s AND {_quoted(moved)} < %s AND {_quoted(held)} = %s"
    )
    return bool(_execute(sql, [value, key, value, still[1]], keep_plan=True))


class _Batch:
    """Columns of values as PostgreSQL takes them: an array each, save where all rows have the same value.

    `expressions` names each field's value in a row of `source`; their `constants` come before the source's `arrays`. The
    first field is the one that tells the rows apart. Of a batch of copied orders half of the columns are the event's.
    """

    def __init__(self, fields: Sequence[Column], values: Sequence[Sequence[Any]]) -> None:
        self.expressions: list[str] = []
        self.constants: list[Any] = []
        self.arrays: list[str | list[Any]] = []
        names, types = [], []
        for field, column in zip(fields, values, strict=True):
            kind = _type_of(field)
            # (The first and the last tell at once of most columns that their values differ.)
            if self.arrays and _is_the_same(column[0], column[-1]) and column.count(column[0]) == len(column):
                self.expressions.append(f"%s::{kind}")
                self.constants += _stored(field, column[:1])
            else:
                self.expressions.append(f"new.{_quoted(field)}")
                self.arrays.append(_array(field, _stored(field, column)))
                names.append(_quoted(field))
                types.append(f"%s::{kind}[]")
        self.source = f"unnest({', '.join(types)}) AS new({', '.join(names)})"


def _is_the_same(first: Any, last: Any) -> bool:
    """Compare the ends of a column. A value is the same as itself, one that cannot be compared, too."""
    return first is last or bool(first == last)


def bulk_save(model: type[Row], rows: Sequence[Row], fields: Iterable[str]) -> None:
    """Insert the rows that are new, and write the named fields of the others."""
    bulk_insert(model, [row for row in rows if row._state.adding])
    bulk_update(model, [row for row in rows if not row._state.adding], fields)


def _column(model: type[models.Model], name: str) -> Column:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field), f"{name} is not a column"
    return field


@cache
def _quoted(field: Column) -> str:
    assert field.column is not None, f"{field} is not a column"
    return str(connection.ops.quote_name(field.column))


@cache
def _type_of(field: Column) -> str | None:
    """Return a field's type on PostgreSQL, which alone is asked for it."""
    return field.rel_db_type(connection) if field.is_relation else field.db_type(connection)


def _is_serial_and_unset(field: Column, row: models.Model) -> bool:
    return isinstance(field, models.AutoField) and getattr(row, field.attname) is None


# What psycopg takes as it is; Django's preparation of each value would cost more than sending it.
_PLAIN = (models.UUIDField, models.BooleanField, models.IntegerField, models.DateTimeField)
_AS_IS = (*_PLAIN, models.CharField)


def _values_of(fields: Sequence[Column], rows: Sequence[object]) -> list[list[Any]]:
    """Return each field's values in the order of the rows."""
    return [list(map(attrgetter(field.attname), rows)) for field in fields]


def _stored(field: Column, values: Sequence[Any]) -> list[Any]:
    """Return a field's values as the database takes them."""
    if connection.vendor == "postgresql":
        target = _target(field)
        if isinstance(target, _AS_IS):
            return list(values)
        if isinstance(target, AmountField):
            return [None if value is None else exact(value) for value in values]
    return [field.get_db_prep_save(value, connection) for value in values]


def _target(field: Column) -> Column:
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _array(field: Column, values: list[Any]) -> str | list[Any]:
    """Return a column as PostgreSQL writes arrays: the driver would ask of each value anew what it is and how it is written."""
    target = _target(field)
    if isinstance(target, models.CharField):
        if None not in values and not _ESCAPED.search("".join(values)):
            return '{"' + '","'.join(values) + '"}'
        elements = ["NULL" if value is None else f'"{_ESCAPED.sub(_BACKSLASHED, value)}"' for value in values]
    elif isinstance(target, models.UUIDField):
        elements = ["NULL" if value is None else value.hex if type(value) is UUID else str(value) for value in values]
    elif isinstance(target, (*_PLAIN, models.DecimalField)):
        elements = ["NULL" if value is None else str(value) for value in values]
    else:
        return values
    return f"{{{','.join(elements)}}}"


_ESCAPED, _BACKSLASHED = re.compile(r'(["\\])'), r"\\\1"


def _tuples(fields: Sequence[Column], values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*map(_stored, fields, values), strict=True))


def _execute(sql: str, parameters: Sequence[Any], *, keep_plan: bool = False) -> int:
    """Run a statement and return how many rows it met.

    `keep_plan`: PostgreSQL may keep a plan of it, since it only adds rows, or names one by its key. Of what looks for rows the
    first plan would be kept: one that is right for the small table that it was made for.
    """
    with connection.cursor() as cursor, plan_kept() if keep_plan else nullcontext():
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


@contextmanager
def plan_kept() -> Iterator[None]:
    """Have PostgreSQL prepare what is run in here, and keep a plan of it after the first few times."""
    if connection.vendor != "postgresql" or not settings.DB_KEEPS_PLANS:
        yield
        return
    raw = connection.connection
    raw.prepare_threshold = 0
    try:
        yield
    finally:
        raw.prepare_threshold = None


def _execute_many(sql: str, parameters: Sequence[tuple[Any, ...]]) -> int:
    with connection.cursor() as cursor:
        cursor.executemany(sql, parameters)
        return int(cursor.rowcount)
