"""What strategies keep about a person is taken along, and forgotten once nothing runs."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from strategies.models import Backtest, BacktestResult, Sweep, SweepPoint
from strategies.services.backtests import request_backtest
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run
from strategies.services.sweeps import Search, request_sweep
from tests.fixtures_desk import Desk, Working
from tests.fixtures_past import CROSSING, Past, ema_cross


def test_strategies_are_exported_and_lose_their_names(alice: User, charlie: User, desk: Desk) -> None:
    facts: dict[str, Any] = {"instruments": [desk.instrument()], "timeframe": "5m", "face": ema_cross()}
    version = save_strategy(owner=alice, name="My secret", **facts)
    save_strategy(owner=charlie, name="His", **facts)
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    exported = export_personal_data(user=alice)["strategies"]
    [strategy] = exported["strategies"]
    assert (strategy["name"], [one["graph"] for one in strategy["versions"]]) == ("My secret", [version.graph])
    assert [one["id"] for one in exported["runs"]] == [run.pk]
    with pytest.raises(DomainError) as refused:
        erase_person(user=alice)
    assert refused.value.code == "RUNS_STILL_RUNNING"
    stop_run(actor=alice, run=run)
    erase_person(user=alice)
    version.strategy.refresh_from_db()
    assert version.strategy.name == f"Strategy {version.strategy_id.hex}"
    assert [one["name"] for one in export_personal_data(user=charlie)["strategies"]["strategies"]] == ["His"]


def test_backtests_and_sweeps_are_exported_and_erased(alice: User, bob: User, past: Past, working: Working) -> None:
    with working():
        mine = request_backtest(owner=alice, terms=past.terms(), face=CROSSING, name="My idea")
        search = Search(grid={"fast": [3, 4]})
        sweep = request_sweep(owner=alice, terms=past.terms(), face=CROSSING, search=search)
    theirs = request_backtest(owner=bob, terms=past.terms(), face=CROSSING)
    exported = export_personal_data(user=alice)["strategies"]
    [backtest] = exported["backtests"]
    assert (backtest["name"], backtest["spec"], backtest["id"]) == ("My idea", mine.spec, mine.pk)
    assert backtest["result"]["metrics"]["trades_count"] > 20
    [told] = exported["sweeps"]
    assert (told["id"], [one["values"] for one in told["results"]]) == (sweep.pk, [[3.0], [4.0]])
    erase_person(user=alice)
    assert list(Backtest.objects.values_list("pk", flat=True)) == [theirs.pk]
    assert BacktestResult.objects.get().backtest_id == theirs.pk
    assert (Sweep.objects.count(), SweepPoint.objects.count()) == (0, 0)
