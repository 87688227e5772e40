"""The API of backtests and sweeps, and of what strategies are made of."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from strategies.models import Backtest
from strategies.selectors import backtests, sweeps
from strategies.services.definitions import save_strategy
from tests.fixtures_desk import Working
from tests.fixtures_past import CROSSING, Past


def program_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def address(name: str, *key: object) -> str:
    return reverse(f"strategies_api:{name}", args=key)


@pytest.fixture
def body(past: Past) -> dict[str, Any]:
    terms = past.terms()
    return {
        "instruments": [str(past.instrument.pk)],
        "timeframe": "5m",
        "start": terms.start.isoformat(),
        "end": terms.end.isoformat(),
        "template": CROSSING.template,
        "values": {"fast": 3, "slow": 8, "share": "0.5"},
    }


def test_a_backtest_is_asked_for_read_and_forgotten(
    alice: User, charlie: User, body: dict[str, Any], working: Working
) -> None:
    program = program_of(alice)
    with working():
        asked = program.post(address("backtests"), {**body, "name": "Waves"}, format="json")
    assert (asked.status_code, asked.json()["state"], asked.json()["name"]) == (201, "QUEUED", "Waves")
    key = asked.json()["id"]
    found = program.get(address("backtest", key)).json()
    assert (found["state"], found["progress"], found["spec"]["timeframe"]) == ("DONE", 1.0, "5m")
    count = found["result"]["metrics"]["trades_count"]
    assert found["summary"]["trades_count"] == count > 20
    page = program.get(address("backtest_trades", key), {"sort": "profit", "descending": "true", "limit": "3"}).json()
    profits = [one["profit"] for one in page["trades"]]
    assert (page["count"], len(profits), profits) == (count, 3, sorted(profits, reverse=True))
    assert page["trades"][0]["symbol"] == "BTC-USDT"
    equity = program.get(address("backtest_equity", key)).json()
    assert len(equity["at"]) == len(equity["equity"]) == len(equity["benchmark"])
    lines = program.get(address("trades_csv", key)).content.decode().splitlines()
    assert len(lines) == count + 1
    assert len(pq.read_table(BytesIO(program.get(address("trades_parquet", key)).content))) == count
    [compared] = program.get(address("compare"), {"id": [key]}).json()
    assert compared["metrics"].keys() == found["result"]["metrics"].keys()
    assert compared["metrics"]["total_return_ratio"] == found["result"]["metrics"]["total_return_ratio"]
    assert program.get(address("compare")).status_code == 400
    # The same question is the same row.
    again = program.post(address("backtests"), body, format="json").json()
    assert (again["id"], again["state"]) == (key, "DONE")
    stranger = program_of(charlie)
    for name in ("backtest", "backtest_trades", "backtest_equity", "trades_csv", "trades_parquet"):
        assert stranger.get(address(name, key)).status_code == 404
    assert stranger.get(address("compare"), {"id": [key]}).status_code == 404
    assert stranger.delete(address("backtest", key)).status_code == 404
    assert stranger.post(address("cancel_backtest", key)).status_code == 404
    assert program.delete(address("backtest", key)).status_code == 204
    assert not backtests().exists()


def test_a_version_brings_its_market_and_a_stranger_s_is_not_there(
    alice: User, charlie: User, past: Past, body: dict[str, Any]
) -> None:
    version = save_strategy(owner=alice, name="Waves", instruments=[past.instrument], timeframe="5m", face=CROSSING)
    asked = {"version": str(version.pk), "start": body["start"], "end": body["end"]}
    assert program_of(charlie).post(address("backtests"), asked, format="json").status_code == 404
    answer = program_of(alice).post(address("backtests"), asked, format="json")
    assert (answer.status_code, answer.json()["name"]) == (201, "Waves v1 · BTC-USDT 5m")
    assert Backtest.objects.get().version == version
    both = program_of(alice).post(address("backtests"), {**body, **asked}, format="json")
    assert (both.status_code, both.json()["code"]) == (400, "STRATEGY_NOT_GIVEN")
    no_market = {name: value for name, value in body.items() if name != "instruments"}
    missing = program_of(alice).post(address("backtests"), no_market, format="json")
    assert (missing.status_code, missing.json()["context"]) == (400, {"field": "instruments"})


def test_a_result_that_is_not_there_yet_is_not_found(alice: User, body: dict[str, Any]) -> None:
    key = program_of(alice).post(address("backtests"), body, format="json").json()["id"]
    assert program_of(alice).get(address("backtest", key)).json()["result"] is None
    assert program_of(alice).get(address("trades_csv", key)).status_code == 404
    canceled = program_of(alice).post(address("cancel_backtest", key)).json()
    assert canceled["state"] == "CANCELED"


def test_a_sweep_is_asked_for_and_read(alice: User, charlie: User, body: dict[str, Any], working: Working) -> None:
    program = program_of(alice)
    with working():
        asked = program.post(address("sweeps"), {**body, "grid": {"fast": [3, 4], "slow": [8]}}, format="json")
    assert (asked.status_code, asked.json()["points"], asked.json()["parameters"]) == (201, 2, ["fast", "slow"])
    key = asked.json()["id"]
    assert program.get(address("sweep", key)).json()["state"] == "DONE"
    points = program.get(address("points", key)).json()["results"]
    assert [one["values"] for one in points] == [[3.0, 8.0], [4.0, 8.0]]
    for name in ("sweep", "points"):
        assert program_of(charlie).get(address(name, key)).status_code == 404
    assert program_of(charlie).post(address("cancel_sweep", key)).status_code == 404
    assert program_of(charlie).delete(address("sweep", key)).status_code == 404
    assert program.delete(address("sweep", key)).status_code == 204
    assert not sweeps().exists()


def test_the_vocabulary_is_everybody_s() -> None:
    nobody = program_of(None)
    nodes = {one["name"]: one for one in nobody.get(address("node_types")).json()}
    assert [port["name"] for port in nodes["ema"]["ports"]] == ["series", "period", "seed"]
    assert nodes["ema"]["output"] == "series"
    templates = {one["name"]: one for one in nobody.get(address("templates")).json()}
    assert [field["name"] for field in templates["ema_cross"]["form"]] == ["fast", "slow", "share", "stop_loss"]
    assert "$schema" in nobody.get(address("graph_schema")).json()


def test_a_strategy_is_checked_and_a_fault_has_its_place(alice: User, db: None) -> None:
    program = program_of(alice)
    formula = "enter_long = crosses_above(ema(close, 3), ema(close, 8))\nenter_short = close < open"
    checked = program.post(f"{address('check')}?timeframe=5m", {"formula": formula}, format="json").json()
    assert (checked["template"], checked["values"], checked["not_yet_live"]) == ("", {}, ["short entries"])
    assert checked["warm_up"] == 8
    assert checked["graph"]["outputs"].keys() == {"enter_long", "enter_short"}
    wrong = program.post(address("check"), {"formula": "enter_long = close > emma(close, 3)"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "UNKNOWN_NODE")
    assert wrong.json()["context"] == {"field": "formula", "place": "1:22"}
    assert program_of(None).post(address("check"), {"formula": formula}, format="json").status_code == 401
