"""What the followers of a replay wish for: as the command's options say it for all, or a file for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Any

from common.errors import DomainError
from engine.following import DEFAULT_GUARDS, Guards, StopKind
from trading.follow_models import StartMode

# What followers bring, spread evenly in the logarithm: most small, a few larger than the lead.
_SMALLEST, _LARGEST = 100, 20_000
_MULTIPLIERS = ["0.1", "0.5", "1", "1", "1", "1.5", "2", "3"]
_KNOWN = {"amount", "settings", "guards", "start"}


@dataclass(frozen=True, slots=True)
class Wish:
    """One follower: what they bring, how they copy, what guards it, and what becomes of what the lead holds already."""

    amount: Decimal
    settings: Mapping[str, object] = field(default_factory=dict)
    guards: Guards = DEFAULT_GUARDS
    start: StartMode = StartMode.NEW_ONLY


def drawn(count: int, chance: Random, *, sizing: str | None, guards: Guards) -> list[Wish]:
    """Draw so many followers, with varied amounts and multipliers."""
    return [_drawn(chance, sizing, guards) for _ in range(count)]


def _drawn(chance: Random, sizing: str | None, guards: Guards) -> Wish:
    amount = Decimal(round(_SMALLEST * (_LARGEST / _SMALLEST) ** chance.random(), 2)).quantize(Decimal("0.01"))
    settings = {"multiplier": chance.choice(_MULTIPLIERS), **({"sizing": sizing} if sizing else {})}
    return Wish(amount, settings, guards)


def written(path: Path) -> list[Wish]:
    """Read a JSON list with one object per follower: amount, and settings, guards and start as the API takes them."""
    try:
        rows = json.loads(path.read_text(), parse_float=str)
    except (OSError, ValueError) as error:
        raise DomainError("SETTINGS_UNREADABLE", f"{path} is no JSON file that can be read.") from error
    if not isinstance(rows, list) or not rows:
        raise DomainError("SETTINGS_UNREADABLE", f"{path} holds no list with one object per follower.")
    return [_written(number, row) for number, row in enumerate(rows, start=1)]


def _written(number: int, row: Any) -> Wish:
    if not isinstance(row, dict) or not row.keys() <= _KNOWN or "amount" not in row:
        names = ", ".join(sorted(_KNOWN))
        raise DomainError("SETTINGS_INVALID", f"Follower {number}: an object with an amount, and of {names} only.")
    try:
        amount, start = Decimal(str(row["amount"])), StartMode(row.get("start", StartMode.NEW_ONLY))
        return Wish(amount, dict(row.get("settings", {})), guards_from(row.get("guards", {})), start)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise DomainError("SETTINGS_INVALID", f"Follower {number}: {error}") from error


def guards_from(given: Mapping[str, Any]) -> Guards:
    """Return guards as the API names them; what is left out has its default, null is none."""
    unknown = sorted(given.keys() - {"copy_stop", "copy_stop_kind", "daily_loss"})
    if unknown:
        raise ValueError(f"there is no guard called {unknown[0]}")
    shares = {"daily_loss": DEFAULT_GUARDS.daily_loss, "copy_stop": DEFAULT_GUARDS.stop} | dict(given)
    daily_loss, stop = (_share(shares[name]) for name in ("daily_loss", "copy_stop"))
    return Guards(daily_loss, stop, StopKind(given.get("copy_stop_kind", StopKind.FIXED)))


def _share(value: Any) -> Decimal | None:
    return None if value in (None, "", "none") else Decimal(str(value))
