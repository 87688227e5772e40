"""The table of promised numbers: what it says, and that a missed number is never passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tools import bench, bench_rows
from tools.bench_rows import Measurement, Row, at_least, at_most, row


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Row]]:
    """Rows of this test alone, in place of the project's."""
    registered: dict[str, Row] = {}
    monkeypatch.setattr(bench_rows, "ROWS", registered)
    monkeypatch.setattr(bench, "load_rows", lambda: registered)
    monkeypatch.setattr(bench, "leave_cleanly_on_signals", lambda: None)
    yield registered


def quick(_environment: Mapping[str, str]) -> Measurement:
    return Measurement([0.3, 0.1, 0.2], peer=0.4, note="31 orders/s")


def test_the_table_shows_median_peer_ratio_target_and_verdict(
    rows: dict[str, Row], capsys: pytest.CaptureFixture[str]
) -> None:
    row("quick", what="a quick thing", unit="s", target=at_most(0.2))(quick)
    assert bench.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "what          | measured median | peer or limit | ratio | target        |",
        "--------------|-----------------|---------------|-------|---------------|----",
        "a quick thing | 0.2 s           | 0.4 s         | 0.5 × | at most 0.2 s | met",
        "quick: 31 orders/s",
    ]


def test_one_missed_number_fails_the_whole_run(rows: dict[str, Row], capsys: pytest.CaptureFixture[str]) -> None:
    row("met", what="met", unit="s", target=at_most(1))(quick)
    row("missed", what="missed", unit="s", target=at_most(0.19))(quick)
    assert bench.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("| ")[2] for line in lines[2:4]] == ["met", "MISSED"]


def test_a_row_that_breaks_is_missed_and_says_why(rows: dict[str, Row], capsys: pytest.CaptureFixture[str]) -> None:
    @row("broken", what="a broken thing", unit="s", target=at_most(1))
    def broken(_environment: Mapping[str, str]) -> Measurement:
        raise RuntimeError("no such page")

    row("quick", what="a quick thing", unit="s", target=at_most(1))(quick)
    assert bench.main([]) == 1
    output = capsys.readouterr().out
    assert "a broken thing | failed          | –             | –     | at most 1 s | MISSED" in output
    assert "a quick thing  | 0.2 s" in output
    assert output.splitlines()[-2:] == ["broken: RuntimeError: no such page", "quick: 31 orders/s"]


def test_only_the_rows_asked_for_are_measured(rows: dict[str, Row]) -> None:
    measured = []

    def note(name: str) -> None:
        @row(name, what=name, unit="s", target=at_most(1))
        def one(_environment: Mapping[str, str]) -> Measurement:
            measured.append(name)
            return Measurement([0])

    note("first")
    note("second")
    assert bench.main(["--only", "second"]) == 0
    assert measured == ["second"]


def test_an_unknown_row_is_named(rows: dict[str, Row], capsys: pytest.CaptureFixture[str]) -> None:
    row("quick", what="a quick thing", unit="s", target=at_most(1))(quick)
    assert bench.main(["--only", "slow"]) == 2
    assert capsys.readouterr().err == "There is no row slow; there are quick.\n"


def test_two_rows_of_one_name_are_refused(rows: dict[str, Row]) -> None:
    row("quick", what="a quick thing", unit="s", target=at_most(1))(quick)
    with pytest.raises(ValueError, match=r"^Two bench rows are called quick\.$"):
        row("quick", what="another", unit="s", target=at_most(1))(quick)


@pytest.mark.parametrize(
    ("measured", "peer", "target", "is_met"),
    [
        (2.0, None, at_most(2), True),
        (2.1, None, at_most(2), False),
        (2.0, None, at_least(2), True),
        (1.9, None, at_least(2), False),
        (3.0, 2.0, at_most(1.5, of="ratio"), True),
        (3.1, 2.0, at_most(1.5, of="ratio"), False),
        (1.0, None, at_most(1.5, of="ratio"), False),
        (1.0, 0.0, at_least(0.5, of="ratio"), False),
    ],
)
def test_a_target_is_met_up_to_its_bound(
    measured: float, peer: float | None, target: bench_rows.Target, is_met: bool
) -> None:
    assert target.is_met(Measurement([measured], peer=peer)) is is_met


@pytest.mark.parametrize(
    ("value", "text"), [(71769.4, "71,769"), (100, "100"), (99.96, "100"), (12.34, "12.3"), (8, "8"), (0.0015, "0.002")]
)
def test_numbers_keep_the_digits_that_can_be_compared(value: float, text: str) -> None:
    assert bench.number(value) == text


@pytest.mark.services
def test_a_row_gets_services_of_its_own_only_when_it_asks(rows: dict[str, Row]) -> None:
    seen: list[str | None] = []

    def look(environment: Mapping[str, str]) -> Measurement:
        seen.append(environment.get("DATABASE_URL"))
        return Measurement([0])

    row("plain", what="", unit="s", target=at_most(1))(look)
    row("served", what="", unit="s", target=at_most(1), services=True)(look)
    assert bench.main([]) == 0
    plain, served = seen
    assert plain is None
    assert str(served).startswith("postgres://slipstream:")


def test_the_projects_own_rows_load() -> None:
    assert {"first_start", "second_start"} <= set(bench.load_rows())
