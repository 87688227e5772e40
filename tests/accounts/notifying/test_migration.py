"""Mails that waited when deliveries came are deliveries afterwards, and are given back when one migrates back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.accounts.conftest import NOON

BEFORE, AFTER = [("accounts", "0006_webhooks")], [("accounts", "0011_notifying")]


def migrated(targets: list[tuple[str, str]]) -> Any:
    """Migrate to these, and return the models as they are there."""
    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.mark.django_db(transaction=True)
def test_mails_that_wait_are_taken_over_and_given_back() -> None:
    latest = [node for node in MigrationExecutor(connection).loader.graph.leaf_nodes() if node[0] == "accounts"]
    try:
        old = migrated(BEFORE)
        user = old.get_model("accounts", "User").objects.create(email="dora@example.org", password="!")
        notifications = old.get_model("accounts", "Notification").objects
        waits = notifications.create(user=user, event="a", created_at=NOON, mail_due_at=NOON + timedelta(minutes=5))
        notifications.create(user=user, event="b", created_at=NOON, mail_due_at=None)
        deliveries = migrated(AFTER).get_model("accounts", "Delivery").objects
        told = deliveries.values_list("notification_id", "user_id", "channel", "state", "due_at", "planned_at")
        assert list(told) == [(waits.pk, user.pk, "MAIL", "PENDING", NOON + timedelta(minutes=5), NOON)]
        again = migrated(BEFORE).get_model("accounts", "Notification").objects
        assert dict(again.values_list("event", "mail_due_at")) == {"a": NOON + timedelta(minutes=5), "b": None}
    finally:
        MigrationExecutor(connection).migrate(latest)
