"""Who runs on a series is asked when it changes, and what is kept meanwhile decides nothing that it may not."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from strategies import selectors
from strategies.models import RunState, StrategyRun
from strategies.services.runs import decide, start_run, stop_run
from tests.fixtures_desk import Desk, Working
from tests.strategies.services.test_runs import RISE, Setting, version_of


def test_who_runs_on_a_series_is_asked_when_it_changed(desk: Desk, alice: User, working: Working) -> None:
    version, other = version_of(alice, desk), desk.portfolio(alice, name="Other")

    def asked() -> tuple[list[StrategyRun], int]:
        with CaptureQueriesContext(connection) as captured:
            found = selectors.runs_to_decide(version.instrument_id, version.timeframe)
        return found, len(captured)

    assert asked() == ([], 1)
    with working():
        first = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    assert asked() == ([first], 1)
    again, statements = asked()
    assert (again, statements) == ([first], 0)
    again[0].decided_until += timedelta(days=1)  # what one task does to its copy is not another's
    assert asked()[0][0].decided_until == first.decided_until
    with working():
        second = start_run(actor=alice, version=version, portfolio=other)
    assert asked() == ([first, second], 1)
    with working():
        stop_run(actor=alice, run=first)
    assert asked() == ([second], 1)
    assert asked() == ([second], 0)


def test_a_run_that_stopped_unheard_decides_nothing(desk: Desk, alice: User) -> None:
    setting = Setting(desk, alice)
    setting.candles(*RISE[:-1])
    [kept] = selectors.runs_to_decide(setting.version.instrument_id, setting.version.timeframe)
    StrategyRun.objects.update(state=RunState.STOPPED)
    setting.candles(*RISE[-1:])
    decide(run=kept)
    assert setting.orders() == []
