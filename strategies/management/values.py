"""Named values as command lines give them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation


def setting(text: str) -> tuple[str, int | Decimal]:
    """Return NAME=VALUE as a name and a number, whole where it is written so."""
    name, is_there, value = text.partition("=")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not name or not is_there or not number.is_finite():
        raise ArgumentTypeError(f"{text!r} is not NAME=NUMBER, such as fast=12")
    return name, int(value) if value.lstrip("+-").isdecimal() else number


def named(text: str) -> tuple[str, str]:
    """Return NAME=VALUE as a name and a text."""
    name, is_there, value = text.partition("=")
    if not name or not is_there:
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
