"""Saving strategies: versions that ran stay, refusals change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry, Limit, LimitName, User
from common.errors import DomainError, NotFound
from markets.models import InstrumentState
from strategies.models import Strategy, StrategyVersion
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run
from tests.fixtures_desk import Desk

PARAMETERS = {"fast": 2, "slow": 3, "share": "0.5", "stop_loss": None}


@pytest.fixture
def settings_of(desk: Desk) -> dict[str, Any]:
    return {"instrument": desk.instrument(), "timeframe": "5m", "parameters": PARAMETERS}


def test_a_strategy_is_saved_with_its_first_version(alice: User, settings_of: dict[str, Any]) -> None:
    version = save_strategy(owner=alice, name="  Crossing ", **settings_of)
    assert (version.strategy.name, version.strategy.owner, version.number) == ("Crossing", alice, 1)
    assert (version.instrument, version.timeframe, version.parameters) == (settings_of["instrument"], "5m", PARAMETERS)
    entry = AuditEntry.objects.get(action="strategy.saved")
    assert (entry.actor, entry.after) == (
        alice,
        {"version": 1, "instrument": "BTC-USDT", "timeframe": "5m", **PARAMETERS},
    )


def test_a_version_that_never_ran_is_edited_in_place(alice: User, settings_of: dict[str, Any]) -> None:
    first = save_strategy(owner=alice, name="Crossing", **settings_of)
    edited = save_strategy(owner=alice, name="Faster", **{**settings_of, "timeframe": "1m"}, strategy=first.strategy)
    assert (edited.pk, edited.number, edited.timeframe, edited.strategy.name) == (first.pk, 1, "1m", "Faster")
    assert StrategyVersion.objects.count() == 1


def test_a_version_that_has_run_stays_and_an_edit_makes_the_next(
    alice: User, desk: Desk, settings_of: dict[str, Any]
) -> None:
    first = save_strategy(owner=alice, name="Crossing", **settings_of)
    run = start_run(actor=alice, version=first, portfolio=desk.portfolio(alice))
    stop_run(actor=alice, run=run)
    second = save_strategy(
        owner=alice, name="Crossing", **{**settings_of, "parameters": {"fast": 5, "slow": 8}}, strategy=first.strategy
    )
    assert [(one.number, one.parameters["fast"]) for one in StrategyVersion.objects.order_by("number")] == [
        (1, 2),
        (2, 5),
    ]
    assert (run.version_id, second.number) == (first.pk, 2)


def test_saving_what_is_there_changes_nothing(alice: User, desk: Desk, settings_of: dict[str, Any]) -> None:
    first = save_strategy(owner=alice, name="Crossing", **settings_of)
    start_run(actor=alice, version=first, portfolio=desk.portfolio(alice))
    again = save_strategy(owner=alice, name="Crossing", **settings_of, strategy=first.strategy)
    assert again.pk == first.pk
    assert AuditEntry.objects.filter(action="strategy.saved").count() == 1


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"parameters": {"fast": 3, "slow": 3}}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"timeframe": "7m"}, "TIMEFRAME_UNKNOWN", "timeframe"),
        ({"name": "  "}, "NAME_INVALID", "name"),
        ({"name": "x" * 81}, "NAME_INVALID", "name"),
        ({"name": "Taken"}, "NAME_TAKEN", "name"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_saved(
    alice: User, settings_of: dict[str, Any], wrong: dict[str, Any], code: str, field: str
) -> None:
    save_strategy(owner=alice, name="Taken", **settings_of)
    held = save_strategy(owner=alice, name="Crossing", **settings_of)
    for strategy in (None, held.strategy):
        with pytest.raises(DomainError) as refused:
            save_strategy(owner=alice, **({"name": "Crossed", **settings_of} | wrong), strategy=strategy)
        assert (refused.value.code, refused.value.context["field"]) == (code, field)
    held.refresh_from_db()
    assert (held.parameters, held.timeframe, held.strategy.name) == (PARAMETERS, "5m", "Crossing")
    assert (Strategy.objects.count(), StrategyVersion.objects.count()) == (2, 2)


def test_a_retired_instrument_is_refused(alice: User, settings_of: dict[str, Any]) -> None:
    settings_of["instrument"].state = InstrumentState.RETIRED
    with pytest.raises(DomainError) as refused:
        save_strategy(owner=alice, name="Crossing", **settings_of)
    assert refused.value.code == "INSTRUMENT_NOT_TRADABLE"
    assert Strategy.objects.count() == 0


def test_two_people_may_use_one_name_but_not_each_others_strategy(
    alice: User, charlie: User, settings_of: dict[str, Any]
) -> None:
    hers = save_strategy(owner=alice, name="Crossing", **settings_of)
    his = save_strategy(owner=charlie, name="Crossing", **settings_of)
    with pytest.raises(NotFound):
        save_strategy(owner=charlie, name="Mine now", **settings_of, strategy=hers.strategy)
    hers.strategy.refresh_from_db()
    assert (hers.strategy.name, his.strategy.name) == ("Crossing", "Crossing")


def test_a_plan_limits_how_many_strategies_there_are(alice: User, settings_of: dict[str, Any]) -> None:
    Limit.objects.filter(name=LimitName.STRATEGIES).update(value=1)
    first = save_strategy(owner=alice, name="Crossing", **settings_of)
    with pytest.raises(DomainError) as refused:
        save_strategy(owner=alice, name="Another", **settings_of)
    assert refused.value.code == "LIMIT_REACHED"
    save_strategy(owner=alice, name="Renamed", **settings_of, strategy=first.strategy)
    assert list(Strategy.objects.values_list("name", flat=True)) == ["Renamed"]
