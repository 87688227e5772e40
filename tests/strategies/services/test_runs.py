"""Runs: exact orders, one decision per candle, and who may start what where."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Limit, LimitName, User
from common.errors import DomainError, NotFound
from markets.models import InstrumentState
from markets.services import store_recent_candles
from markets.steps import ClosedCandle
from portfolios.models import Portfolio, Position
from portfolios.services.states import freeze_portfolios
from strategies import selectors, tasks
from strategies.faces import Face
from strategies.models import RunState, StrategyRun, StrategyVersion
from strategies.selectors import runs
from strategies.services.definitions import save_strategy
from strategies.services.runs import decide, decide_each, start_run, stop_run
from tests.fixtures_desk import NOON, Desk, Working
from tests.fixtures_past import ema_cross
from trading.models import CauseKind, Fill, Leg, Order, OrderState, SafetyLevel, SafetySwitch, ScopeKind, Side
from trading.services.follows import start_follow
from trading.services.safety import halt_platform, set_safety

# EMA(2) crosses above EMA(3) with the 12 and below it with the 9.
RISE, FALL = [10, 10, 10, 12], [14, 10]


def version_of(owner: User, desk: Desk, **changes: Any) -> StrategyVersion:
    instrument = changes.pop("instrument", None) or desk.instrument()
    timeframe = changes.pop("timeframe", "5m")
    face = changes.pop("face", None) or ema_cross(**changes)
    return save_strategy(owner=owner, name="Crossing", instruments=[instrument], timeframe=timeframe, face=face)


class Setting:
    """A run of alice's on a portfolio of 10,000 USDT, about to see candles."""

    def __init__(self, desk: Desk, alice: User, **changes: Any) -> None:
        self.desk = desk
        self.version = version_of(alice, desk, **changes)
        self.instrument = self.version.instrument
        self.portfolio = desk.portfolio(alice)
        self.run = start_run(actor=alice, version=self.version, portfolio=self.portfolio)

    def candles(self, *closes: float) -> None:
        self.desk.close_candles(self.instrument, closes)

    def orders(self) -> list[tuple[str, str, str, Decimal]]:
        rows = Order.objects.filter(portfolio=self.portfolio).order_by("pk")
        return [(one.side, one.leg, one.state, one.requested_quantity) for one in rows]


@pytest.fixture
def setting(desk: Desk, alice: User) -> Setting:
    return Setting(desk, alice)


# --- deciding -------------------------------------------------------------------------------------------------------
def test_a_cross_above_enters_with_the_share_of_equity_and_a_cross_below_closes_all(
    setting: Setting, working: Working
) -> None:
    with working():
        setting.candles(*RISE)
    # A fifth of 10,000 at 12, in whole lots of 0.001.
    bought = Decimal("166.666")
    assert setting.orders() == [(Side.BUY, Leg.OPEN, OrderState.FILLED, bought)]
    with working():
        setting.candles(*FALL)
    assert setting.orders()[1:] == [(Side.SELL, Leg.CLOSE, OrderState.FILLED, bought)]
    assert Position.objects.get(portfolio=setting.portfolio).quantity == 0
    entry, leave = Order.objects.filter(portfolio=setting.portfolio).order_by("pk")
    # Four candles from noon: the entry was decided on the one that opened at 12:15, the exit on that of 12:25.
    assert entry.cause_kind == leave.cause_kind == CauseKind.RUN
    assert entry.cause_id == f"{setting.run.pk}:2026-03-02T12:15:00+00:00"
    assert leave.cause_id == f"{setting.run.pk}:2026-03-02T12:25:00+00:00"
    assert (entry.closed_fraction, leave.closed_fraction) == (None, Decimal(1))
    assert selectors.orders_of_run(setting.run).count() == 2


def test_the_stop_loss_goes_with_the_entry(desk: Desk, alice: User, working: Working) -> None:
    setting = Setting(desk, alice, stop_loss="0.05")
    with working():
        setting.candles(*RISE)
    assert Order.objects.get().stop_loss_ratio == Decimal("0.05")
    with working():
        # The stop lies 5 % below the fill.
        desk.step({setting.instrument: "11"}, at=desk.at + timedelta(seconds=1))
    assert Fill.objects.get().price > 12


def test_a_run_that_holds_something_enters_no_second_time(setting: Setting, working: Working) -> None:
    with working():
        setting.candles(*RISE)
    # A dip that crosses below while nobody decides, then a new cross above.
    with working():
        StrategyRun.objects.filter(pk=setting.run.pk).update(state=RunState.STOPPED)
        setting.candles(*FALL)
        StrategyRun.objects.filter(pk=setting.run.pk).update(state=RunState.RUNNING)
        setting.candles(14)
    assert len(setting.orders()) == 1


def test_a_run_that_holds_nothing_sells_nothing(setting: Setting, working: Working) -> None:
    with working():
        setting.candles(*RISE)
    Position.objects.filter(portfolio=setting.portfolio).update(quantity=Decimal(0))
    with working():
        setting.candles(*FALL)
    assert [row[0] for row in setting.orders()] == [Side.BUY]


def test_an_entry_still_under_way_is_not_repeated(setting: Setting) -> None:
    setting.candles(*RISE)
    decide(run=runs().get(pk=setting.run.pk))
    StrategyRun.objects.update(decided_until=NOON)
    first = Order.objects.get()
    Order.objects.filter(pk=first.pk).update(cause_id="another candle", client_order_id="another")
    decide(run=runs().get(pk=setting.run.pk))
    assert Order.objects.count() == 1


def test_a_stake_below_one_lot_is_denied_with_a_reason(desk: Desk, alice: User, working: Working) -> None:
    setting = Setting(desk, alice, instrument=desk.instrument(lot_step=Decimal(200)))
    with working():
        setting.candles(*RISE)
    order = Order.objects.get()
    assert (order.state, order.code) == (OrderState.DENIED, "QUANTITY_BELOW_MINIMUM")
    assert order.requested_quantity == Decimal("166.666666666666666667")


def test_a_repeated_decision_makes_no_second_order(setting: Setting, working: Working) -> None:
    with working():
        setting.candles(*RISE)
    with working():
        decide(run=runs().get(pk=setting.run.pk))
        tasks.decide_runs(str(setting.instrument.pk), "5m")
        tasks.sweep_runs()
    assert len(setting.orders()) == 1
    # Even where the memory of the decision is lost, the order's cause is known.
    StrategyRun.objects.update(decided_until=NOON)
    Position.objects.update(quantity=Decimal(0))
    with working():
        decide(run=runs().get(pk=setting.run.pk))
    assert len(setting.orders()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_decide_at_once_make_one_order(desk: Desk, alice: User) -> None:
    setting = Setting(desk, alice)
    setting.candles(*RISE[:-1])
    store_recent_candles(candles=[ClosedCandle(setting.instrument.pk, "5m", desk.at, 12, 12, 12, 12, 1)])
    StrategyRun.objects.update(decided_until=NOON)
    desk.step({setting.instrument: 12}, at=desk.at + timedelta(minutes=5))

    def decide_elsewhere(_: int) -> None:
        try:
            decide(run=runs().get(pk=setting.run.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide_elsewhere, range(8)))
    assert Order.objects.filter(portfolio=setting.portfolio).count() == 1


def test_only_the_newest_of_missed_candles_is_acted_on(setting: Setting) -> None:
    setting.candles(*RISE, 14)
    decide(run=runs().get(pk=setting.run.pk))
    setting.run.refresh_from_db()
    assert setting.run.decided_until == NOON + timedelta(minutes=20)
    assert setting.orders() == []


def test_what_closed_before_the_start_is_not_acted_on(desk: Desk, alice: User) -> None:
    version = version_of(alice, desk)
    desk.close_candles(version.instrument, RISE)
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert run.decided_until == NOON + timedelta(minutes=15)
    decide(run=run)
    assert Order.objects.count() == 0
    assert selectors.has_undecided(desk.namespace) is False


def test_a_run_started_amid_a_candle_decides_when_that_one_closes(desk: Desk, alice: User, working: Working) -> None:
    version = version_of(alice, desk)
    desk.close_candles(version.instrument, RISE[:-1])
    desk.step({version.instrument: 10}, at=desk.at + timedelta(minutes=2))
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert run.decided_until == NOON + timedelta(minutes=10)
    desk.at = NOON + timedelta(minutes=15)
    with working():
        desk.close_candles(version.instrument, RISE[-1:])
    assert [(one.side, one.state) for one in Order.objects.all()] == [(Side.BUY, OrderState.FILLED)]


def test_a_candle_without_a_signal_takes_four_statements_at_most(setting: Setting) -> None:
    setting.candles(10, 10, 10, 10)
    with CaptureQueriesContext(connection) as captured:
        decide(run=runs().get(pk=setting.run.pk))
    statements = [one["sql"] for one in captured if "SAVEPOINT" not in one["sql"]]
    assert len(statements) <= 4, statements
    setting.run.refresh_from_db()
    assert setting.run.decided_until == NOON + timedelta(minutes=15)


def test_a_halt_makes_runs_emit_nothing_and_what_was_missed_is_gone(
    setting: Setting, operator: User, working: Working
) -> None:
    halt_platform(actor=operator, reason="a drill")
    with working():
        setting.candles(*RISE)
    assert setting.orders() == []
    SafetySwitch.objects.update(level=SafetyLevel.ACTIVE)
    with working():
        tasks.sweep_runs()
    assert setting.orders() == []


@pytest.mark.parametrize("scope", ["USER", "PORTFOLIO", "STRATEGY", "VENUE"])
def test_every_scope_of_a_run_halts_it(setting: Setting, alice: User, operator: User, scope: str) -> None:
    keys = {
        "USER": alice.pk,
        "PORTFOLIO": setting.portfolio.pk,
        "STRATEGY": setting.version.strategy_id,
        "VENUE": setting.desk.exchange.code,
    }
    assert selectors.is_halted(setting.run) is False
    SafetySwitch.objects.create(
        scope=scope, scope_id=str(keys[scope]), level=SafetyLevel.HALTED, set_by=operator, set_at=NOON
    )
    assert selectors.is_halted(setting.run) is True
    SafetySwitch.objects.update(scope_id="another")
    assert selectors.is_halted(setting.run) is False


def test_a_strategy_that_may_only_reduce_is_denied_entries_in_words_and_still_exits(
    setting: Setting, operator: User, working: Working
) -> None:
    def switch(level: SafetyLevel) -> None:
        key = str(setting.version.strategy_id)
        set_safety(actor=operator, scope=ScopeKind.STRATEGY, scope_id=key, level=level, reason="a drill")

    switch(SafetyLevel.REDUCING)
    with working():
        setting.candles(*RISE)
    denied = Order.objects.get()
    assert (denied.state, denied.code, Fill.objects.count()) == (OrderState.DENIED, "TRADING_REDUCING", 0)
    switch(SafetyLevel.ACTIVE)
    with working():
        setting.candles(*FALL, 9, 9, 14)
    switch(SafetyLevel.REDUCING)
    with working():
        setting.candles(14, 8)
    states = [(side, state) for side, _, state, _ in setting.orders()]
    assert states == [(Side.BUY, OrderState.DENIED), (Side.BUY, OrderState.FILLED), (Side.SELL, OrderState.FILLED)]


def test_a_lost_decision_is_found_and_market_time_waits_for_it(setting: Setting, working: Working) -> None:
    assert selectors.has_undecided(setting.desk.namespace) is False
    setting.candles(*RISE)  # its tasks never run: nothing commits here
    assert selectors.has_undecided(setting.desk.namespace) is True
    assert selectors.has_undecided("elsewhere") is False
    with working():
        tasks.sweep_runs()
    assert len(setting.orders()) == 1
    assert selectors.has_undecided(setting.desk.namespace) is False


def test_a_gap_in_the_candles_leaves_nobody_waiting(setting: Setting, working: Working) -> None:
    with working():
        setting.candles(10, 10)
    setting.desk.step({setting.instrument: 10}, at=setting.desk.at + timedelta(hours=1))
    assert selectors.has_undecided(setting.desk.namespace) is False


def test_without_a_price_a_signal_waits(desk: Desk, alice: User, working: Working) -> None:
    setting = Setting(desk, alice)
    closed = [
        ClosedCandle(setting.instrument.pk, "5m", NOON + timedelta(minutes=5 * index), close, close, close, close, 1)
        for index, close in enumerate(RISE)
    ]
    store_recent_candles(candles=closed)
    other = desk.instrument("ETH")
    desk.step({other: 1}, at=NOON + timedelta(minutes=20))
    decide(run=runs().get(pk=setting.run.pk))
    assert (setting.orders(), selectors.has_undecided(desk.namespace)) == ([], True)
    desk.step({setting.instrument: 12})
    with working():
        tasks.sweep_runs()
    assert [row[0] for row in setting.orders()] == [Side.BUY]


def test_a_run_that_fails_keeps_no_other_from_deciding(setting: Setting, alice: User, working: Working) -> None:
    broken = StrategyVersion.objects.create(
        strategy=setting.version.strategy,
        number=2,
        instrument=setting.instrument,
        timeframe="5m",
        graph={"schema": 99},
        graph_hash="broken",
        created_at=NOON,
    )
    other = start_run(actor=alice, version=setting.version, portfolio=setting.desk.portfolio(alice, name="Other"))
    StrategyRun.objects.filter(pk=other.pk).update(version=broken)
    other.refresh_from_db()
    setting.candles(*RISE)
    with working(), pytest.raises(ExceptionGroup) as failed:
        decide_each(due=[other, setting.run])
    assert [str(one) for one in failed.value.exceptions] == [
        "This strategy was written by a newer release (schema above 1); update this one first."
    ]
    assert [row[0] for row in setting.orders()] == [Side.BUY]
    other.refresh_from_db()
    assert other.decided_until == NOON - timedelta(minutes=5)


# --- starting and stopping ------------------------------------------------------------------------------------------
def test_a_start_is_audited_and_a_stop_ends_the_run_once(setting: Setting, alice: User, working: Working) -> None:
    stopped = stop_run(actor=alice, run=setting.run)
    assert (stopped.state, stopped.stop_code, stopped.stopped_at) == (RunState.STOPPED, "STOPPED_BY_OWNER", NOON)
    stop_run(actor=alice, run=setting.run)
    with working():
        setting.candles(*RISE)
    assert setting.orders() == []
    acts = AuditEntry.objects.filter(object_id=str(setting.run.pk)).order_by("pk")
    assert list(acts.values_list("action", "actor")) == [("run.started", alice.pk), ("run.stopped", alice.pk)]


def test_one_run_trades_an_instrument_of_a_portfolio(setting: Setting, alice: User) -> None:
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=setting.version, portfolio=setting.portfolio)
    assert refused.value.code == "RUN_EXISTS"
    stop_run(actor=alice, run=setting.run)
    again = start_run(actor=alice, version=setting.version, portfolio=setting.portfolio)
    assert list(StrategyRun.objects.filter(state=RunState.RUNNING)) == [again]


def frozen(desk: Desk, owner: User) -> Portfolio:
    portfolio = desk.portfolio(owner)
    freeze_portfolios(portfolio_ids=[portfolio.pk])
    return portfolio


def elsewhere(desk: Desk, owner: User) -> Portfolio:
    return Desk().portfolio(owner)


def restricted(desk: Desk, owner: User) -> Portfolio:
    return desk.portfolio(owner, only_instruments=[desk.instrument("ETH")])


def following(desk: Desk, owner: User) -> Portfolio:
    lead = User.objects.create_user("lead@example.org")
    source = desk.portfolio(owner, name="Source")
    return start_follow(
        follower=owner,
        lead=desk.portfolio(lead),
        source=source,
        amount=Decimal(100),
        multiplier=Decimal(1),
    ).portfolio


@pytest.mark.parametrize(
    ("portfolio_of", "code"),
    [
        (frozen, "PORTFOLIO_NOT_OPEN"),
        (elsewhere, "MARKET_MISMATCH"),
        (restricted, "INSTRUMENT_NOT_ALLOWED"),
        (following, "PORTFOLIO_IS_FOLLOWING"),
    ],
)
def test_a_portfolio_that_does_not_fit_is_refused(desk: Desk, alice: User, portfolio_of: Any, code: str) -> None:
    version = version_of(alice, desk)
    portfolio = portfolio_of(desk, alice)
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=version, portfolio=portfolio)
    assert refused.value.code == code
    assert StrategyRun.objects.count() == 0


def test_another_settlement_currency_is_refused(desk: Desk, alice: User) -> None:
    version = version_of(alice, desk, instrument=desk.instrument("ETH", "BTC"))
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert (refused.value.code, StrategyRun.objects.count()) == ("QUOTE_MISMATCH", 0)


def test_a_retired_instrument_is_refused(desk: Desk, alice: User) -> None:
    version = version_of(alice, desk)
    version.instrument.state = InstrumentState.RETIRED
    version.instrument.save()
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert (refused.value.code, StrategyRun.objects.count()) == ("INSTRUMENT_NOT_TRADABLE", 0)


def test_only_ones_own_version_runs_on_ones_own_portfolio(desk: Desk, alice: User, charlie: User) -> None:
    hers, his = version_of(alice, desk), desk.portfolio(charlie)
    for actor in (alice, charlie):
        with pytest.raises(NotFound):
            start_run(actor=actor, version=hers, portfolio=his)
    with pytest.raises(NotFound):
        start_run(actor=charlie, version=hers, portfolio=desk.portfolio(alice))
    assert StrategyRun.objects.count() == 0


def test_a_plan_limits_how_many_runs_there_are(setting: Setting, alice: User) -> None:
    Limit.objects.filter(name=LimitName.RUNNING_RUNS).update(value=1)
    other = setting.desk.portfolio(alice, name="Other")
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=setting.version, portfolio=other)
    assert (refused.value.code, StrategyRun.objects.count()) == ("LIMIT_REACHED", 1)


# --- what runs do of a graph ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "part"),
    [
        ("enter_short = close < open\nexit_short = close > open", "short entries"),
        ("trailing_stop = trailing(0.02)", "a trailing stop"),
        ("take_profit = 0.1", "a take profit"),
        ("roi = {0: 0.1, 60: 0.05}", "a table of returns (ROI)"),
        ("time_stop = 10", "a time stop"),
        ("exit_profit_only = True", "exits in profit only"),
        ("entry = limit(0.001, 60)", "limit entries"),
        ("size = kelly(0.2, 0.5)", "Kelly sizing"),
        ('enter_long = other("ETH-USDT", close) > 1', "candles of other instruments (ETH-USDT)"),
    ],
)
def test_what_runs_cannot_do_yet_is_refused_at_the_start_by_name(desk: Desk, alice: User, more: str, part: str) -> None:
    entry = "" if more.startswith("enter_long") else "enter_long = close > open\n"
    version = version_of(alice, desk, face=Face(formula=entry + more))
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert (refused.value.code, refused.value.context) == ("NOT_YET_LIVE", {"parts": [part]})
    assert part in refused.value.message
    assert not StrategyRun.objects.exists()


def test_several_instruments_are_not_run_yet(desk: Desk, alice: User) -> None:
    both = [desk.instrument(), desk.instrument("ETH")]
    version = save_strategy(owner=alice, name="Both", instruments=both, timeframe="5m", face=ema_cross())
    with pytest.raises(DomainError) as refused:
        start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert refused.value.context == {"parts": ["several instruments"]}


@pytest.mark.parametrize(
    ("size", "bought"),
    [
        ("size = fixed(1500)", "125"),
        ("size = share_of_equity(0.125)", "104.166"),
        # True ranges of 0, 0 and 2, then of 2 at most: Wilder's average of the last 2 is (0 + 2) / 2 at the entry;
        # a fiftieth of equity lost at 2 × 1 below the entry is 100 units.
        ("size = atr_risk(0.02, 2, 2.0)", "100"),
    ],
)
def test_an_entry_stakes_what_the_graph_says(desk: Desk, alice: User, working: Working, size: str, bought: str) -> None:
    formula = f"enter_long = crosses_above(ema(close, 2), ema(close, 3))\n{size}"
    setting = Setting(desk, alice, face=Face(formula=formula))
    with working():
        setting.candles(*RISE)
    assert setting.orders() == [(Side.BUY, Leg.OPEN, OrderState.FILLED, Decimal(bought))]


def test_contrary_signals_cancel_each_other(desk: Desk, alice: User, working: Working) -> None:
    rises = "close > lag(close, 1)"
    setting = Setting(desk, alice, face=Face(formula=f"enter_long = {rises}\nexit_long = {rises} and close > 13"))
    with working():
        setting.candles(10, 14)
    assert setting.orders() == []
    with working():
        setting.candles(12, 12.5)
    assert [row[0] for row in setting.orders()] == [Side.BUY]
    with working():
        setting.candles(14)
    assert len(setting.orders()) == 1


def test_without_use_exit_signal_a_run_sells_by_its_stop_alone(desk: Desk, alice: User, working: Working) -> None:
    formula = (
        "enter_long = close > lag(close, 1)\nexit_long = close < lag(close, 1)\nuse_exit_signal = False\n"
        "stop_loss = 0.5"
    )
    setting = Setting(desk, alice, face=Face(formula=formula))
    for closes in ((10, 11), (10, 9)):
        with working():
            setting.candles(*closes)
    assert [row[0] for row in setting.orders()] == [Side.BUY]
