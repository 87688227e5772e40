"""Sealing: each fill once, in order, whoever is at it; and roots that follow each other."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from common.clock import wall_now
from common.errors import DomainError
from common.ids import first_id_at
from engine.records.hashes import first_link, leaf_hash, link_after
from engine.records.statements import NO_ROOT, is_signed
from marketplace.proofs.keys import signing_key
from marketplace.proofs.models import RecordKey, RecordRoot, Seal, SealedBook
from marketplace.proofs.services import sealing
from marketplace.proofs.services.sealing import LATE, ROOT_EVERY, seal_fills, sign_root
from marketplace.proofs.statements import root_statement, signed_root
from marketplace.tasks import seal_new_fills, sign_due_root
from tests.fixtures_trading import Pit, at_once
from tests.fixtures_verified import Sealed, key_text
from trading.canonical import fill_bytes
from trading.models import Fill


def spans() -> list[tuple[int, int]]:
    return list(Seal.objects.order_by("first").values_list("first", "last"))


def test_new_fills_are_chained_once_and_in_order(pit: Pit) -> None:
    pit.buy(1)
    pit.buy(2)
    seal_new_fills()
    seal_new_fills()
    leaves = [leaf_hash(fill_bytes(one)) for one in Fill.objects.order_by("number")]
    start = first_link(str(pit.lead.pk))
    seal = Seal.objects.get()
    assert (seal.first, seal.last, seal.previous_link, seal.link, bytes(seal.leaves)) == (
        *(1, 2, start.hex(), link_after(start, leaves).hex(), b"".join(leaves)),
    )
    pit.sell(1)
    seal_new_fills()
    second = Seal.objects.get(first=3)
    assert (second.last, second.previous_link) == (3, seal.link)
    assert SealedBook.objects.get().link == second.link


def test_a_seal_holds_so_many_fills_at_most(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "FILLS", 2)
    for _ in range(5):
        pit.buy(1)
    assert seal_fills() == 3
    assert spans() == [(1, 2), (3, 4), (5, 5)]


def test_nothing_behind_a_gap_is_sealed(pit: Pit) -> None:
    for _ in range(4):
        pit.buy(1)
    Fill.objects.filter(number=3).delete()
    seal_fills()
    assert spans() == [(1, 2)]
    assert seal_fills() == 0


def test_many_portfolios_take_as_many_statements_as_one(pit: Pit) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            seal_fills()
        return len(found)

    pit.buy(1)
    one = statements()
    followers = pit.crowd(5)
    pit.buy(1)
    assert statements() == one
    assert Seal.objects.count() == 2 + len(followers)


def test_each_minute_looks_at_what_was_filled_lately_and_each_root_at_all(pit: Pit, record_key: str) -> None:
    pit.buy(1)
    seal_new_fills()
    with CaptureQueriesContext(connection) as found:
        seal_new_fills()
    assert len(found) == 2
    pit.buy(1)
    # Left over from before: their keys are older than what is looked at.
    for fill in Fill.objects.all():
        Fill.objects.filter(pk=fill.pk).update(id=first_id_at(wall_now() - LATE - timedelta(minutes=fill.number)))
    seal_new_fills()
    assert spans() == [(1, 1)]
    sign_due_root()
    assert (spans(), RecordRoot.objects.get().size) == ([(1, 1), (2, 2)], 2)
    pit.buy(1)
    seal_new_fills()
    assert spans()[2:] == [(3, 3)]
    # A root was signed just now: until the next one nobody looks at all of them.
    with CaptureQueriesContext(connection) as found:
        sign_due_root()
    assert len(found) == 1


def test_what_is_killed_in_the_middle_leaves_nothing_behind(pit: Pit, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    pit.buy(1)
    with monkeypatch.context() as patch:
        patch.setattr(sealing, "bulk_update", killed)
        with pytest.raises(KeyboardInterrupt):
            seal_fills()
    assert (Seal.objects.count(), SealedBook.objects.count()) == (0, 0)
    seal_fills()
    assert spans() == [(1, 1)]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_two_at_once_seal_each_fill_once(pit: Pit, record_key: str) -> None:
    for _ in range(3):
        pit.buy(1)
    made = at_once(seal_fills, seal_fills)
    assert (sorted(made), spans()) == ([0, 1], [(1, 3)])
    now = wall_now()
    roots = at_once(lambda: sign_root(now=now), lambda: sign_root(now=now))
    assert [one for one in roots if isinstance(one, Exception)] == []
    assert RecordRoot.objects.count() == 1


def test_roots_come_hourly_and_follow_each_other(pit: Pit, record_key: str) -> None:
    pit.buy(1)
    seal_fills()
    sign_due_root()
    pit.buy(1)
    seal_fills()
    assert sign_root() is None
    second = sign_root(now=wall_now() + ROOT_EVERY)
    assert second is not None
    first = RecordRoot.objects.get(number=1)
    former = hashlib.sha256(root_statement(first).data).hexdigest()
    assert (first.previous, first.size, second.previous, second.size) == (NO_ROOT, 1, former, 1)
    assert json.loads(root_statement(first).data)["key"] == RecordKey.objects.get().pk
    # Nothing was sealed since: there is nothing to sign.
    assert sign_root(now=wall_now() + 2 * ROOT_EVERY) is None


def test_a_new_key_signs_later_roots_and_the_old_ones_stay_valid(sealed: Sealed, settings: Settings) -> None:
    settings.RECORD_KEY = key_text(2)
    sealed.pit.buy(1)
    sealed.seal()
    keys = {one.pk: bytes.fromhex(one.public) for one in RecordKey.objects.all()}
    roots = [signed_root(one) for one in RecordRoot.objects.order_by("number")]
    assert len(keys) == 2
    assert [is_signed(one.statement, one.signature, keys[one.statement.key]) for one in roots] == [True] * 3
    assert len({one.statement.key for one in roots}) == 2


def test_the_embedded_default_makes_a_key_once_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "record_key"
    settings.RECORD_KEY_FILE, settings.REDIS_URL = str(path), ""
    first = signing_key()
    assert (signing_key(), len(first), path.stat().st_mode & 0o777) == (first, 32, 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["record_key"]


def test_without_a_key_nothing_is_signed_and_it_is_said_why(
    pit: Pit, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    pit.buy(1)
    seal_fills()
    settings.RECORD_KEY_FILE = ""
    sign_due_root()
    assert "set SLIPSTREAM_RECORD_KEY" in caplog.text
    settings.RECORD_KEY = "short"
    with pytest.raises(DomainError, match="cannot be read"):
        sign_root()
    assert RecordRoot.objects.count() == 0
