"""`manage.py simulate`: a line a seed, an exit code, the shortest script, and several processes that say the same as one."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.trading.simulation import mutations
from trading.simulation.running import run_seed


@pytest.fixture(autouse=True)
def own_database(django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock():
        yield


def simulate(*arguments: str) -> tuple[list[str], str]:
    """Run the command; return its lines and what it said beside them."""
    out, err = StringIO(), StringIO()
    try:
        call_command("simulate", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue().splitlines(), err.getvalue()


def test_each_seed_gets_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines, said = simulate("--seeds", "3..4")
    assert [line.partition(" (")[0] for line in lines] == ["seed 3: ok", "seed 4: ok"]
    assert said == ""


def test_as_json_it_is_the_verdict_without_its_trace() -> None:
    [line], _ = simulate("--seeds", "3", "--json")
    found, verdict = json.loads(line), run_seed(3)
    assert {**found, "seconds": 0} == {**verdict.as_json(), "seconds": 0}
    assert (found["seed"], found["failure"], found["digest"]) == (3, "", verdict.digest)


def test_a_failure_is_an_exit_code_and_comes_with_its_shortest_script(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mutations.forget_a_hold(monkeypatch)
    script = tmp_path / "script"
    script.write_text("rejects\nbuy 2 0 100\nwork 0\n")
    lines, said = simulate("--script", str(script), "--seeds", "1")
    assert lines[0].startswith("seed 1: every_hold_is_released: 100.12002 USDT (3 moves, 1 orders, 0 fills")
    assert said == "1 of 1 seeds failed."


def test_several_processes_say_the_same_as_one() -> None:
    lines, said = simulate("--seeds", "1..3", "--jobs", "2", "--json")
    assert [json.loads(line)["digest"] for line in lines] == [run_seed(seed).digest for seed in (1, 2, 3)]
    assert said == ""


@pytest.mark.parametrize("seeds", ["none", "9..1", "-3..4", "1..2..3", ""])
def test_seeds_that_are_none_are_refused(seeds: str) -> None:
    with pytest.raises(CommandError, match="names no seeds"):
        call_command("simulate", f"--seeds={seeds}")
