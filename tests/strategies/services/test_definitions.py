"""Saving strategies: versions that ran stay, refusals change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import AuditEntry, Limit, LimitName, User
from common.errors import DomainError, NotFound
from engine.strategy.encode import to_json
from engine.strategy.graph import graph_hash
from markets.models import InstrumentState
from strategies.faces import Face, faces_of, graph_of
from strategies.models import Strategy, StrategyVersion
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run, stop_run
from tests.fixtures_desk import Desk
from tests.fixtures_past import ema_cross

FACE = ema_cross(2, 3, share="0.5")


@pytest.fixture
def settings_of(desk: Desk) -> dict[str, Any]:
    return {"instruments": [desk.instrument()], "timeframe": "5m", "face": FACE}


def test_a_strategy_is_saved_with_its_first_version(alice: User, settings_of: dict[str, Any]) -> None:
    version = save_strategy(owner=alice, name="  Crossing ", **settings_of)
    assert (version.strategy.name, version.strategy.owner, version.number) == ("Crossing", alice, 1)
    assert (version.instrument, version.timeframe) == (settings_of["instruments"][0], "5m")
    assert version.graph == to_json(graph_of(FACE))
    assert (version.graph_hash, version.strategy.template) == (graph_hash(graph_of(FACE)), "ema_cross")
    entry = AuditEntry.objects.get(action="strategy.saved")
    assert (entry.actor, entry.after) == (
        alice,
        {"version": 1, "instrument": "BTC-USDT", "timeframe": "5m", "graph": version.graph_hash},
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
        owner=alice, name="Crossing", **{**settings_of, "face": ema_cross(5, 8)}, strategy=first.strategy
    )
    rows = StrategyVersion.objects.order_by("number")
    assert [(one.number, faces_of(one.graph).values["fast"]) for one in rows] == [(1, 2), (2, 5)]
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
        ({"face": ema_cross(3, 3)}, "FAST_NOT_BELOW_SLOW", "fast"),
        ({"face": ema_cross(3, 8, share="1.5")}, "SHARE_OUT_OF_RANGE", "share"),
        ({"face": ema_cross(3, 8, stop_loss="0.6")}, "STOP_LOSS_OUT_OF_RANGE", "stop_loss"),
        ({"face": Face(template="crystal_ball")}, "TEMPLATE_UNKNOWN", "template"),
        ({"face": Face(formula="enter_long = ema(close) >")}, "FORMULA_UNREADABLE", "formula"),
        ({"face": Face(graph={"schema": 99})}, "SCHEMA_TOO_NEW", "graph"),
        ({"face": Face()}, "STRATEGY_NOT_GIVEN", "formula"),
        ({"instruments": []}, "INSTRUMENTS_COUNT", "instrument"),
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
    assert (held.graph, held.timeframe, held.strategy.name) == (to_json(graph_of(FACE)), "5m", "Crossing")
    assert (Strategy.objects.count(), StrategyVersion.objects.count()) == (2, 2)


def test_a_retired_instrument_is_refused(alice: User, settings_of: dict[str, Any]) -> None:
    settings_of["instruments"][0].state = InstrumentState.RETIRED
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


def test_a_strategy_is_the_same_whichever_face_was_given(alice: User, settings_of: dict[str, Any]) -> None:
    first = save_strategy(owner=alice, name="Crossing", **settings_of)
    start = AuditEntry.objects.count()
    faces = faces_of(first.graph)
    for face in (
        Face(formula=faces.formula),
        Face(graph=faces.graph),
        Face(template=faces.template, values=faces.values),
    ):
        again = save_strategy(owner=alice, name="Crossing", **{**settings_of, "face": face}, strategy=first.strategy)
        assert again.pk == first.pk
    assert AuditEntry.objects.count() == start


def test_a_strategy_that_is_no_template_has_no_template_s_name(alice: User, settings_of: dict[str, Any]) -> None:
    settings_of["face"] = Face(formula="enter_long = close > open\nexit_long = close < open")
    version = save_strategy(owner=alice, name="Own", **settings_of)
    assert (version.strategy.template, faces_of(version.graph).template) == ("", "")
    edited = save_strategy(owner=alice, name="Own", **{**settings_of, "face": FACE}, strategy=version.strategy)
    edited.strategy.refresh_from_db()
    assert edited.strategy.template == "ema_cross"


def test_several_instruments_keep_their_order(alice: User, desk: Desk, settings_of: dict[str, Any]) -> None:
    names = ["ETH", "BTC2", "ADA"]
    several = [desk.instrument(name) for name in names]
    version = save_strategy(owner=alice, name="Several", **{**settings_of, "instruments": several})
    assert version.instrument == several[0]
    assert [one.instrument for one in version.further.all()] == several[1:]
    turned = [several[0], several[2], several[1]]
    again = save_strategy(
        owner=alice, name="Several", **{**settings_of, "instruments": turned}, strategy=version.strategy
    )
    assert (again.pk, [one.instrument for one in again.further.all()]) == (version.pk, turned[1:])
    other = desk.instrument("SOL", "EUR")
    for wrong, code in (([several[0], several[0]], "INSTRUMENT_TWICE"), ([several[0], other], "INSTRUMENTS_APART")):
        with pytest.raises(DomainError) as refused:
            save_strategy(owner=alice, name="Wrong", **{**settings_of, "instruments": wrong})
        assert refused.value.code == code
