"""The default plan: always there, never overwritten."""

from __future__ import annotations

from django.core.management import call_command

from accounts.models import DEFAULT_LIMITS, Limit, Plan
from accounts.services import ensure_default_plan


def test_a_fresh_database_has_the_default_plan(db: None) -> None:
    plan = Plan.objects.get(is_default=True)
    assert dict(plan.limits.values_list("name", "value")) == DEFAULT_LIMITS


def test_numbers_an_operator_changed_stay_and_missing_ones_come_back(db: None) -> None:
    Limit.objects.filter(name="follows").update(value=7)
    Limit.objects.filter(name="strategies").delete()
    plan = ensure_default_plan()
    assert dict(plan.limits.values_list("name", "value")) == {**DEFAULT_LIMITS, "follows": 7}
    assert Plan.objects.filter(is_default=True).get() == plan


def test_every_migration_makes_sure_of_it(db: None) -> None:
    Plan.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert Plan.objects.get().limits.count() == len(DEFAULT_LIMITS)
