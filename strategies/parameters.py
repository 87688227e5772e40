"""What a template can be told: parsed from a form, a program or a stored version, and checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from common.errors import DomainError
from common.fields import canonical
from engine.ema_cross import EmaCross

MIN_PERIOD, MAX_PERIOD = 2, 500
MIN_SHARE, MAX_SHARE, DEFAULT_SHARE = Decimal("0.01"), Decimal(1), Decimal("0.2")
MIN_STOP_LOSS, MAX_STOP_LOSS = Decimal("0.001"), Decimal("0.5")
# Finer ratios have no meaning, and an order stores no more.
RATIO_PLACES = 5

_NAMES = frozenset({"fast", "slow", "share", "stop_loss"})


@dataclass(frozen=True, slots=True)
class EmaCrossParameters:
    """The EMA crossover's parameters: two periods in candles, and two ratios (0–1) of equity and of the entry price."""

    fast: int
    slow: int
    share: Decimal = DEFAULT_SHARE
    stop_loss: Decimal | None = None

    @property
    def spec(self) -> EmaCross:
        return EmaCross(fast=self.fast, slow=self.slow)

    def stored(self) -> dict[str, Any]:
        """Return the one form in which a version keeps them: ratios as strings, exact in every JSON."""
        stop_loss = None if self.stop_loss is None else canonical(self.stop_loss)
        return {"fast": self.fast, "slow": self.slow, "share": canonical(self.share), "stop_loss": stop_loss}


def parse_parameters(given: Mapping[str, Any]) -> EmaCrossParameters:
    """Return checked parameters; `share` and `stop_loss` may be left out.

    Raises DomainError with the field's name in its context, so that a form can show it there.
    """
    if unknown := sorted(given.keys() - _NAMES):
        raise _refusal("PARAMETER_UNKNOWN", unknown[0], f"There is no parameter {unknown[0]!r}; use {_listed()}.")
    fast, slow = _period(given, "fast"), _period(given, "slow")
    if fast >= slow:
        message = "Choose a fast period below the slow one."
        raise _refusal("FAST_NOT_BELOW_SLOW", "fast", message, fast=fast, slow=slow)
    share, stop_loss = given.get("share", DEFAULT_SHARE), given.get("stop_loss")
    return EmaCrossParameters(
        fast=fast,
        slow=slow,
        share=_ratio(share, "share", "SHARE_OUT_OF_RANGE", "a share of equity", MIN_SHARE, MAX_SHARE),
        stop_loss=None
        if stop_loss is None
        else _ratio(stop_loss, "stop_loss", "STOP_LOSS_OUT_OF_RANGE", "a stop loss", MIN_STOP_LOSS, MAX_STOP_LOSS),
    )


def _period(given: Mapping[str, Any], name: str) -> int:
    period = given.get(name)
    if not isinstance(period, int) or isinstance(period, bool) or not MIN_PERIOD <= period <= MAX_PERIOD:
        message = f"Enter a {name} period from {MIN_PERIOD} to {MAX_PERIOD} candles."
        raise _refusal("PERIOD_OUT_OF_RANGE", name, message)
    return period


def _ratio(given: object, name: str, code: str, what: str, least: Decimal, most: Decimal) -> Decimal:
    try:
        # A float is refused like any other thing that is no exact number.
        ratio = Decimal(given) if isinstance(given, str | Decimal) else Decimal("NaN")
    except InvalidOperation:
        ratio = Decimal("NaN")
    if not ratio.is_finite() or not least <= ratio <= most or ratio != round(ratio, RATIO_PLACES):
        bounds = f"{canonical(least * 100)} % to {canonical(most * 100)} %"
        message = f"Enter {what} from {bounds}, with at most {RATIO_PLACES - 2} decimals."
        raise _refusal(code, name, message)
    return ratio


def _refusal(code: str, name: str, message: str, **facts: object) -> DomainError:
    return DomainError(code, message, {"field": name, **facts})


def _listed() -> str:
    return ", ".join(sorted(_NAMES))
