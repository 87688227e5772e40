"""Our orders beside the venue's word: nothing is sent again before two "not found" that count, and no end comes too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.reconciliation import Action, Answer, Ours, Step, Theirs, next_ask, reconcile

D = Decimal
CLOSES = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return a moment so long after no request of ours can be accepted any more."""
    return CLOSES + timedelta(seconds=seconds)


def ours(filled: str = "0", missing_since: datetime | None = None, *, is_unheard: bool = True) -> Ours:
    return Ours(D(filled), CLOSES, missing_since, is_unheard)


def action(mine: Ours, answer: Answer, filled: str = "0", reported: str | None = None, seconds: float = 1) -> Action:
    theirs = Theirs(answer, D(filled), D(filled if reported is None else reported))
    [step] = reconcile({"a": mine}, {"a": theirs}, asked_at=after(seconds))
    return step.action


@pytest.mark.parametrize(
    ("missing_since", "asked", "expected"),
    [
        # While a request may still arrive, "not found" says nothing.
        (None, -0.001, Action.WAIT),
        (None, 0, Action.MARK),
        (None, 60, Action.MARK),
        (0.0, 4.999, Action.WAIT),
        (0.0, 5, Action.RESEND),
        (3.0, 7.9, Action.WAIT),
        (3.0, 8, Action.RESEND),
        # Said before the request could no longer arrive: it was said of an earlier one.
        (-0.001, 60, Action.MARK),
    ],
)
def test_only_two_answers_that_count_and_lie_apart_are_a_definite_not_found(
    missing_since: float | None, asked: float, expected: Action
) -> None:
    since = None if missing_since is None else after(missing_since)
    assert action(ours(missing_since=since), Answer.MISSING, seconds=asked) is expected


@pytest.mark.parametrize("filled", ["0", "1"])
@pytest.mark.parametrize(
    ("missing_since", "asked", "expected"),
    [
        (None, -0.001, Action.WAIT),
        (None, 600, Action.MARK),
        (0.0, 49.999, Action.WAIT),
        (0.0, 50, Action.LOSE),
        (-0.001, 600, Action.MARK),
    ],
)
def test_what_the_venue_once_knew_is_never_sent_again_but_ends_when_it_has_forgotten_it(
    filled: str, missing_since: float | None, asked: float, expected: Action
) -> None:
    since = None if missing_since is None else after(missing_since)
    assert action(ours(filled, since, is_unheard=False), Answer.MISSING, seconds=asked) is expected


def test_silence_and_a_missing_answer_wait() -> None:
    assert action(ours(missing_since=after(0)), Answer.SILENCE, seconds=600) is Action.WAIT
    assert reconcile({"a": ours(missing_since=after(0))}, {}, asked_at=after(600)) == [Step("a", Action.WAIT)]


@pytest.mark.parametrize(
    ("mine", "filled", "reported", "expected"),
    [
        (ours(), "0", "0", Action.BOOK),  # it lives: nobody sends it again
        (ours(is_unheard=False), "0", "0", Action.WAIT),
        (ours("1", is_unheard=False), "2", "2", Action.BOOK),
        (ours("2", is_unheard=False), "2", "1", Action.WAIT),
    ],
)
def test_what_lives_is_booked_where_it_says_something_new(
    mine: Ours, filled: str, reported: str, expected: Action
) -> None:
    assert action(mine, Answer.ALIVE, filled, reported) is expected


@pytest.mark.parametrize(
    ("booked", "filled", "reported", "expected"),
    [
        ("0", "0", "0", Action.END),
        ("0", "3", "3", Action.END),
        ("3", "3", "0", Action.END),  # told by the stream before
        ("0", "3", "2", Action.BOOK),
        ("2", "3", "2", Action.WAIT),
    ],
)
def test_an_end_waits_for_the_fills_that_are_not_told_yet(
    booked: str, filled: str, reported: str, expected: Action
) -> None:
    assert action(ours(booked), Answer.ENDED, filled, reported) is expected


def test_every_order_of_ours_gets_one_step_in_its_order() -> None:
    mine = {key: ours() for key in "cab"}
    theirs = {"a": Theirs(Answer.MISSING, D(0), D(0)), "x": Theirs(Answer.ENDED, D(1), D(1))}
    assert [(step.key, step.action) for step in reconcile(mine, theirs, asked_at=after(0))] == [
        ("c", Action.WAIT),
        ("a", Action.MARK),
        ("b", Action.WAIT),
    ]


def test_the_venue_is_asked_after_two_seconds_then_five_times_every_five_then_now_and_then() -> None:
    assert [next_ask(times).total_seconds() for times in range(8)] == [2, 5, 5, 5, 5, 5, 60, 60]
