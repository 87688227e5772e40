"""What strategies keep about a person is taken along, and forgotten once nothing runs."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run
from tests.fixtures_desk import Desk


def test_strategies_are_exported_and_lose_their_names(alice: User, charlie: User, desk: Desk) -> None:
    parameters = {"fast": 2, "slow": 3, "share": "0.2", "stop_loss": None}
    facts: dict[str, Any] = {"instrument": desk.instrument(), "timeframe": "5m", "parameters": parameters}
    version = save_strategy(owner=alice, name="My secret", **facts)
    save_strategy(owner=charlie, name="His", **facts)
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    exported = export_personal_data(user=alice)["strategies"]
    [strategy] = exported["strategies"]
    assert (strategy["name"], [one["parameters"] for one in strategy["versions"]]) == ("My secret", [parameters])
    assert [one["id"] for one in exported["runs"]] == [run.pk]
    with pytest.raises(DomainError) as refused:
        erase_person(user=alice)
    assert refused.value.code == "RUNS_STILL_RUNNING"
    stop_run(actor=alice, run=run)
    erase_person(user=alice)
    version.strategy.refresh_from_db()
    assert version.strategy.name == f"Strategy {version.strategy_id.hex}"
    assert [one["name"] for one in export_personal_data(user=charlie)["strategies"]["strategies"]] == ["His"]
