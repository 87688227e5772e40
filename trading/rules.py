"""Where rows become the engine's facts: an instrument's rules and a portfolio's costs."""

from __future__ import annotations

from engine.execution import Costs
from engine.risk import InstrumentRules
from markets.models import Instrument, InstrumentState
from portfolios.models import Portfolio


def costs_of(instrument: Instrument, portfolio: Portfolio) -> Costs:
    return Costs(fee_bps=instrument.taker_fee_bps, slippage_bps=portfolio.slippage_bps, tick_size=instrument.tick_size)


def rules_of(instrument: Instrument, portfolio: Portfolio) -> InstrumentRules:
    return InstrumentRules(
        lot_step=instrument.lot_step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional,
        is_active=instrument.state == InstrumentState.ACTIVE,
        costs=costs_of(instrument, portfolio),
    )
