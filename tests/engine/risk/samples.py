"""One order and its facts, all limits off: each test sets what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.execution import Costs
from engine.risk import InstrumentRules, Limits, OrderFacts, RiskFacts, Verdict, judge

D = Decimal
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
COSTS = Costs(fee_bps=D(0), slippage_bps=D(0), tick_size=D("0.01"))
RULES = InstrumentRules(D("0.001"), min_quantity=D("0.01"), min_notional=D(5), is_active=True, costs=COSTS)
# Ten thousand, of which two thousand are in positions.
FACTS = RiskFacts(
    limits=Limits(),
    now=NOW,
    symbol="BTC-USDT",
    equity=D(10_000),
    exposure=D(2_000),
    instrument_exposure=D(1_000),
    asset_exposure=D(1_500),
    correlated_exposure=D(1_600),
    positions=2,
    day_base=D(10_000),
    week_base=D(10_000),
    peak=D(10_000),
)
ORDER = OrderFacts(
    is_buy=True,
    reduces=False,
    quantity=D(10),
    market_price=D(100),
    price_is_stale=False,
    free_quote=D(8_000),
    held_quantity=D(10),
    may_clip=True,
    portfolio_is_open=True,
    instrument_is_allowed=True,
    safety_state="ACTIVE",
)


def limits(**values: Any) -> Limits:
    """Return limits with these figures, given as texts or numbers."""
    lists = {"allowed", "denied"}
    given: dict[str, Any] = {name: value if name in lists else D(str(value)) for name, value in values.items()}
    return Limits(**given)


def judged(given: Limits, order: dict[str, Any] | None = None, **facts: Any) -> Verdict:
    """Return the verdict on the order with these changes, under these limits and facts."""
    risk = replace(FACTS, limits=given, **facts)
    return judge(replace(ORDER, **(order or {}), risk=risk), RULES)


def told(verdict: Verdict) -> tuple[str, str]:
    return format(verdict.quantity.normalize(), "f"), verdict.code
