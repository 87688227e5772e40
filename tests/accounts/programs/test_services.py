"""Requests under a key: claimed once, taken over from the dead, unreadable to whoever reads the table, forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from accounts.programs.models import KeyedRequest
from accounts.programs.services import answer_of, answer_request, claim_request, forget_requests, release_request
from common.errors import DomainError
from tests.accounts.conftest import Wall

ANSWER: dict[str, Any] = {"status": 201, "media_type": "application/json", "body": b'{"token":"slip_secret"}'}


def _claim(user: User, request_hash: str = "a" * 64, *, is_atomic: bool = True) -> KeyedRequest:
    return claim_request(user=user, key="once", request_hash=request_hash, is_atomic=is_atomic)


def _code(user: User, **facts: Any) -> tuple[str, int]:
    with pytest.raises(DomainError) as refusal:
        _claim(user, **facts)
    return refusal.value.code, refusal.value.status


def test_a_key_answers_the_same_request_again_and_no_other(alice: User, bob: User, wall: Wall) -> None:
    row = _claim(alice)
    assert _code(alice) == ("IDEMPOTENCY_KEY_IN_USE", 409)
    answer_request(row=row, key="once", **ANSWER)
    again = _claim(alice)
    assert (again.status, answer_of(row=again, key="once")) == (201, ANSWER["body"])
    assert _code(alice, request_hash="b" * 64) == ("IDEMPOTENCY_KEY_REUSED", 422)
    # Another's key is another key.
    assert _claim(bob).status is None


def test_nothing_stored_opens_an_answer(alice: User, wall: Wall) -> None:
    answer_request(row=_claim(alice), key="once", **ANSWER)
    stored = KeyedRequest.objects.get()
    assert b"slip_secret" not in bytes(stored.answer)
    assert "once" not in f"{stored.digest}{stored.request_hash}"


def test_who_died_over_a_request_is_followed_by_one(alice: User, wall: Wall) -> None:
    dead = _claim(alice)
    wall.pass_by(seconds=59)
    assert _code(alice) == ("IDEMPOTENCY_KEY_IN_USE", 409)
    wall.pass_by(seconds=1)
    heir = _claim(alice)
    assert (heir.pk, heir.attempt) == (dead.pk, 2)
    assert _code(alice) == ("IDEMPOTENCY_KEY_IN_USE", 409)
    # The dead was only slow: its transaction must not end well beside the heir's.
    with pytest.raises(DomainError):
        answer_request(row=dead, key="once", **ANSWER)
    answer_request(row=heir, key="once", **ANSWER)


def test_what_is_not_one_transaction_is_not_done_again(alice: User, wall: Wall) -> None:
    _claim(alice, is_atomic=False)
    wall.pass_by(hours=1)
    assert _code(alice, is_atomic=False) == ("IDEMPOTENCY_OUTCOME_UNKNOWN", 409)


def test_a_failure_of_ours_frees_the_key(alice: User, wall: Wall) -> None:
    release_request(row=_claim(alice))
    assert _claim(alice, request_hash="b" * 64).attempt == 1


def test_a_key_lives_for_a_day(alice: User, wall: Wall) -> None:
    answer_request(row=_claim(alice), key="once", **ANSWER)
    wall.pass_by(hours=23, minutes=59)
    assert (forget_requests(), _claim(alice).status) == (0, 201)
    wall.pass_by(minutes=1)
    assert _claim(alice, request_hash="b" * 64).status is None
    wall.pass_by(hours=24)
    assert (forget_requests(), KeyedRequest.objects.count()) == (1, 0)
