"""A plan's state and wishes as plain JSON and back: exact decimals as canonical text, so that the same state is the same text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Data = TypeVar("Data")


def stored(value: Any) -> Any:
    """Return frozen data (dataclasses of decimals, numbers, texts, tuples) as what JSON holds."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: stored(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [stored(one) for one in value]
    if isinstance(value, Decimal):
        # Zero has many forms; normalize() of a whole number would write an exponent.
        return format(value.normalize(), "f") if value else "0"
    return value


def restored(form: type[Data], kept: Mapping[str, Any]) -> Data:
    """Return what `stored` made of an instance of `form`."""
    hints = get_type_hints(form)
    return form(**{name: _value(hints[name], value) for name, value in kept.items()})


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    options = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) is tuple:
        return tuple(_value(options[0], one) for one in value)
    plain = hint if isinstance(hint, type) else options[0]
    if plain is Decimal:
        return Decimal(value)
    return restored(plain, value) if is_dataclass(plain) else plain(value)
