"""A seed repeats exactly, a script is a plan, faults really strike, and what fails is made short."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import clock, ids
from tests.trading.simulation import mutations
from trading.simulation.plan import FAULTS, LENGTH, MARGIN_LENGTH, Move, Plan, draw, parse
from trading.simulation.running import Verdict, run_plan, run_seed
from trading.simulation.shrinking import minimal, shrink

ROOT = Path(__file__).resolve().parents[3]
TELL = """
import django; django.setup()
from trading.simulation.running import run_seed
print(run_seed(3).digest)
"""


def played(script: str) -> Verdict:
    """Play a script, and see that nothing is wrong at its end."""
    verdict = run_plan(parse(script), 1)
    assert verdict.failure == ""
    return verdict


def told(verdict: Verdict) -> list[str]:
    """Return what happened, without the times."""
    return [line.split(maxsplit=1)[1] for line in verdict.trace]


# --- plans --------------------------------------------------------------------------------------------------------------
def test_a_seed_draws_the_same_plan_always_and_another_seed_another() -> None:
    assert draw(7) == draw(7) != draw(8)
    assert {len(draw(seed)) for seed in range(1, 9)} == {LENGTH, LENGTH + MARGIN_LENGTH}


def test_sixty_seeds_draw_every_fault() -> None:
    drawn = {move.name for seed in range(1, 61) for move in draw(seed)}
    assert set(FAULTS) - drawn == set()


def test_a_plan_is_the_script_that_it_prints() -> None:
    plan = draw(5)
    assert parse("\n".join(map(str, plan))) == plan
    assert parse("buy 0 1 20  # the lead\n\n# nothing\nsweep") == (Move("buy", (0, 1, 20)), Move("sweep"))


# --- repeating ----------------------------------------------------------------------------------------------------------
def test_a_seed_repeats_everything_that_happens() -> None:
    first, again, other = run_seed(3), run_seed(3), run_seed(4)
    assert (first.digest, first.trace) == (again.digest, again.trace)
    assert first.digest != other.digest


def test_another_process_with_another_hash_seed_repeats_it_too() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "77", "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", TELL], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == run_seed(3).digest


def test_a_simulation_leaves_the_process_as_it_was() -> None:
    before = clock._wall_clock, ids._source
    run_seed(3)
    assert (clock._wall_clock, ids._source) == before


# --- what happens -------------------------------------------------------------------------------------------------------
def test_an_order_is_filled_and_copied_without_any_fault() -> None:
    verdict = played("buy 0 0 100\nwork 0\nwork 0\nwork 0")
    assert (verdict.orders, verdict.fills) == (2, 2)
    # (A copy on paper is filled as its row is written.)
    assert told(verdict)[:4] == [
        "buy 0 0 100: PENDING",
        "work 0: trading.execute_orders",
        "work 0: trading.fan_out",
        "work 0: nothing waits",
    ]


def test_a_worker_that_dies_between_claiming_and_sending_sends_after_a_definite_not_found() -> None:
    verdict = played("buy 2 0 100\ncrash 2 0\nwork 0")
    assert told(verdict)[1:5] == ["crash 2 0: at 'claimed'", "dies at 'claimed'", "work 0: died", "heals"]
    assert (verdict.orders, verdict.fills, verdict.crashes) == (1, 1, 1)


@pytest.mark.parametrize("boundary", range(7))
def test_a_process_may_die_anywhere(boundary: int) -> None:
    script = f"buy 0 0 900\ncrash {boundary} 0\nanswer_lost\nwork 0\ntick 3\nreconcile\nwork 0\nwork 0\nwork 0"
    assert played(script).crashes == 1


def test_a_process_that_stands_still_meets_what_others_did_meanwhile() -> None:
    verdict = played("buy 2 0 100\nsleep 2 0 60\nwork 0")
    said = told(verdict)
    assert said.index("stands still at 'claimed'") < said.index("goes on") < said.index("heals")
    assert (verdict.stalls, verdict.fills) == (1, 1)


def test_a_stop_that_fires_while_a_sale_is_refused_is_not_spent() -> None:
    verdict = played("run_buys 2 0 100 20\nwork 0\nsell 2 0 100\nrejects\nstall 3 0 2\nwork 0\nprice 0 0\nwork 0")
    assert "price 0 0: 940.000, 1 stops fire" in told(verdict)
    assert [line.split()[2:4] for line in verdict.trace if " SELL " in line] == [
        ["SELL", "REJECTED"],
        ["SELL", "FILLED"],
    ]


def test_a_lost_task_is_made_good_and_a_doubled_one_does_no_harm() -> None:
    verdict = played("lose 0\nbuy 2 0 100\ndouble 0\nbuy 2 1 100\nwork 0\nwork 0")
    assert (verdict.lost, verdict.doubled, verdict.orders, verdict.fills) == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("fault", "fills", "state"),
    [
        ("never_arrives", 1, "FILLED"),
        ("arrives_late 40", 1, "FILLED"),
        ("answer_lost", 1, "FILLED"),
        ("hidden 90", 1, "FILLED"),
        ("rejects", 0, "REJECTED VENUE_SAYS_NO"),
        ("fills_in_parts 4 30", 2, "FILLED"),
        ("fills_a_part 4 20", 1, "EXPIRED EXPIRED_AT_VENUE"),
        ("fills_a_part 0 20", 0, "EXPIRED EXPIRED_AT_VENUE"),
        ("fills_told_late 30", 1, "FILLED"),
        ("outage 60", 1, "FILLED"),
        ("skew 500", 1, "FILLED"),
        ("deaf 1\nfills_in_parts 4 30", 2, "FILLED"),
    ],
)
def test_every_fault_of_the_venue_comes_to_the_end_that_it_should(fault: str, fills: int, state: str) -> None:
    verdict = played(f"{fault}\nbuy 2 0 100\nwork 0")
    [order] = [line for line in verdict.trace if line.startswith("order ")]
    assert (verdict.fills, order.split(" BUY ")[1].rpartition(" ")[0].strip()) == (fills, state)


# --- shrinking ----------------------------------------------------------------------------------------------------------
def test_the_least_that_fails_is_found() -> None:
    plan = tuple(Move("tick", (number,)) for number in range(40))
    needed = {Move("tick", (3,)), Move("tick", (17,)), Move("tick", (39,))}
    tried: list[Plan] = []

    def fails(part: Plan) -> bool:
        tried.append(part)
        return needed <= set(part)

    assert set(minimal(plan, fails)) == needed
    assert len(tried) < 120


def test_a_failing_plan_is_made_short_and_still_fails_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    mutations.forget_a_hold(monkeypatch)
    plan = parse("tick 3\nhalt 0\nrejects\nbuy 2 0 100\nprice 1 40\nwork 0\nsweep\nhear 0 0")
    verdict = run_plan(plan, 1)
    assert verdict.failure == "every_hold_is_released: 100.12002 USDT"
    shortest, last = shrink(plan, 1, verdict.kind)
    assert (last.kind, [move.name for move in shortest]) == (verdict.kind, ["rejects", "buy", "work"])
