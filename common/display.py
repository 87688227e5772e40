"""How figures and names read to a person: the same in a page's first rendering and in the live updates that follow.

Every function returns finished text. Missing figures are an en dash, negative ones carry a true minus sign.
"""

from __future__ import annotations

from decimal import Decimal

MISSING = "–"
MINUS = "−"
Number = Decimal | int | float | str | None

_THOUSAND_STEPS = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))


def amount(value: Number, places: int = 8) -> str:
    """Return a quantity, grouped, with at most `places` decimals and no trailing zeros: 1234.5000 → "1,234.5".

    A quantity too small to show is not shown as nothing: 0.000000001 → "<0.00000001".
    """
    number = _decimal(value)
    if number is None:
        return MISSING
    text = _fixed(abs(number), places)
    if number and not _has_digits(text):
        text = f"<{_fixed(Decimal(1).scaleb(-places), places)}"
    elif "." in text:
        text = text.rstrip("0").rstrip(".")
    return _with_sign(text, number)


def money(value: Number, places: int = 2) -> str:
    """Return a sum with exactly `places` decimals, grouped: −1234.5 → "−1,234.50"."""
    number = _decimal(value)
    return MISSING if number is None else _with_sign(_fixed(abs(number), places), number)


def price(value: Number, tick: Number = None) -> str:
    """Return a price with the decimals of its instrument's tick size; without a tick, with those it has."""
    step = _decimal(tick)
    if not step:
        return amount(value, 18)
    exponent = step.normalize().as_tuple().exponent
    return money(value, max(0, -exponent) if isinstance(exponent, int) else 0)


def percent(ratio: Number, places: int = 2) -> str:
    """Return a ratio (0–1) as per cent: 0.1234 → "12.34%"."""
    number = _decimal(ratio)
    return MISSING if number is None else money(number * 100, places) + "%"


def compact(value: Number) -> str:
    """Return a large figure in three digits or so: 1234567 → "1.23M"."""
    number = _decimal(value)
    if number is None:
        return MISSING
    for step, letter in _THOUSAND_STEPS:
        if abs(number) >= step:
            return amount(number / step, 2) + letter
    return amount(number, 2)


def signed(text: str) -> str:
    """Put a plus before a finished figure that is above zero: "1.50" → "+1.50"."""
    above_zero = _has_digits(text) and not text.startswith(MINUS)
    return f"+{text}" if above_zero else text


def sign(value: Number) -> str:
    """Return "pos", "neg" or "zero"."""
    number = _decimal(value)
    if not number:
        return "zero"
    return "pos" if number > 0 else "neg"


def words(code: str) -> str:
    """Return a constant as words: "PARTIALLY_FILLED" → "Partially filled"."""
    return str(code).replace("_", " ").capitalize()


def _decimal(value: Number) -> Decimal | None:
    """Return the figure, or None where there is none (nothing given, not a number, without end)."""
    if value is None or value == "":
        return None
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return number if number.is_finite() else None


def _fixed(number: Decimal, places: int) -> str:
    return format(number, f",.{places}f")


def _has_digits(text: str) -> bool:
    return any(digit in text for digit in "123456789")


def _with_sign(text: str, number: Decimal) -> str:
    return f"{MINUS}{text}" if number < 0 and _has_digits(text) else text
