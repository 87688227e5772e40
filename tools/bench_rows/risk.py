"""Risk at speed: every rule for one order, and what it takes to gather the facts that they need."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_most, row

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 5

# Every limit is set, and none is reached: no rule is spared.
_RULES = """
import sys, time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from engine.execution import Costs
from engine.risk import InstrumentRules, OrderFacts, RiskFacts, Trade, judge, limits_from
from engine.risk.limits import PROFILES, Profile, limits_data

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
every = limits_data(PROFILES[Profile.BALANCED])
every |= {"max_order_notional": "100000", "max_position_notional": "100000", "denied": ["DOGE-USDT"]}
rules = InstrumentRules(D("0.001"), D("0.01"), D(5), True, Costs(D(10), D(2), D("0.01")))
trades = tuple(Trade(NOW - timedelta(hours=100 - n), "BTC-USDT", D(n % 3), n % 9 == 0) for n in range(100))
facts = RiskFacts(limits=limits_from(every), now=NOW, symbol="BTC-USDT", equity=D(10_000), exposure=D(2_000),
    instrument_exposure=D(500), asset_exposure=D(500), correlated_exposure=D(900), positions=5, day_base=D(10_100),
    week_base=D(10_100), peak=D(10_500), trades=trades, orders_in_minute=2, orders_today=20, stop_ratio=D("0.02"),
    meant_price=D("100.01"), price_age_seconds=D(1), levels=tuple((D(100) + n, D(2)) for n in range(20)))
order = OrderFacts(True, False, D(1), D(100), False, D(8_000), D(5), True, True, True, "ACTIVE", facts)
assert judge(order, rules).code == "", judge(order, rules)
for _ in range(int(sys.argv[1])):
    begun = time.process_time()
    for _ in range(2_000):
        judge(order, rules)
    print((time.process_time() - begun) / 2_000 * 1e6)
"""

# A batch as the claim has it: locked, read with its instruments; each of its portfolios has every limit and five positions.
_FACTS = """
import sys, time
from decimal import Decimal as D
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import transaction
from accounts.models import Plan, User
from common import clock
from common.ids import new_id
from engine.risk import judge
from engine.risk.limits import PROFILES, Profile
from markets.models import Asset, Exchange, Instrument, Market, SourceKind
from markets.prices import put_prices
from portfolios.models import Balance, Portfolio, PortfolioKind, Position
from trading.models import CauseKind, Leg, Side
from trading.risk.services.profiles import choose_profile
from trading.rules import rules_of
from trading.services.judging import facts_of, holdings_of
from trading.services.orders import Cause, new_order

at = clock.wall_now()
exchange = Exchange.objects.create(code="bench", name="Bench", namespace="bench", source_kind=SourceKind.REAL)
usdt = Asset.objects.get_or_create(code="USDT")[0]
clock.set_market_time("bench", at)
coins = []
for n in range(5):
    base = Asset.objects.create(code=f"C{{n}}")
    market = Market.objects.create(base=base, quote=usdt, namespace="bench")
    steps = {{"tick_size": D("0.01"), "lot_step": D("0.001")}}
    coins.append(Instrument.objects.create(exchange=exchange, market=market, symbol=f"C{{n}}-USDT", **steps))
put_prices("bench", {{str(coin.pk): "100" for coin in coins}}, at)

def book(number):
    owner = User.objects.create_user(f"bench{{number}}@example.org", "correct horse")
    portfolio = Portfolio.objects.create(owner=owner, name="Book", kind=PortfolioKind.PAPER, namespace="bench",
        settlement=usdt, net_deposits=D(10_000), opened_at=at)
    Balance.objects.create(portfolio=portfolio, asset=usdt, amount=D(9_000))
    for coin in coins:
        Balance.objects.create(portfolio=portfolio, asset=coin.market.base, amount=D(2))
        Position.objects.create(portfolio=portfolio, instrument=coin, quantity=D(2), cost=D(200))
    choose_profile(actor=owner, portfolio=portfolio, profile=Profile.BALANCED)
    return portfolio

def order_of(portfolio):
    return new_order(portfolio=portfolio, instrument=coins[0], side=Side.BUY, leg=Leg.OPEN, quantity=D(1),
        cause=Cause(CauseKind.RUN, new_id().hex))

with transaction.atomic():
    orders = [order_of(book(number)) for number in range(100)]
batch = orders[:{count}]
for _ in range(int(sys.argv[1])):
    begun = time.process_time()
    for _ in range({repeats}):
        holdings = holdings_of(batch)
        for order, facts in zip(batch, facts_of(batch, holdings), strict=True):
            assert judge(facts, rules_of(order.instrument, order.portfolio)).code == ""
    print((time.process_time() - begun) / {repeats} / {count} * 1e3)
"""


def _run(program: str, environment: Mapping[str, str]) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        own = {**os.environ, **environment, "SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        own = {key: value for key, value in own.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
        command = [sys.executable, "-c", program, str(ROUNDS)]
        done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"risk broke off: {done.stderr.strip()[-600:]}")
    return [float(word) for word in done.stdout.split()]


@row("risk_rules", what="risk: every rule for one order, rules alone", unit="µs", target=at_most(50))
def risk_rules(environment: Mapping[str, str]) -> Measurement:
    """Two thousand verdicts a round, all limits set, a hundred trades remembered, twenty levels of a book; processor time."""
    return Measurement(_run(_RULES, environment))


@row(
    "risk_order",
    what="risk: the same with facts gathered, in a batch of 100 orders",
    unit="ms/order",
    target=at_most(1),
)
def risk_order(environment: Mapping[str, str]) -> Measurement:
    """A hundred portfolios with all limits and five positions each on SQLite, one order each; processor time."""
    return Measurement(_run(_FACTS.format(count=100, repeats=4), environment))


@row("risk_alone", what="risk: the same for one order alone", unit="ms/order", target=at_most(1))
def risk_alone(environment: Mapping[str, str]) -> Measurement:
    """The same, one order at a time, whose statements nobody shares."""
    return Measurement(_run(_FACTS.format(count=1, repeats=40), environment))
