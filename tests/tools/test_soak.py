"""The soak tier tries every job, keeps what broke, and adds up over its runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest

from tools import soak
from tools.soak import Broken, Job


def _breaks(seed: int) -> int:
    raise Broken(f"seed {seed} shows it")


def _fails(seed: int) -> int:
    raise ZeroDivisionError("by nothing")


def test_every_job_gets_a_turn_however_short_the_time(tmp_path: Path) -> None:
    chosen = [Job("a", lambda seed: 7, 100.0), Job("b", lambda seed: 9, 100.0)]
    turns = list(soak.soak(chosen, 0.0, tmp_path / "var" / "soak.log"))
    assert [(turn.job, turn.count, turn.failure) for turn in turns] == [("a", 7, ""), ("b", 9, "")]


def test_seeds_are_fresh_and_go_on_until_the_time_is_up(tmp_path: Path) -> None:
    turns = list(soak.soak([Job("a", lambda seed: 1, 0.0)], 0.2, tmp_path / "soak.log"))
    assert len(turns) > 3
    assert len({turn.seed for turn in turns}) > len(turns) * 0.99


def test_what_breaks_is_kept_with_its_seed_and_the_rest_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "soak.log"
    turns = list(soak.soak([Job("a", _breaks), Job("b", _fails), Job("c", lambda seed: 3)], 0.0, log))
    assert [turn.failure for turn in turns] == [f"seed {turns[0].seed} shows it", "ZeroDivisionError: by nothing", ""]
    assert [json.loads(line)["job"] for line in log.read_text().splitlines()] == ["a", "b", "c"]


def test_counts_add_up_over_runs(tmp_path: Path) -> None:
    log = tmp_path / "soak.log"
    for _ in range(2):
        list(soak.soak([Job("a", lambda seed: 1500), Job("b", _breaks)], 0.0, log))
    rows = [line.split() for line in soak.totals(log).splitlines()]
    assert rows[1:] == [["a", "2", "3,000", "0.0", "0"], ["b", "2", "0", "0.0", "2"]]


@pytest.mark.parametrize("name", ["formulas", "documents", "faces"])
def test_the_fuzzers_hold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "INPUTS", 150)
    monkeypatch.setattr(soak, "GRAPHS", 10)
    assert soak.main(["--minutes", "0", "--only", name], tmp_path / "soak.log") == 0


def test_a_turn_of_the_simulation_plays_the_seeds_from_its_own_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SEEDS", 2)
    assert soak.simulate(3) == 2
    with pytest.raises(Broken, match=r"-5\.\.-4"):
        soak.simulate(-5)


def test_a_turn_at_the_api_says_how_much_each_asker_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(*paths: str, environment: Mapping[str, str]) -> Callable[[int], int]:
        def run(seed: int) -> int:
            assert environment == {
                "API_FUZZ_SEED": "7",
                "API_FUZZ_FACTOR": "5",
                "API_FUZZ_LOG": environment["API_FUZZ_LOG"],
            }
            lines = [{"asker": "bob", "asked": {"drawn": 2, "edge": 1}}, {"asker": "alice", "asked": {"linked": 4}}]
            Path(environment["API_FUZZ_LOG"]).write_text("".join(json.dumps(one) + "\n" for one in [*lines, lines[0]]))
            return 1

        return run

    monkeypatch.setattr(soak, "run_tests", asks)
    monkeypatch.setattr(soak, "running_services", lambda: nullcontext({}))
    assert soak.fuzz_api(7) == soak.Measured(10, "alice 4, bob 6")


def test_a_fuzzer_that_finds_something_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(soak, "parse_formula", broken)
    with pytest.raises(Broken, match="RecursionError: too deep for '"):
        soak.fuzz_formulas(1)


def test_something_broken_is_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "jobs", lambda: {"a": Job("a", _breaks)})
    assert soak.main(["--minutes", "0"], tmp_path / "soak.log") == 1


def test_an_unknown_job_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--only", "everything"], tmp_path / "soak.log") == 2
    assert "There is no job everything; there are formulas, documents," in capsys.readouterr().err


def test_what_a_job_measured_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "soak.log"
    [turn] = soak.soak([Job("a", lambda seed: soak.Measured(12, "p95 80 ms"))], 0.0, log)
    assert (turn.count, turn.note, turn.failure) == (12, "p95 80 ms", "")
    assert json.loads(log.read_text())["note"] == "p95 80 ms"
    # Lines of before there were notes are read as ever.
    old = {"at": "2026-01-01T00:00:00+00:00", "job": "a", "seed": 1, "count": 5, "seconds": 1.0, "failure": ""}
    log.write_text(log.read_text() + json.dumps(old) + "\n")
    assert soak.totals(log).splitlines()[1].split() == ["a", "2", "17", "0.0", "0"]
