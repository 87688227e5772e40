"""A competition of one hour from noon, with 1,000 USDT and one instrument."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import User
from community.models import Competition
from community.services.competitions import create_competition
from markets.models import Instrument
from tests.fixtures_desk import NOON, Desk


@pytest.fixture
def btc(desk: Desk) -> Instrument:
    instrument = desk.instrument()
    desk.step({instrument: 100})
    return instrument


@pytest.fixture
def competition(operator: User, desk: Desk, btc: Instrument) -> Competition:
    return create_competition(
        operator=operator,
        title="Spring sprint",
        description="Whoever has most.",
        exchange=desk.exchange,
        settlement=desk.usdt,
        starting_capital=Decimal(1000),
        allowed_instruments=[btc],
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
    )
