"""All that the database holds, as digests: what an act must leave as it was, and what it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import AutoField, Model

Columns = dict[type[Model], list[Any]]


@contextmanager
def unchanged() -> Iterator[list[str]]:
    """Undo what the block does, and yield a list that then holds the tables that it changed."""
    before = everything_stored()
    found: list[str] = []
    with transaction.atomic():
        yield found
        after = everything_stored()
        transaction.set_rollback(True)
    found += sorted(label for label in before if before[label] != after[label])


def changed_by(tries: Mapping[str, Callable[[], None]]) -> dict[str, list[str]]:
    """Return which of these acts change which tables; the price of looking is paid for each only where some do."""
    with unchanged() as tables:
        for act in tries.values():
            act()
    changed = {}
    for name, act in tries.items() if tables else ():
        with unchanged() as tables:
            act()
        if tables:
            changed[name] = tables
    return changed


def everything_stored() -> dict[str, tuple[int, str]]:
    """Return how many rows each table has and a digest of them all: what a refusal must leave as it was.

    Sessions are left out, since a browser's own may change with every page, as are the moments of a token's last use.
    """
    if connection.vendor == "postgresql":
        # Each table is small: to start workers for them takes longer than to read them all.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            cursor.execute(_question())
            return {label: (count, digest) for label, count, digest in cursor.fetchall()}
    return {model._meta.label: _digest(model, columns) for model, columns in _columns().items()}


@cache
def _columns() -> Columns:
    """Return what is compared of each table."""
    found: Columns = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label in {"sessions.Session", "usersessions.UserSession"}:
            continue
        fields = [one for one in model._meta.concrete_fields if not _is_counted(one)]
        found[model] = [one for one in fields if one.attname != "last_used_at"]
    return found


def _is_counted(field: Any) -> bool:
    """Say whether a column holds a number that the database counts up, and goes on counting after what was undone."""
    return isinstance(field, AutoField) or (field.is_relation and _is_counted(field.target_field))


@cache
def _question() -> str:
    """Return the one statement that asks PostgreSQL for all digests: table by table, most of the time goes to and fro."""
    name = connection.ops.quote_name
    asked = []
    for model, fields in _columns().items():
        columns, key = ", ".join(name(one.column) for one in fields), name(str(model._meta.pk.column))
        rows = f"SELECT md5(ROW({columns})::text) AS row, {key} AS key FROM {name(model._meta.db_table)}"
        digest = "md5(string_agg(row, '' ORDER BY key))"
        asked.append(f"SELECT '{model._meta.label}', count(*), {digest} FROM ({rows}) AS rows")
    return " UNION ALL ".join(asked)


def _digest(model: type[Model], fields: list[Any]) -> tuple[int, str]:
    """Return how many rows a table has and a digest of these columns."""
    told = [repr(row) for row in model._base_manager.order_by("pk").values_list(*[one.attname for one in fields])]
    return len(told), hashlib.sha256("\n".join(told).encode()).hexdigest()
