"""The audit's chain: its canonical form stands for good, and the first row that was touched is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.audit_log.chain import FIRST, canonical_entry, link
from accounts.audit_log.forms import AuditFilter
from accounts.audit_log.models import AuditSeal
from accounts.audit_log.selectors import first_broken, newest_seal
from accounts.audit_log.services import seal_entries
from accounts.models import AuditEntry, Profile, User
from accounts.services import audit, changes
from tests.accounts.conftest import Wall


def test_the_canonical_form_is_that_of_the_vector() -> None:
    entry = AuditEntry(
        id=7,
        at=datetime(2026, 3, 2, 12, 0, 0, 5, UTC),
        actor_id=UUID(int=1),
        role="trader",
        workspace_id=UUID(int=2),
        action="order.placed",
        object_kind="trading.order",
        object_id="x",
        before=None,
        after={"quantity": "0.1", "b": "é"},
        address="203.0.113.7",
        request_id="trace",
    )
    data = canonical_entry(entry, 3)
    assert data == (
        b'{"action":"order.placed","actor":"00000000-0000-0000-0000-000000000001","address":"203.0.113.7",'
        b'"after":{"b":"\\u00e9","quantity":"0.1"},"at":"2026-03-02T12:00:00.000005Z","before":null,"id":7,"number":3,'
        b'"object":["trading.order","x"],"request":"trace","role":"trader","v":1,'
        b'"workspace":"00000000-0000-0000-0000-000000000002"}'
    )
    assert FIRST == "9586e73ad0f0dcdef70cb702ece1f4f2ca679b9bea7cbc43dd78c8709fde8d06"
    assert link(FIRST, data) == "7613426ffccce0c49a558c1af497486e9cd9bf6c0c1913b26d66f54d0c576337"


def _acts(user: User, count: int) -> None:
    for number in range(count):
        audit(action="test.done", obj=user, actor=user, after={"number": number})


def _rewrite(sql: str, *values: Any) -> None:
    """Write past Django, as somebody with the database's password would who lifts its guard first."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")


def test_entries_are_sealed_in_order_and_once(alice: User) -> None:
    _acts(alice, 5)
    assert (seal_entries(batch=2), seal_entries()) == (5, 0)
    _acts(alice, 1)
    assert seal_entries() == 1
    seals = list(AuditSeal.objects.all())
    assert [one.number for one in seals] == [1, 2, 3, 4, 5, 6]
    assert [one.previous for one in seals] == [FIRST, *(one.hash for one in seals[:-1])]
    assert [one.entry_id for one in seals] == sorted(AuditEntry.objects.values_list("pk", flat=True))
    assert first_broken() is None


def test_what_was_committed_late_comes_into_the_chain_later(alice: User) -> None:
    _acts(alice, 3)
    late = AuditEntry.objects.earliest("pk")
    kept = AuditEntry.objects.exclude(pk=late.pk)
    _rewrite("DELETE FROM accounts_auditentry WHERE id = %s", late.pk)
    assert (kept.count(), seal_entries()) == (2, 2)
    late._state.adding = True
    late.save(force_insert=True)
    assert seal_entries() == 1
    assert AuditSeal.objects.get(number=3).entry_id == late.pk
    assert first_broken() is None


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE accounts_auditentry SET action = 'test.undone' WHERE id = %s", "the entry is not what was sealed"),
        ("UPDATE accounts_auditentry SET role = 'owner' WHERE id = %s", "the entry is not what was sealed"),
        ("DELETE FROM accounts_auditentry WHERE id = %s", "the entry is missing"),
        ("DELETE FROM accounts_auditseal WHERE entry_id = %s", "its seal is missing"),
    ],
)
def test_the_first_broken_row_is_named(alice: User, sql: str, message: str) -> None:
    _acts(alice, 4)
    seal_entries()
    second = AuditSeal.objects.get(number=2)
    _rewrite(sql, second.entry_id)
    with pytest.raises(CommandError, match=f"at number 2 .*: {message}"):
        call_command("verify_audit")


def test_a_chain_made_anew_and_one_cut_off_are_told_by_a_kept_head(alice: User) -> None:
    _acts(alice, 3)
    seal_entries()
    printed = StringIO()
    call_command("verify_audit", stdout=printed)
    head = printed.getvalue().split()[-1]
    seal = newest_seal()
    assert seal is not None
    assert head == f"3:{seal.hash}"
    _rewrite("DELETE FROM accounts_auditseal WHERE number = %s", 3)
    call_command("verify_audit", stdout=StringIO())
    with pytest.raises(CommandError, match="cut off"):
        call_command("verify_audit", expect=[head])


def test_an_old_entry_that_was_left_out_is_told(alice: User, wall: Wall) -> None:
    _acts(alice, 1)
    seal_entries()
    _acts(alice, 1)
    assert first_broken() is None
    wall.pass_by(hours=3)
    found = first_broken()
    assert found is not None
    assert found.message == "the entry is old and was never sealed"


@pytest.mark.services
def test_postgresql_refuses_to_rewrite(alice: User) -> None:
    _acts(alice, 1)
    for sql in ("UPDATE accounts_auditentry SET action = ''", "DELETE FROM accounts_auditentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert AuditEntry.objects.count() == 1


def test_changes_tell_what_differs_and_no_secret(alice: User) -> None:
    before = Profile.objects.get(pk=alice.pk)
    after = Profile.objects.get(pk=alice.pk)
    after.display_name, after.bio = "Alice", "I like long walks."
    assert changes(before, after) == {
        "before": {"display_name": "alice", "bio": "…"},
        "after": {"display_name": "Alice", "bio": "…"},
    }
    told = changes(None, alice)["after"]
    assert told is not None
    assert told["email"] == "alice@example.org"
    assert "password" not in told


def test_one_sees_ones_own_and_an_operator_everybodys(client: Client, alice: User, bob: User) -> None:
    audit(action="test.done", obj=alice, actor=alice, after={"note": "=1+1"})
    audit(action="test.other", obj=bob, actor=bob)
    client.force_login(alice)
    page = client.get("/settings/audit/").content.decode()
    assert ("test.done" in page, "test.other" in page) == (True, False)
    assert client.get("/settings/audit/everybody/").status_code == 403
    lines = b"".join(client.get("/settings/audit/export/ndjson/?action=test").streaming_content).splitlines()  # type: ignore[attr-defined]
    assert [json.loads(line)["action"] for line in lines] == ["test.done"]
    sheet = b"".join(client.get("/settings/audit/export/csv/?text=1%2B1").streaming_content).decode()  # type: ignore[attr-defined]
    assert sheet.splitlines()[0].startswith("id,at,actor,role")
    assert len(sheet.splitlines()) == 2
    assert client.get("/settings/audit/export/xml/").status_code == 400
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    page = client.get("/settings/audit/everybody/?person=alice&action=test").content.decode()
    assert ("test.done" in page, "test.other" in page) == (True, False)


@pytest.mark.parametrize("name", ["since", "until"])
def test_the_last_day_of_the_calendar_is_no_day_to_ask_for(name: str) -> None:
    form = AuditFilter({name: "9999-12-31"})
    assert name not in form.asked()
    assert name in form.errors
