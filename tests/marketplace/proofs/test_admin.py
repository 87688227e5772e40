"""Operators look at seals, roots, keys and submissions; nobody changes one there."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from accounts.models import User
from marketplace.models import Submission
from marketplace.proofs.models import RecordKey, RecordRoot, Seal
from tests.fixtures_verified import Sealed


def test_operators_look_at_proofs_and_submissions_and_change_nothing(sealed: Sealed, operator: User) -> None:
    operator.is_superuser = True
    operator.save()
    browser = Client()
    browser.force_login(operator)
    for model in (RecordKey, RecordRoot, Seal, Submission):
        name, row = f"admin:marketplace_{model._meta.model_name}", model._default_manager.first()
        assert row is not None
        assert str(row).encode() in browser.get(reverse(f"{name}_change", args=[row.pk])).content
        assert browser.get(reverse(f"{name}_changelist")).status_code == 200
        assert browser.post(reverse(f"{name}_change", args=[row.pk]), {"state": "DONE"}).status_code == 403
        assert browser.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
