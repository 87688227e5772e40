"""Exact decimals on both databases.

SQLite would keep a Django DecimalField as a float beyond 15 digits (1000000000.12345678 comes back as
1000000000.12346), so there an amount is canonical text with a numeric collation and a `decimal_sum` aggregate.
"""

from __future__ import annotations

import sqlite3
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from django.core import checks
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

MAX_DIGITS = 38
DECIMAL_PLACES = 18
_EXACT = Context(prec=MAX_DIGITS + DECIMAL_PLACES)
_QUANTUM = Decimal(1).scaleb(-DECIMAL_PLACES)
# Twenty digits before the point fit a NUMERIC(38, 18).
_LIMIT = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES)
_ZERO = Decimal(0)


def canonical(value: Decimal) -> str:
    """Return the one text of an amount: plain notation, no trailing zeros, no negative zero ("0.1", "1200", "0")."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class AmountField(models.DecimalField):  # type: ignore[type-arg]  # not subscriptable at run time
    """A Decimal of up to 20 digits before and 18 after the point, exact on PostgreSQL (NUMERIC) and SQLite (text).

    More than 18 decimals, NaN and infinity are refused with ValueError rather than rounded: whoever computes an
    amount decides how it is rounded.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"], kwargs["decimal_places"] = MAX_DIGITS, DECIMAL_PLACES
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, list(args), kwargs

    def get_internal_type(self) -> str:
        # Not "DecimalField": SQLite's backend would convert values of that type through float.
        return "AmountField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text COLLATE amount" if connection.vendor == "sqlite" else f"numeric({MAX_DIGITS}, {DECIMAL_PLACES})"

    def from_db_value(
        self, value: str | Decimal | None, expression: object, connection: BaseDatabaseWrapper
    ) -> Decimal | None:
        return Decimal(value) if isinstance(value, str) else value

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        # Elsewhere the driver returns decimals: a batch need not ask at every value.
        return super().get_db_converters(connection) if connection.vendor == "sqlite" else []

    def get_prep_value(self, value: Any) -> Any:
        # What a query compares with is held to the same law: DecimalField would let a float in here.
        return value if value is None or hasattr(value, "resolve_expression") else exact(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        amount = exact(value)
        return canonical(amount) if connection.vendor == "sqlite" else amount

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return super(models.DecimalField, self).check(**kwargs)


def exact(value: Decimal | int | str) -> Decimal:
    """Return `value` as a Decimal that an AmountField holds unchanged, or raise ValueError."""
    if isinstance(value, float):
        raise ValueError("An amount is never a float: convert it where it enters, with a stated rounding.")
    try:
        amount = Decimal(value)
        if amount.is_finite() and abs(amount) < _LIMIT and _EXACT.quantize(amount, _QUANTUM) == amount:
            return amount
    except (InvalidOperation, TypeError, ValueError):
        pass
    raise ValueError(f"{value!r} is not an amount of at most 20 digits before and 18 after the point.")


def is_exact(value: Decimal) -> bool:
    """Say whether an AmountField can hold a value: finite, not too large, and not too fine."""
    try:
        exact(value)
    except ValueError:
        return False
    return True


class DecimalSum(models.Aggregate):
    """The exact sum of an amount column; 0 where there are no rows."""

    function = "SUM"
    name = "DecimalSum"
    allow_distinct = False

    def __init__(self, expression: Any, **extra: Any) -> None:
        extra.setdefault("output_field", AmountField())
        super().__init__(expression, default=_ZERO, **extra)

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="decimal_sum", **extra)


def _compare(left: str, right: str) -> int:
    try:
        a, b = Decimal(left), Decimal(right)
    except InvalidOperation:
        return (left > right) - (left < right)
    return (a > b) - (a < b)


class _DecimalSum:
    """SQLite aggregate: adds canonical texts without ever touching a float."""

    def __init__(self) -> None:
        self.total = _ZERO

    def step(self, value: str | int | None) -> None:
        if value is not None:
            self.total = _EXACT.add(self.total, Decimal(value))

    def finalize(self) -> str:
        return canonical(self.total)


@receiver(connection_created, dispatch_uid="common.fields.teach_sqlite_decimals")
def _teach_sqlite_decimals(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    if connection.vendor == "sqlite":
        raw: sqlite3.Connection = connection.connection
        raw.create_collation("amount", _compare)
        raw.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type]
