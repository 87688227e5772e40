"""Operators look at strategies and stop runs."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from strategies.models import RunState
from strategies.services.definitions import save_strategy
from strategies.services.runs import start_run
from tests.fixtures_desk import Desk
from tests.fixtures_past import ema_cross


def test_an_operator_stops_a_run(alice: User, operator: User, desk: Desk) -> None:
    operator.is_superuser = True
    operator.save()
    version = save_strategy(
        owner=alice,
        name="Crossing",
        instruments=[desk.instrument()],
        timeframe="5m",
        face=ema_cross(),
    )
    run = start_run(actor=alice, version=version, portfolio=desk.portfolio(alice))
    browser = Client()
    browser.force_login(operator)
    for model, key in (("strategy", version.strategy_id), ("strategyrun", run.pk)):
        assert b"Crossing" in browser.get(reverse(f"admin:strategies_{model}_changelist")).content
        assert b"Crossing" in browser.get(reverse(f"admin:strategies_{model}_change", args=[key])).content
    address = reverse("admin:strategies_strategyrun_changelist")
    browser.post(address, {"action": "stop", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert (run.state, run.stop_code) == (RunState.STOPPED, "STOPPED_BY_OPERATOR")
    assert AuditEntry.objects.get(action="run.stopped").actor == operator
