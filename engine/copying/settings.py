"""What a follower may set of a follow: each setting with its range and default, checked in one place, and how they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any

MAX_SYMBOLS, MAX_SYMBOL = 200, 60


class SizingMode(StrEnum):
    """What the size of an opening order follows."""

    EQUITY_RATIO = "EQUITY_RATIO"
    MARGIN_RATIO = "MARGIN_RATIO"
    FIXED_AMOUNT = "FIXED_AMOUNT"
    FIXED_MULTIPLE = "FIXED_MULTIPLE"
    WEIGHTS = "WEIGHTS"


class Unit(StrEnum):
    """How a setting is counted, and shown."""

    FACTOR = "FACTOR"
    MONEY = "MONEY"
    SHARE = "SHARE"
    COUNT = "COUNT"
    SECONDS = "SECONDS"


_WHOLE = {Unit.COUNT, Unit.SECONDS}


@dataclass(frozen=True, slots=True)
class CopySettings:
    """The settings of one follow; a position keeps those of its opening. `SPECS` says what each means."""

    sizing: SizingMode = SizingMode.EQUITY_RATIO
    multiplier: Decimal = Decimal(1)
    fixed_amount: Decimal = Decimal(100)
    fixed_multiple: Decimal = Decimal(1)
    weight_tolerance: Decimal = Decimal("0.05")
    round_up: bool = False
    # None: what suits the market (price_caps.py).
    price_cap: Decimal | None = None
    max_age_seconds: Decimal = Decimal(5)
    max_spread: Decimal = Decimal("0.005")
    max_order_share: Decimal = Decimal("0.2")
    max_instrument_share: Decimal = Decimal("0.3")
    max_leverage: Decimal = Decimal(5)
    max_positions: Decimal = Decimal(20)
    max_orders_per_day: Decimal = Decimal(200)
    drift_share: Decimal = Decimal("0.02")
    drift_total_share: Decimal = Decimal("0.05")
    # Symbols; nothing allowed by name means that everything is.
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()

    @property
    def most_leverage(self) -> int:
        """Return the most leverage that a position may be opened with: a market's is a whole number."""
        return int(self.max_leverage)


DEFAULTS = CopySettings()


@dataclass(frozen=True, slots=True)
class Spec:
    """A figure among the settings: its field in `CopySettings`, its words, and the values it may have (both ends included)."""

    name: str
    unit: Unit
    low: Decimal
    high: Decimal
    title: str
    meaning: str
    is_optional: bool = False
    code: str = "SETTING_INVALID"


def _spec(name: str, unit: Unit, ends: tuple[str, str], title: str, meaning: str, **more: Any) -> Spec:
    low, high = map(Decimal, ends)
    return Spec(name, unit, low, high, title, meaning, **more)


_SHARE = ("0.01", "1")
SPECS: tuple[Spec, ...] = (
    _spec(
        "multiplier",
        Unit.FACTOR,
        ("0.1", "3"),
        "Multiplier",
        "Of the ratio of equities: 1 copies in proportion, 2 doubles every trade.",
        code="MULTIPLIER_OUT_OF_RANGE",
    ),
    _spec("fixed_amount", Unit.MONEY, ("10", "1000000000"), "Fixed amount", "What each opening order costs."),
    _spec("fixed_multiple", Unit.FACTOR, ("0.01", "5"), "Fixed multiple", "Of the lead's own quantity."),
    _spec(
        "weight_tolerance",
        Unit.SHARE,
        ("0.01", "0.2"),
        "Tolerance of weights",
        "How far a weight may be off, of equity, before it is aligned again.",
    ),
    _spec(
        "price_cap",
        Unit.SHARE,
        ("0.001", "0.03"),
        "Price cap",
        "How far from the lead's price you still open. Empty: by the market.",
        is_optional=True,
    ),
    _spec("max_age_seconds", Unit.SECONDS, ("1", "60"), "Age of a trade", "Older trades of the lead open nothing."),
    _spec("max_spread", Unit.SHARE, ("0.0005", "0.05"), "Spread", "Wider ones open nothing."),
    _spec("max_order_share", Unit.SHARE, _SHARE, "One order, of equity", "An opening order is cut down to this."),
    _spec("max_instrument_share", Unit.SHARE, _SHARE, "One instrument, of equity", "Opens that go beyond are cut."),
    _spec("max_leverage", Unit.FACTOR, ("1", "5"), "Leverage", "All positions ÷ equity, and the most of any one."),
    _spec("max_positions", Unit.COUNT, ("1", "100"), "Open positions", "One more is not opened."),
    _spec("max_orders_per_day", Unit.COUNT, ("1", "1000"), "Copies per day", "More are skipped (UTC)."),
    _spec(
        "drift_share",
        Unit.SHARE,
        ("0.01", "0.2"),
        "Drift of one instrument",
        "Of equity; from there on it is repaired.",
    ),
    _spec("drift_total_share", Unit.SHARE, ("0.02", "0.5"), "Drift of all together", "Of equity, likewise."),
)
SPEC = {spec.name: spec for spec in SPECS}


class SettingError(ValueError):
    """A value that a setting cannot have: the setting's name, a code, and a sentence for whoever set it."""

    def __init__(self, field: str, message: str, code: str = "SETTING_INVALID") -> None:
        super().__init__(message)
        self.field, self.message, self.code = field, message, code


def settings_from(given: Mapping[str, object]) -> CopySettings:
    """Return settings as typed, sent or stored, with defaults for what is left out; raise SettingError at the first that cannot be."""
    unknown = sorted(given.keys() - {one.name for one in fields(CopySettings)})
    if unknown:
        raise SettingError(unknown[0], f"There is no setting called {unknown[0][:60]}.")
    figures = {name: _figure(SPEC[name], value) for name, value in given.items() if name in SPEC}
    allowed, denied = (_symbols(name, given.get(name)) for name in ("allowed", "denied"))
    if both := allowed & denied:
        raise SettingError("denied", f"{min(both)} is both allowed and denied; keep one of the two.")
    round_up = given.get("round_up", False)
    if not isinstance(round_up, bool):
        raise SettingError("round_up", "Say yes or no.")
    values: dict[str, Any] = {
        name: value for name, value in figures.items() if value is not None or SPEC[name].is_optional
    }
    return CopySettings(
        sizing=_mode(given.get("sizing", SizingMode.EQUITY_RATIO)),
        round_up=round_up,
        allowed=allowed,
        denied=denied,
        **values,
    )


def _mode(value: object) -> SizingMode:
    try:
        return SizingMode(str(value))
    except ValueError:
        raise SettingError("sizing", f"Choose one of {', '.join(SizingMode)}.") from None


def _figure(spec: Spec, value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    places = 3 if spec.unit == Unit.FACTOR else 6
    try:
        if isinstance(value, (bool, float)):
            raise InvalidOperation
        figure = Decimal(str(value))
    except InvalidOperation:
        raise SettingError(spec.name, "Enter a number.", spec.code) from None
    if not figure.is_finite() or not spec.low <= figure <= spec.high or figure != round(figure, places):
        decimals = "as a whole number" if spec.unit in _WHOLE else f"with at most {_COUNTED[places]} decimals"
        message = f"Choose a {spec.title.lower()} from {spec.low:f} to {spec.high:f} {decimals}."
        raise SettingError(spec.name, message, spec.code)
    if spec.unit in _WHOLE and figure != figure.to_integral_value():
        raise SettingError(spec.name, f"Choose a {spec.title.lower()} as a whole number.", spec.code)
    return figure


_COUNTED = {3: "three", 6: "six"}


def _symbols(name: str, value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(isinstance(one, str) for one in value):
        raise SettingError(name, "Give a list of symbols.")
    symbols = frozenset(str(one).strip() for one in value) - {""}
    if len(symbols) > MAX_SYMBOLS or any(len(one) > MAX_SYMBOL for one in symbols):
        raise SettingError(name, f"Name at most {MAX_SYMBOLS} symbols.")
    return symbols


def settings_data(settings: CopySettings) -> dict[str, object]:
    """Return settings as JSON holds them: only what differs from the defaults; figures as plain text, lists sorted."""
    return {
        one.name: _plain(value)
        for one in fields(CopySettings)
        if (value := getattr(settings, one.name)) != getattr(DEFAULTS, one.name)
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, frozenset):
        return sorted(value)
    return value if isinstance(value, bool) or value is None else str(value)


@lru_cache(maxsize=4096)
def _stored(text: str) -> CopySettings:
    return settings_from(json.loads(text))


def stored_settings(data: Mapping[str, object]) -> CopySettings:
    """Return settings as they are stored; most follows share a few sets of them."""
    return _stored(json.dumps(data, sort_keys=True)) if data else DEFAULTS
