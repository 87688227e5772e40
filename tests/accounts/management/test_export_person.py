"""The operator's way to answer a request for one's data that came by letter."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry, User


def test_the_command_prints_one_persons_data(alice: User, bob: User) -> None:
    out = StringIO()
    call_command("export_person", "Alice@example.org", stdout=out)
    assert json.loads(out.getvalue())["accounts"]["email"] == "alice@example.org"
    assert "bob" not in out.getvalue()
    assert AuditEntry.objects.get().action == "person.exported"


def test_an_unknown_address_is_named(alice: User) -> None:
    with pytest.raises(CommandError, match=r"Nobody here has the address nobody@example\.org\."):
        call_command("export_person", "nobody@example.org", stdout=StringIO())
    assert AuditEntry.objects.count() == 0
